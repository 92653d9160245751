/**
 * Why the other comparisons with one machine use small steps: with larger ones a course may come so near the kink of a relu that
 * rounding decides whether a value gets through, and from there on there are two right answers.
 *
 * Here (lenet5, SplitFed over two sources, learning rate 0.05) it happens in the sixth step: an output of `fc1` is 6e-8 for one
 * item, where others are 0.3 in the mean. Up to then fleet and reference agree to 2e-7; in that step the gradient of `fc1` and of
 * what lies before it differs by 1e-3, that of `fc2` and `fc3` not at all; after twenty steps the weights differ by 5e-2. The
 * reference beside itself with weights changed in the last bit parts from itself in the same step, by the same amounts, and meets
 * the fleet.
 */
import test from 'ava';
import {seededRandom} from '../../../core/random.js';
import {relativeError} from '../../support/one-machine.js';
import {planFleet, planOf, runPlan} from '../../support/plans/plan-runs.js';
import {aJob, subjects} from '../../support/plans/plan-subjects.js';
import {ownFirstStages, planAlone} from '../../support/plans/plans-alone.js';

test('with large steps a fleet takes one of the ways that one machine takes when its first weights are rounded otherwise', async t => {
	const fleet = await planFleet(t);
	const {model, ...subject} = subjects['lenet5']!;
	const plan = planOf(model, {kind: 'split-fed', localEpochs: 2, microBatches: 2}, {owners: 2, shares: [3, 1]});
	/** Five steps per epoch; weights become their mean every two epochs, and at the end. */
	const ran = async (epochs: number) => {
		const job = aJob({model, ...subject}, {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, epochs});
		const finished = await runPlan(t, fleet, model, job, plan);
		const alone = await planAlone(fleet.engine, await finished.bytes(), job, plan);
		const after = (await finished.after()).parameters;
		/** How far the fleet is from one machine whose first weights are changed by so much. */
		return async (seed: number, size: number) => {
			const random = seededRandom(seed);
			const disturb = (weights: Float32Array) => weights.map(weight => weight * (1 + size * (2 * random.next() - 1)));
			const [first] = await ownFirstStages(alone, Math.min(2, epochs) * 5, disturb);
			return relativeError(after, first!.parameters);
		};
	};
	const soon = await (await ran(1))(0, 0);
	t.true(soon <= 1e-6, `before the kink: ${soon}`);
	const errorTo = await ran(4);
	const errors = [await errorTo(0, 0)];
	for (let seed = 1; seed <= 8 && errors.at(-1)! > 1e-4; seed++) {
		errors.push(await errorTo(seed, 1e-7));
	}
	t.log(`after 5 steps ${soon.toExponential(1)}, after 20 ${errors.map(error => error.toExponential(1)).join(', ')}`);
	t.true(errors.at(-1)! <= 1e-4);
});
