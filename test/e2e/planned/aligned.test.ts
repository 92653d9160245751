/** Runs whose sources see the same items: branches stay with their devices, whatever becomes of the trunk. */
import test from 'ava';
import {atRound, equalsFirstPlan, goesOn, plansIn} from '../../support/plans/moved-plans.js';
import {aJob, follow, join, limit, movesIn, steps, underWay} from '../../support/plans/moves.js';
import {allTogether} from '../../support/plans/plans-alone.js';

const views = {kind: 'tiles', rows: 1, columns: 2, overlap: 0} as const;
const job = aJob({
	data: {dataset: 'digits', limit, sources: ['cam-1', 'cam-2'], views},
	// A trunk is two hundred times as slow as it says; links seem to be ten times so on a busy machine.
	planning: {mostStages: 2, mostReplicas: 1, microBatches: [1], replanFactor: 60},
});

test.serial('the trunk goes over to a faster device that joins; the branches end where they did', async t => {
	const {fleet, run} = await underWay(t, job, {'cam-1': {says: 150}, 'cam-2': {says: 150}, 'fog-1': {says: 40}});
	const {ledger, updates} = await follow(
		fleet,
		run,
		atRound(5, () => join(fleet, 'fog-2', {says: 1})),
	);
	goesOn(t, ledger, steps);
	const [move, ...more] = movesIn(ledger);
	t.log(move?.text ?? ledger.notes);
	t.regex(move!.text, /\(cam-1, cam-2, fog-1\) to «.+» \(cam-1, cam-2, fog-2\): fog-2 joined/u);
	t.is(more.length, 0);
	const [before, after] = plansIn(updates);
	t.deepEqual(after!.stages[0], before!.stages[0]);
	await equalsFirstPlan(t, fleet, {run, job, first: before!, reference: allTogether});
});

test.serial('a trunk that is slower than its profile says is given to another device', async t => {
	const {fleet, run} = await underWay(t, job, {
		'cam-1': {says: 150},
		'cam-2': {says: 150},
		'fog-1': {says: 1, is: 200},
		'fog-2': {says: 2},
	});
	const {ledger, updates} = await follow(fleet, run);
	goesOn(t, ledger, steps);
	const [move] = movesIn(ledger);
	t.log(move?.text ?? ledger.notes);
	t.regex(move!.text, /\(cam-1, cam-2, fog-2\): fog-1 takes \d+ times as long as its profile says/u);
	await equalsFirstPlan(t, fleet, {run, job, first: plansIn(updates)[0]!, reference: allTogether});
});

test.serial('the run moves while a branch is away; when it is back it sees its own view again', async t => {
	const three = {kind: 'tiles', rows: 1, columns: 3, overlap: 0.5} as const;
	const {fleet, run, devices} = await underWay(
		t,
		{
			...job,
			data: {...job.data, sources: ['cam-1', 'cam-2', 'cam-3'], views: three},
			training: {...job.training, optimizer: {kind: 'sgd', lr: 0.02, momentum: 0.9}},
		},
		{'cam-1': {says: 200}, 'cam-2': {says: 200}, 'cam-3': {says: 200}, 'fog-1': {says: 90}},
		// A look at who is here comes after both: a branch left, and another trunk joined.
		{graceMs: 2500},
	);
	const leaving = atRound(10, async () => {
		await devices.get('cam-2')!.kill();
		await join(fleet, 'fog-2', {says: 1});
	});
	let moved = false;
	let back = false;
	const {ledger, updates} = await follow(fleet, run, async update => {
		await leaving(update);
		moved ||= update.kind === 'note' && update.text.startsWith('moves from');
		if (moved && update.kind === 'round' && update.record.devices.includes('fog-2') && !back) {
			back = true;
			await join(fleet, 'cam-2', {says: 200});
		}
	});
	goesOn(t, ledger, steps);
	const [move] = movesIn(ledger);
	t.log(move?.text ?? ledger.notes);
	t.regex(move!.text, /\(cam-1, cam-2, cam-3, fog-2\): cam-2 left, fog-2 joined/u);
	const [, after] = plansIn(updates);
	t.deepEqual(
		after!.stages[0]!.replicas.map(({device}) => device),
		['cam-1', 'cam-2', 'cam-3'],
	);
	const courses = ledger.rounds.map(({devices}) => devices.toSorted().join());
	t.deepEqual(
		courses.filter((course, index) => course !== courses[index - 1]),
		['cam-1,cam-2,cam-3,fog-1', 'cam-1,cam-3,fog-1', 'cam-1,cam-3,fog-2', 'cam-1,cam-2,cam-3,fog-2'],
	);
});
