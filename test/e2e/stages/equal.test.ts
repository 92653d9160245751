/** Plans that synchronise every step compute what one machine computes, for every model of the zoo that is quick to train. */
import test from 'ava';
import {sourceCut} from '../../../models/plans/default-cuts.js';
import {planFleet, planOf} from '../../support/plans/plan-runs.js';
import {aJob, equalsAlone, subjects} from '../../support/plans/plan-subjects.js';

for (const [title, subject] of Object.entries(subjects)) {
	test.serial(`${title}: plans that synchronise every step compute what one machine computes`, async t => {
		const fleet = await planFleet(t);
		const {model} = subject;
		const flow = {microBatches: 4} as const;
		const cuts = sourceCut(model);
		const dropping = model.graph.nodes.some(({op}) => op === 'Dropout');
		const plans = [
			planOf(model, {kind: 'centralised', device: 'src-1'}, {owners: 1, trunk: 0}),
			// Replicas of a whole model each draw dropout masks of their own.
			...(dropping ? [] : [planOf(model, {kind: 'd-sgd'}, {owners: 3, trunk: 0, shares: [1, 2, 1]})]),
			planOf(model, {kind: 'model-split'}, {owners: 1}),
			planOf(model, {kind: 'pipeline', ...flow}, {owners: 1, trunk: title === 'gru' ? 1 : 2}),
			planOf(model, {kind: 'pipeline', ...flow, schedule: 'gpipe'}, {owners: 1}),
			planOf(model, {kind: 'parallel-split'}, {owners: 2}),
			planOf(model, {kind: 'fpl-stacked', ...flow}, {owners: 3, shares: [3, 1, 2]}),
			planOf(model, {kind: 'fpl-stacked', trunk: ['fog-1', 'fog-2'], cuts}, {owners: 2, trunk: 2}),
			...(title === 'gru' ? [] : [planOf(model, {kind: 'u-shaped', microBatches: 2}, {owners: 2})]),
		];
		for (const plan of title === 'tiny-transformer' ? plans.slice(2) : plans) {
			await equalsAlone(t, fleet, {model, job: aJob(subject), plan});
		}
	});
}
