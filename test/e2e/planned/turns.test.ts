/** Runs whose sources take turns: they go on by another plan with the source whose turn it was. */
import test from 'ava';
import {atRound, equalsFirstPlan, goesOn, plansIn} from '../../support/plans/moved-plans.js';
import {aJob, follow, join, movesIn, underWay} from '../../support/plans/moves.js';
import {inTurn, type PlanAlone} from '../../support/plans/plans-alone.js';

const items = 16;
const epochs = 10;
/** With one item for each step two sources cannot share a batch: they take turns. */
const job = aJob({
	data: {dataset: 'digits', limit: items, sources: ['cam-1', 'cam-2']},
	training: {optimizer: {kind: 'sgd', lr: 0.001, momentum: 0.9}, batch: 1, epochs, seed: 5},
	objective: {minimise: 'energy'},
	planning: {mostStages: 2, mostReplicas: 1, microBatches: [1], localEpochs: [0, 1], replanFactor: 100},
});

const reference = (alone: PlanAlone) => inTurn(alone, 1);

test.serial(
	'a faster trunk that joins takes over in the midst of a turn, and all ends as if nothing had been',
	async t => {
		const {fleet, run} = await underWay(t, job, {'cam-1': {says: 200}, 'cam-2': {says: 200}, 'fog-1': {says: 60}});
		const {ledger, updates} = await follow(
			fleet,
			run,
			atRound(4, () => join(fleet, 'fog-2', {says: 1})),
		);
		goesOn(t, ledger, items * epochs);
		const [first] = plansIn(updates);
		t.is(first!.scheme, 'split learning, 1 local epoch');
		const [move] = movesIn(ledger);
		t.log(move?.text ?? ledger.notes);
		t.regex(move!.text, /to «split learning, 1 local epoch» \(cam-1, cam-2, fog-2\): fog-2 joined/u);
		await equalsFirstPlan(t, fleet, {run, job, first: first!, reference});
	},
);

test.serial('sources are not taken for slow because others have their turns', async t => {
	const {fleet, run} = await underWay(
		t,
		{...job, planning: {...job.planning, replanFactor: 1.8}},
		{'cam-1': {says: 200}, 'cam-2': {says: 200}, 'fog-1': {says: 1, is: 300}, 'fog-2': {says: 2}},
	);
	const {ledger, updates} = await follow(fleet, run);
	goesOn(t, ledger, items * epochs);
	const [move] = movesIn(ledger);
	t.log(move?.text ?? ledger.notes);
	t.regex(move!.text, /\(cam-1, cam-2, fog-2\): fog-1 takes \d+ times as long as its profile says; what/u);
	await equalsFirstPlan(t, fleet, {run, job, first: plansIn(updates)[0]!, reference});
});

test.serial('when the trunk dies a spare takes it over, and then a plan that suits the spare', async t => {
	const {fleet, run, devices} = await underWay(t, job, {
		'cam-1': {says: 200},
		'cam-2': {says: 200},
		'fog-1': {says: 1},
		'fog-2': {says: 900},
	});
	const fog = devices.get('fog-1')!;
	const {ledger, updates} = await follow(
		fleet,
		run,
		atRound(10, () => fog.kill()),
	);
	goesOn(t, ledger, items * epochs);
	const [move] = movesIn(ledger);
	t.log(move?.text ?? ledger.notes);
	t.regex(move!.text, /to «split learning, 1 local epoch» \(cam-1, cam-2, fog-2\): fog-1 left/u);
	await equalsFirstPlan(t, fleet, {run, job, first: plansIn(updates)[0]!, reference});
});
