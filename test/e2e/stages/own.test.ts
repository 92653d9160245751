/** Plans with weights, junctions or optimisers of their own kinds do what is written down by hand for one machine. */
import test from 'ava';
import type {JobDocument} from '../../../core/plan/job.js';
import {near, planFleet, planOf, runPlan, sources} from '../../support/plans/plan-runs.js';
import {aJob, equalsAlone, subjects} from '../../support/plans/plan-subjects.js';
import {inTurn, ownFirstStages, planAlone} from '../../support/plans/plans-alone.js';

for (const [title, subject] of Object.entries(subjects)) {
	test.serial(
		`${title}: plans whose sources have weights of their own for a time do what is written by hand`,
		async t => {
			const fleet = await planFleet(t);
			// Dropout masks are those of the whole batch, which no trainer of a part of it draws.
			const model = subject.plain ?? subject.model;
			const job = aJob(subject);
			const turns = planOf(model, {kind: 'split-learning', localEpochs: 1}, {owners: 2});
			await equalsAlone(t, fleet, {model, job, plan: turns}, alone => inTurn(alone, 1));
			const splitFed = planOf(model, {kind: 'split-fed', localEpochs: 2, microBatches: 2}, {owners: 2, shares: [3, 1]});
			// Two means of the first stages.
			const longer = aJob(subject, {epochs: 4});
			await equalsAlone(
				t,
				fleet,
				{model, job: longer, plan: splitFed},
				async alone => (await ownFirstStages(alone, 10))[0]!,
			);
			const own = planOf(model, {kind: 'fpl-stacked', branches: 'never'}, {owners: 2, shares: [1, 3]});
			const finished = await runPlan(t, fleet, model, job, own);
			const expected = await ownFirstStages(await planAlone(fleet.engine, await finished.bytes(), job, own));
			for (const [index, weights] of expected.entries()) {
				const error = near(t, `${own.scheme}, ${sources[index]}`, await finished.after(sources[index]), weights, 1e-4);
				t.log(`${own.scheme}, ${sources[index]}: ${error.toExponential(1)}`);
			}
		},
	);
}

for (const [title, {aligned, ...subject}] of Object.entries(subjects)) {
	if (!aligned) {
		continue;
	}
	test.serial(`${title}: branches of aligned sources and their trunk compute what the joined model does`, async t => {
		const fleet = await planFleet(t);
		const {model, views} = aligned;
		const plain = aJob(subject);
		const job: JobDocument = {...plain, data: {...plain.data, views}};
		for (const junction of ['scalar', 'per-unit'] as const) {
			const plan = planOf(model, {kind: 'fpl-aligned', junction, microBatches: 2}, {owners: 2});
			await equalsAlone(t, fleet, {model, job, plan});
		}
	});
}

test.serial('clipping looks at all stages together, and optimisers and schedules are those of one machine', async t => {
	const fleet = await planFleet(t);
	const {model} = subjects['lenet5']!;
	const trainings: readonly JobDocument['training'][] = [
		{
			// Adam divides by the gradient's own size: where that is near nothing, a smaller epsilon makes rounding errors large.
			optimizer: {kind: 'adamw', lr: 0.002, weightDecay: 0.05, epsilon: 1e-5},
			clipNorm: 0.5,
			schedule: {kind: 'cosine', warmup: 3, floor: 0.1},
		},
		{
			optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.001},
			clipNorm: 0.3,
			schedule: {kind: 'step', every: 6, gamma: 0.3},
		},
	];
	const plans = [
		planOf(model, {kind: 'pipeline', microBatches: 4}, {owners: 1}),
		planOf(model, {kind: 'fpl-stacked'}, {owners: 3, shares: [2, 1, 1]}),
		planOf(model, {kind: 'u-shaped'}, {owners: 2}),
	];
	for (const training of trainings) {
		for (const plan of plans) {
			await equalsAlone(t, fleet, {model, job: aJob(subjects['lenet5']!, training), plan});
		}
	}
});
