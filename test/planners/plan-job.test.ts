/** What is kept with a run of the plan that was chosen for it. */
import test from 'ava';
import {FplError} from '../../core/errors.js';
import {parsePrediction, predictionJson} from '../../core/ledger/prediction.js';
import {type JobDocument, jobSchema} from '../../core/plan/job.js';
import type {Plan} from '../../core/plan/plan.js';
import {libraryProfile} from '../../core/profile/library.js';
import {buildModel} from '../../models/zoo/zoo.js';
import type {PlanDevice} from '../../planners/cost-input.js';
import {frontOf, planJob, pointsOf, predictionOfJob, predictionOfPlan} from '../../planners/plan-job.js';
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

test('the page has the chosen plan, though a scheme that trains another way costs less of everything', t => {
	const budget = {expired: () => false, interrupted: () => false, exactPlans: 2000};
	const planned = planJob(input, budget);
	const {best} = planned.outcome;
	const fedavg = planned.baselines.find(({scheme}) => scheme === 'fedavg')!;
	const {seconds, bytes, joules, dollars} = best.evaluation;
	const cheaper = {
		...fedavg,
		evaluation: {...fedavg.evaluation, seconds: seconds / 2, bytes: bytes / 2, joules: joules / 2, dollars},
	};
	const others = planned.baselines.filter(baseline => baseline !== fedavg);
	const against = {...planned, baselines: [cheaper, ...others]};
	const front = frontOf(planned.problem, against, budget);
	t.true(front.some(({plan}) => plan === best.plan));
	t.is(pointsOf(front, against).filter(({chosen}) => chosen).length, 1);

	// A classic scheme that is the best plan is the chosen point.
	const classic = planned.baselines.find(({permitted}) => permitted)!;
	const alone = {...planned, outcome: {...planned.outcome, best: classic, alternatives: []}};
	const chosen = pointsOf([classic], alone).filter(point => point.chosen);
	t.deepEqual(
		chosen.map(({scheme}) => scheme),
		[classic.scheme],
	);
});

test('of a plan that was given nothing was weighed', t => {
	const planned = planJob(input, {expired: () => false, interrupted: () => false, exactPlans: 2000});
	const kept = predictionOfPlan(input, planned.outcome.best.plan, about);
	t.is(kept.objective, undefined);
	t.is(kept.front, undefined);
	t.is(kept.alternatives.length, 1);
});

/** Data that are dealt out, to devices of two kinds: the plan that takes least is not among the first that are looked at. */
const largerJob: JobDocument = {
	version: 1,
	model: 'mobilenetv2',
	data: {dataset: 'digits', limit: 1000},
	privacy: {rawData: 'may-move'},
};
const larger = {
	...input,
	job: jobSchema.parse(largerJob),
	model: buildModel('mobilenetv2', {seed: 1}),
	devices: ['raspberry-pi-4b', 'raspberry-pi-4b', 'raspberry-pi-5', 'raspberry-pi-5'].map(
		(profile, index): PlanDevice => ({device: `d-${index}`, profile: libraryProfile(profile)}),
	),
};

test('whoever interrupts planning gets the best plan so far, and how much better another one could be', t => {
	let asked = 0;
	const planned = planJob(larger, {expired: () => false, interrupted: () => ++asked > 3, exactPlans: 300});
	t.is(planned.cutShort, 'interruption');
	const {best, figures} = planned.outcome;
	t.false(figures.exact);
	t.true(figures.gap >= 0 && figures.gap < 1 && figures.bound > 0, JSON.stringify(figures));
	const whole = planJob(larger, {expired: () => false, interrupted: () => false, exactPlans: 300});
	t.is(whole.cutShort, undefined);
	t.true(whole.outcome.best.value < best.value && whole.outcome.best.value >= figures.bound * (1 - 1e-9));
});

test('where no plan was found until the interruption, that is said', t => {
	const strict = {...input, job: {...input.job, objective: {minimise: 'time' as const, subjectTo: {time: 1e-3}}}};
	const error = t.throws(() => planJob(strict, {expired: () => false, interrupted: () => true, exactPlans: 2000}), {
		instanceOf: FplError,
	});
	t.is(error.code, 'INTERRUPTED');
	t.regex(error.message, /no plan was found until then that keeps to all limits/u);
});

test('an interruption while classic schemes are compared keeps what the search found', t => {
	// The search of so few plans asks before each; then come the schemes.
	let asked = 0;
	const count = {expired: () => false, interrupted: () => ++asked < 0, exactPlans: 2000};
	const whole = planJob(input, count);
	const all = asked;
	asked = 0;
	const planned = planJob(input, {...count, interrupted: () => ++asked > all - 10});
	t.is(planned.cutShort, 'interruption');
	t.true(planned.baselines.length > 0 && planned.baselines.length < whole.baselines.length);
	t.true(planned.outcome.best.value >= whole.outcome.best.value * (1 - 1e-9));
});

test('when the time is over there is an answer with its gap, and the classic schemes are compared all the same', t => {
	const planned = planJob(larger, {expired: () => true, interrupted: () => false, exactPlans: 2000});
	t.is(planned.cutShort, 'limit');
	t.false(planned.outcome.figures.exact);
	t.true(planned.baselines.length > 5);
});

test('no plan stands twice among the alternatives, nor beside a classic scheme that is the same', t => {
	const planning = {codecs: ['fp32', 'fp16'].map(kind => ({kind}))};
	const twice = {...larger, job: jobSchema.parse({...largerJob, planning})};
	const {outcome, baselines} = planJob(twice, {expired: () => false, interrupted: () => false, exactPlans: 300});
	const doing = (plan: Plan) => JSON.stringify({...plan, scheme: ''});
	const own = outcome.alternatives.map(({plan}) => doing(plan));
	t.true(own.length > 0);
	const all = [doing(outcome.best.plan), ...own];
	t.is(new Set(all).size, all.length);
	t.deepEqual(
		outcome.alternatives.filter(({plan}) => baselines.some(baseline => doing(baseline.plan) === doing(plan))),
		[],
	);
	const lone = outcome.alternatives.filter(({plan}) => plan.stages.length === 1).map(({plan}) => plan.scheme);
	t.is(new Set(lone).size, lone.length, lone.join('; '));
});

test('replicas of the whole model are shown as d-sgd alone, though their labels are said to stay', t => {
	const data = {...largerJob.data, sources: ['d-0', 'd-1']};
	const stays = {...larger, job: jobSchema.parse({...largerJob, data, privacy: {rawData: 'stays', labels: 'stay'}})};
	const {outcome, baselines} = planJob(stays, {expired: () => false, interrupted: () => false, exactPlans: 300});
	t.true(baselines.some(({scheme}) => scheme === 'd-sgd'));
	t.true(outcome.best.plan.stages.length > 1);
	t.deepEqual(
		outcome.alternatives.filter(({plan}) => plan.stages.length === 1).map(({plan}) => plan.scheme),
		[],
	);
});
