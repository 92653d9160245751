/** Runs whose devices train by themselves between two means of their weights: they go on by other plans from mean to mean. */
import test from 'ava';
import type {JobDocument} from '../../../core/plan/job.js';
import {federatedAveraging, oneMachine} from '../../support/one-machine.js';
import {atRound, equalsFirstPlan, goesOn, plansIn} from '../../support/plans/moved-plans.js';
import {aJob, equalsAlone, follow, join, limit, movesIn, steps, underWay} from '../../support/plans/moves.js';
import {ownFirstStages} from '../../support/plans/plans-alone.js';

/** A mean every epoch. */
const rounds = steps / 10;
const job = (mostReplicas: number, changes: Partial<JobDocument> = {}) =>
	aJob({
		data: {dataset: 'digits', limit},
		training: {optimizer: {kind: 'sgd', lr: 0.02, momentum: 0.9}, batch: 24, epochs: rounds, seed: 5},
		planning: {mostStages: 1, mostReplicas, localEpochs: [1], replanFactor: 3},
		...changes,
	});

test.serial('a device that joins trains as well from the next mean on, with a part of the data of its own', async t => {
	const {fleet, run} = await underWay(t, job(2), {'cam-1': {says: 60}});
	const {ledger} = await follow(
		fleet,
		run,
		atRound(1, () => join(fleet, 'cam-2', {says: 60})),
	);
	goesOn(t, ledger, rounds);
	const [move] = movesIn(ledger);
	t.log(move?.text ?? ledger.notes);
	t.regex(move!.text, /\(cam-1\) to «2 replicas, mean of weights every epoch» \(cam-1, cam-2\): cam-2 joined/u);
	t.is(ledger.rounds.at(-1)!.devices.length, 2);
});

test.serial(
	'who is slower than its profile says is replaced after two rounds, and nothing is trained twice',
	async t => {
		const wish = job(2);
		const {fleet, run} = await underWay(t, wish, {
			'cam-1': {says: 50},
			'cam-2': {says: 50, is: 300},
			'cam-3': {says: 60},
		});
		const {ledger, updates} = await follow(fleet, run);
		goesOn(t, ledger, rounds);
		const [move] = movesIn(ledger);
		t.log(move?.text ?? ledger.notes);
		t.regex(
			move!.text,
			/\(cam-1, cam-2\) to «.+» \(cam-1, cam-3\): cam-2 takes [\d.]+ times as long as its profile says/u,
		);
		t.is(plansIn(updates)[0]!.stages[0]!.replicas.length, 2);
		await equalsAlone(t, fleet, run, async (engine, bytes) =>
			federatedAveraging(await oneMachine(engine, bytes, wish, 2), rounds, 1),
		);
	},
);

test.serial('who leaves for good is replaced by one that is free, with its part of the data', async t => {
	const {fleet, run, devices} = await underWay(t, job(2), {
		'cam-1': {says: 60},
		'cam-2': {says: 60},
		'cam-3': {says: 66},
	});
	const lost = devices.get('cam-2')!;
	const {ledger} = await follow(
		fleet,
		run,
		atRound(1, () => lost.kill()),
	);
	goesOn(t, ledger, rounds);
	const [move] = movesIn(ledger);
	t.log(move?.text ?? ledger.notes);
	t.regex(move!.text, /\(cam-1, cam-2\) to «.+» \(cam-1, cam-3\): cam-2 left/u);
	t.deepEqual(ledger.rounds.at(-1)!.devices.toSorted(), ['cam-1', 'cam-3']);
});

test.serial('where only the first stage is averaged, the run leaves its trunk at a mean', async t => {
	const {training} = job(1);
	const wish = job(1, {
		// With larger steps rounding decides what some relu lets through, and one machine rounds in another order.
		training: {...training, optimizer: {kind: 'sgd', lr: 0.001, momentum: 0.9}},
		data: {dataset: 'digits', limit, sources: ['cam-1', 'cam-2']},
		planning: {mostStages: 2, mostReplicas: 1, microBatches: [1], localEpochs: [0, 1], replanFactor: 4},
	});
	const {fleet, run} = await underWay(t, wish, {
		'cam-1': {says: 80},
		'cam-2': {says: 80},
		'fog-1': {says: 1, is: 200},
		'fog-2': {says: 2},
	});
	const {ledger, updates} = await follow(fleet, run);
	goesOn(t, ledger, steps);
	const [first] = plansIn(updates);
	t.is(first!.scheme, 'SplitFed, 1 local epoch');
	const [move] = movesIn(ledger);
	t.log(move?.text ?? ledger.notes);
	t.regex(move!.text, /to «SplitFed, 1 local epoch» \(cam-1, cam-2, fog-2\): fog-1 takes \d+ times/u);
	const left = ledger.rounds.findIndex(({devices}) => devices.includes('fog-2'));
	t.true(left > 0 && left % 10 === 0, `fog-2 begins with step ${left}`);
	await equalsFirstPlan(t, fleet, {
		run,
		job: wish,
		first: first!,
		reference: async alone => (await ownFirstStages(alone, 10))[0]!,
	});
});
