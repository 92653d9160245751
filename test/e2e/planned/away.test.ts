/** Devices that are away when the coordinator is started again, and runs that keep their plan whoever comes and goes. */
import test from 'ava';
import {runId} from '../../../core/ids.js';
import {equalsUndisturbed, follow, movesIn} from '../../support/plans/moves.js';
import {aShapedFleet, aShapedJob, limit, steps} from '../../support/plans/shaped-fleet.js';

const wired = {up: 900, down: 900};
/** As long as it takes to notice something. */
const short = {...aShapedJob().training, epochs: 4};

test.serial('a run that is taken up again without a device of its plan goes on by a plan without it', async t => {
	const fleet = await aShapedFleet(t, {
		'cam-1': {slow: 40, says: wired},
		'fog-1': {slow: 1, says: wired},
	});
	const stop = await fleet.coordinator();
	await fleet.join('cam-1');
	const fog = await fleet.join('fog-1');
	const job = aShapedJob({
		data: {dataset: 'digits', limit, sources: ['cam-1']},
		devices: {wait: '2 min'},
		planning: {mostStages: 2, mostReplicas: 1, microBatches: [1], replanFactor: 100},
	});
	const run = await fleet.submit(job);
	let again: Promise<unknown> | undefined;
	const {ledger} = await follow(fleet, run, update => {
		if (update.kind === 'round' && update.record.round >= 5 && !again) {
			again = stop()
				.then(() => fog.close())
				.then(() => fleet.coordinator());
		}
	});
	await again;
	t.is(ledger.final.state, 'done', ledger.final.because);
	const [move, ...more] = movesIn(ledger);
	t.regex(
		move?.text ?? JSON.stringify(ledger.notes),
		/\(cam-1, fog-1\) to «one device» \(cam-1\): fog-1 is not here; the run could not go on as before/u,
	);
	t.is(more.length, 0);
	t.deepEqual(
		ledger.rounds.map(({round}) => round),
		Array.from({length: steps}, (_, round) => round),
	);
	await equalsUndisturbed(t, fleet, run, job);
});

test.serial('a run of a named scheme keeps its plan, and says so once', async t => {
	const fleet = await aShapedFleet(t, {
		// As slow as it says: who joins is the only news.
		'fog-1': {slow: 5, says: {up: 10, down: 100}},
		'fog-2': {slow: 1, says: wired},
		'fog-3': {slow: 1, says: wired},
	});
	await fleet.coordinator();
	await fleet.join('fog-1');
	const job = aShapedJob({training: short, scheme: {kind: 'd-sgd'}, planning: {replanFactor: 100}});
	const run = runId(await fleet.submit(job));
	let joined = false;
	const {ledger} = await follow(fleet, run, async update => {
		if (update.kind === 'round' && update.record.round >= 2 && !joined) {
			joined = true;
			await fleet.join('fog-2');
			await fleet.join('fog-3');
		}
	});
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.true(ledger.rounds.every(({devices}) => devices.join() === 'fog-1'));
	const told = ledger.notes.map(({text}) => text).filter(text => text.startsWith('keeps'));
	t.deepEqual(told, [
		'keeps its plan, though fog-2 joined: somebody chose it. With «scheme: auto» the planner chooses, and plans anew.',
	]);
});

test.serial('a given plan is held against what was predicted of it as well', async t => {
	const fleet = await aShapedFleet(t, {
		'fog-1': {slow: 5, says: {up: 100, down: 20}, is: {up: 10, down: 20}},
		'fog-2': {slow: 5, says: {up: 100, down: 20}},
	});
	await fleet.coordinator();
	await fleet.join('fog-1');
	await fleet.join('fog-2');
	const job = aShapedJob({
		training: short,
		scheme: {kind: 'd-sgd'},
		devices: {minimum: 2, wait: '20 s'},
		planning: {replanFactor: 3},
	});
	const {ledger} = await follow(fleet, await fleet.submit(job), () => {});
	const told = ledger.notes.map(({text}) => text).filter(text => text.startsWith('keeps'));
	t.is(told.length, 1);
	t.regex(
		told[0]!,
		/keeps its plan, though fog-1 sends at \d+(\.\d)? Mbit\/s, where its profile says 100 Mbit\/s: somebody/u,
	);
});
