/** A plan that the planner found, fitted to the run that it is for. */
import test from 'ava';
import {checkPlan} from '../../../../core/plan/check.js';
import {planSchema} from '../../../../core/plan/plan.js';
import {inOrder} from '../../../../fog-broker/run/replan/places.js';

const ends = [
	{device: 'cam-1', share: 1},
	{device: 'cam-2', share: 3},
];
const bent = planSchema.parse({
	version: 1,
	scheme: 'U',
	model: 'm',
	stages: [
		{units: [0, 1], replicas: ends},
		{units: [2, 3], replicas: [{device: 'fog-1'}]},
		{units: [4, 5], replicas: ends},
	],
	synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
	labels: 'stay',
});

test('sources keep their places, in both stages where labels stay with them', t => {
	const {stages} = checkPlan(inOrder(bent, ['cam-2', 'cam-1']));
	t.deepEqual(stages[0]!.replicas, ends.toReversed());
	t.deepEqual(stages[2]!.replicas, ends.toReversed());
	t.deepEqual(stages[1], bent.stages[1]);
});

test('who is new takes the place that is left', t => {
	const {stages} = checkPlan(inOrder(bent, ['cam-2', 'cam-9']));
	t.deepEqual(stages[2]!.replicas, ends.toReversed());
});
