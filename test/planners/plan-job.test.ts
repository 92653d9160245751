/** What is kept with a run of the plan that was chosen for it. */
import test from 'ava';
import {parsePrediction, predictionJson} from '../../core/ledger/prediction.js';
import {jobSchema} from '../../core/plan/job.js';
import {libraryProfile} from '../../core/profile/library.js';
import {buildModel} from '../../models/zoo/zoo.js';
import type {PlanDevice} from '../../planners/cost-input.js';
import {planJob, predictionOfJob, predictionOfPlan} from '../../planners/plan-job.js';
import {paretoFigure} from '../../reports/pareto/figure.js';

const profiles = {'cam-1': 'raspberry-pi-3b-plus', 'cam-2': 'raspberry-pi-4b', 'fog-1': 'mini-pc-n100'};
const input = {
	job: jobSchema.parse({
		version: 1,
		model: 'lenet5',
		data: {dataset: 'digits', sources: ['cam-1', 'cam-2'], limit: 1000},
		objective: {minimise: 'energy', subjectTo: {time: '10 min'}},
	}),
	model: buildModel('lenet5', {seed: 1}),
	devices: Object.entries(profiles).map(
		([device, profile]): PlanDevice => ({device, profile: libraryProfile(profile)}),
	),
	items: 1000,
};
const about = {run: 'lenet5-1', dataset: 'digits', startedAt: '2026-03-14T09:26:53.000Z'};

test('a run keeps the plans that were weighed, as points of a picture with the chosen one among them', t => {
	const planned = planJob(input, {expired: () => false, interrupted: () => false, exactPlans: 2000});
	const kept = parsePrediction(JSON.parse(predictionJson(predictionOfJob(input, planned, about))!));
	t.is(kept.objective, 'energy, time at most 10 min 00 s');
	const {front = []} = kept;
	t.is(front.filter(({chosen}) => chosen).length, 1);
	t.is(front.find(({chosen}) => chosen)!.joules, planned.outcome.best.evaluation.joules);
	t.is(front.filter(({baseline}) => baseline).length, planned.baselines.length);
	t.is(front.find(({scheme}) => scheme === 'fedavg')!.against, 'trains another way');
	t.is(new Set(front.map(({id}) => id)).size, front.length);
	t.truthy(paretoFigure(front, {across: 'time', upwards: 'energy'}));
});

test('of a plan that was given nothing was weighed', t => {
	const planned = planJob(input, {expired: () => false, interrupted: () => false, exactPlans: 2000});
	const kept = predictionOfPlan(input, planned.outcome.best.plan, about);
	t.is(kept.objective, undefined);
	t.is(kept.front, undefined);
	t.is(kept.alternatives.length, 1);
});
