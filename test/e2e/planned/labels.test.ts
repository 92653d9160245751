/** Jobs whose labels stay: the sources have the first and the last stage, before and after a run is planned anew. */
import test from 'ava';
import type {Plan} from '../../../core/plan/plan.js';
import {atRound, equalsFirstPlan, goesOn, plansIn} from '../../support/plans/moved-plans.js';
import {aJob, follow, join, limit, movesIn, steps, underWay} from '../../support/plans/moves.js';
import {allTogether} from '../../support/plans/plans-alone.js';

const job = aJob({
	data: {dataset: 'digits', limit, sources: ['cam-1', 'cam-2']},
	privacy: {labels: 'stay'},
	planning: {mostStages: 3, mostReplicas: 1, microBatches: [1, 4], replanFactor: 100},
});

const ends = ({stages}: Plan) => [stages[0]!, stages.at(-1)!].map(({replicas}) => replicas);

test.serial(
	'the middle goes over to a faster device that joins; labels stay, and the weights are those of one machine',
	async t => {
		const {fleet, run} = await underWay(t, job, {'cam-1': {says: 800}, 'cam-2': {says: 800}, 'fog-1': {says: 300}});
		const {ledger, updates} = await follow(
			fleet,
			run,
			atRound(5, () => join(fleet, 'fog-2', {says: 1})),
		);
		goesOn(t, ledger, steps);
		const [move, ...more] = movesIn(ledger);
		t.log(move?.text ?? ledger.notes);
		t.regex(move!.text, /: fog-2 joined/u);
		t.is(more.length, 0);
		const plans = plansIn(updates);
		t.deepEqual(
			plans.map(({stages}) => stages[1]!.replicas.map(({device}) => device)),
			[['fog-1'], ['fog-2']],
		);
		for (const plan of plans) {
			t.is(plan.labels, 'stay');
			const [first, last] = ends(plan);
			t.deepEqual(first, last);
			t.deepEqual(first!.map(({device}) => device).toSorted(), ['cam-1', 'cam-2']);
		}
		t.deepEqual(ends(plans[0]!), ends(plans[1]!));
		await equalsFirstPlan(t, fleet, {run, job, first: plans[0]!, reference: allTogether});
	},
);

test.serial('without a helper the whole model is trained where the labels are', async t => {
	const {fleet, run} = await underWay(
		t,
		{...job, training: {...job.training, epochs: 2}},
		{'cam-1': {says: 1}, 'cam-2': {says: 1}},
	);
	const {ledger, updates} = await follow(fleet, run, undefined, undefined);
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.is(ledger.rounds.length, 20);
	const [plan] = plansIn(updates);
	t.is(plan!.labels, 'stay');
	t.is(plan!.stages.length, 1);
});
