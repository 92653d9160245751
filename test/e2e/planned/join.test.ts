/** Devices that join a run: it goes on by a plan with them. Nothing that was learned is lost, and nothing is learned twice. */
import test from 'ava';
import {devicesOf} from '../../../core/plan/fallback.js';
import {atRound} from '../../support/plans/moved-plans.js';
import {
	aJob,
	equalsUndisturbed,
	everyStepOnce,
	follow,
	join,
	limit,
	movesIn,
	underWay,
} from '../../support/plans/moves.js';

test.serial('a fast device that joins gets work; the weights go on where they were, also after a restart', async t => {
	const job = aJob();
	const {fleet, run, stop} = await underWay(t, job, {'cam-1': {says: 80}});
	let joined = false;
	let restarted = false;
	let moved = false;
	const {ledger, updates} = await follow(fleet, run, async update => {
		if (update.kind === 'round' && update.record.round >= 5 && !joined) {
			joined = true;
			await join(fleet, 'fog-1', {says: 1});
		}
		moved ||= update.kind === 'note' && update.text.startsWith('moves from');
		if (moved && update.kind === 'round' && update.record.devices.includes('fog-1') && !restarted) {
			restarted = true;
			void stop().then(() => fleet.coordinator());
		}
	});
	everyStepOnce(t, ledger);
	const [move, ...more] = movesIn(ledger);
	t.log(move?.text);
	t.regex(
		move!.text,
		/moves from «one device» \(cam-1\) to «.+» \(cam-1, fog-1\): fog-1 joined; what is left costs \d+ % less/u,
	);
	t.is(more.length, 0);
	const plans = updates.filter(update => update.kind === 'planned');
	t.deepEqual(
		plans.map(({plan}) => devicesOf(plan)),
		[['cam-1'], ['cam-1', 'fog-1'], ['cam-1', 'fog-1']],
	);
	t.true(restarted && plans[2]!.attempt > plans[1]!.attempt);
	t.deepEqual(devicesOf((await fleet.store.find(run))!.plan!), ['cam-1', 'fog-1']);
	t.true((await fleet.store.prediction(run))!.ledger.devices.some(({device}) => device === 'fog-1'));
	await equalsUndisturbed(t, fleet, run, job);
});

test.serial('dealt data go over to a faster device with the place that was reached in them', async t => {
	const job = aJob({data: {dataset: 'digits', limit}, planning: {mostStages: 1, mostReplicas: 1, replanFactor: 100}});
	const {fleet, run} = await underWay(t, job, {'cam-1': {says: 80}});
	const {ledger} = await follow(
		fleet,
		run,
		atRound(5, () => join(fleet, 'fog-1', {says: 1})),
	);
	everyStepOnce(t, ledger);
	t.regex(movesIn(ledger)[0]!.text, /\(cam-1\) to «one device» \(fog-1\): fog-1 joined/u);
	await equalsUndisturbed(t, fleet, run, job);
});

test.serial('dealt data are divided anew at the end of an epoch, when more devices share them', async t => {
	const planning = {mostStages: 1, mostReplicas: 2, replanFactor: 100};
	const {fleet, run} = await underWay(t, aJob({data: {dataset: 'digits', limit}, planning}), {'cam-1': {says: 80}});
	const {ledger} = await follow(
		fleet,
		run,
		atRound(5, () => join(fleet, 'cam-2', {says: 80})),
	);
	everyStepOnce(t, ledger);
	t.regex(movesIn(ledger)[0]!.text, /«one device» \(cam-1\) to «2 replicas» \(cam-1, cam-2\): cam-2 joined/u);
	const first = ledger.rounds.findIndex(({devices}) => devices.includes('cam-2'));
	t.true(first >= 10 && first % 10 === 0, `cam-2 begins with step ${first}`);
	t.true(ledger.rounds.slice(first).every(({devices}) => devices.length === 2));
	t.true(ledger.rounds[first]!.loss < 1.1 * ledger.rounds[first - 1]!.loss);
});
