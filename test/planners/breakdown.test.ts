/** What is told of a plan that is shown: against formulas by hand, and sums that must come out. */
import test from 'ava';
import {evaluate} from '../../core/cost/evaluate.js';
import {answerBytes, onTheWire} from '../../core/cost/traffic.js';
import {jobSchema} from '../../core/plan/job.js';
import type {Plan} from '../../core/plan/plan.js';
import {libraryProfile} from '../../core/profile/library.js';
import {coordinatorId} from '../../core/wire/topics.js';
import {buildModel} from '../../models/zoo/zoo.js';
import {baselinesOf} from '../../planners/baselines.js';
import {breakdownOf} from '../../planners/breakdown.js';
import type {PlanDevice} from '../../planners/cost-input.js';
import {problemOfJob} from '../../planners/job-problem.js';
import type {Problem} from '../../planners/problem.js';
import {
	elements,
	everyStep,
	parameters,
	type TinyDevice,
	tinyFleet,
	tinyModel,
	tinyPlan,
	training,
} from '../core/cost/tiny.js';

const link = {upBytesPerSecond: 1e6, downBytesPerSecond: 1e6, latencySeconds: 0.002};
const slow: TinyDevice = {device: 'slow', seconds: 0.004, link};
const fast: TinyDevice = {device: 'fast', seconds: 0.001, link};
const batch = 8;
const epochs = 3;

const problem: Problem = {
	costs: tinyModel(4),
	fleet: tinyFleet([slow, fast]),
	training: {...training(5, batch), epochs, slots: 1},
	data: {kind: 'sources', devices: ['slow'], rawData: 'stays'},
	objective: {kind: 'one', measure: 'time'},
	constraints: {most: {}, exclude: new Set(), pinned: [], minimumReplicas: 1},
	space: {
		microBatches: [1],
		schedules: ['1f1b'],
		codecs: [{kind: 'fp32'}],
		localEpochs: [0],
		mostStages: 2,
		mostReplicas: 1,
	},
};

const shown = (plan: Plan, of = problem) => {
	const evaluation = evaluate({plan, costs: of.costs, fleet: of.fleet, training: of.training});
	return {evaluation, breakdown: breakdownOf(of, evaluation)};
};

const planOf = (...stages: Array<[device: string, first: number, last: number]>): Plan =>
	tinyPlan({
		stages: stages.map(([device, first, last]) => ({
			units: stages.length === 1 ? 'all' : [first, last],
			replicas: [{device}],
		})),
		synchronisation: everyStep,
		pipeline: {microBatches: 1, schedule: '1f1b'},
	});

const halves = planOf(['slow', 0, 1], ['fast', 2, 3]);

test('fill is the time until the stage that computes for longest begins, drain what is left after it', t => {
	const {evaluation, breakdown} = shown(halves);
	t.is(breakdown.epochSeconds, evaluation.seconds / epochs);
	const {stage, fillSeconds, drainSeconds} = breakdown.pipeline!;
	t.is(stage, 0);
	const [first, last] = [evaluation.passes[0]!, evaluation.passes.at(-1)!];
	t.deepEqual([first.stage, last.stage], [0, 0]);
	t.is(fillSeconds, first.from);
	t.is(drainSeconds, evaluation.stepSeconds - last.to);
	t.true(fillSeconds > 0 && drainSeconds > 0);
	const swapped = planOf(['fast', 0, 0], ['slow', 1, 3]);
	const other = shown(swapped);
	t.is(other.breakdown.pipeline!.stage, 1);
	t.is(other.breakdown.pipeline!.fillSeconds, other.evaluation.passes.find(pass => pass.stage === 1)!.from);
	t.true(other.breakdown.pipeline!.fillSeconds > batch * fast.seconds, 'the first stage computes before');
	const alone = planOf(['slow', 0, 3]);
	t.is(shown(alone).breakdown.pipeline, undefined);
});

test('what devices send each other is what the tensors between stages take, with their answers', t => {
	const {breakdown, evaluation} = shown(halves);
	const steps = 5 * epochs;
	const tensor = 24 + 12 + 8 + 10 + batch * elements * 4;
	const there = onTheWire(tensor, 262_144).there;
	const between = (from: string, to: string) => breakdown.links.find(one => one.from === from && one.to === to)!.bytes;
	t.is(between('slow', 'fast'), steps * (there + answerBytes));
	t.is(between('fast', 'slow'), steps * (there + answerBytes));
	// At the end of each epoch each stage sends its state to be kept: weights and a slot of two units.
	const kept = onTheWire(2 * 4 * 2 * parameters + 8, 262_144);
	t.is(between('slow', coordinatorId), epochs * kept.there);
	t.is(between(coordinatorId, 'slow'), epochs * kept.back);
	t.is(evaluation.devices[0]!.bytesSent, between('slow', 'fast') + between('slow', coordinatorId));
});

test('memory is told by what it holds', t => {
	const {breakdown, evaluation} = shown(halves);
	const [own] = breakdown.memory as [(typeof breakdown.memory)[number]];
	t.is(own.device, 'slow');
	t.deepEqual([own.weights, own.gradient, own.slots], [8 * parameters, 8 * parameters, 8 * parameters]);
	t.is(own.total, own.weights + own.gradient + own.slots + own.activations + own.boundary);
	t.is(own.total, evaluation.devices[0]!.memoryBytes);
});

test('of every classic scheme the bytes of links add up to what its devices send and receive', t => {
	const devices = ['raspberry-pi-3b-plus', 'raspberry-pi-4b', 'mini-pc-n100'].map(
		(profile, index): PlanDevice => ({device: `d${index}`, profile: libraryProfile(profile)}),
	);
	const {problem: real} = problemOfJob({
		job: jobSchema.parse({
			version: 1,
			model: 'lenet5',
			data: {dataset: 'digits', sources: ['d0', 'd1']},
			training: {epochs: 2},
		}),
		model: buildModel('lenet5', {seed: 1}),
		devices,
		items: 500,
	});
	const baselines = baselinesOf(real);
	t.true(baselines.length > 6);
	for (const {scheme, evaluation} of baselines) {
		const {links, memory} = breakdownOf(real, evaluation);
		for (const {device, bytesSent, bytesReceived, memoryBytes} of evaluation.devices) {
			const sum = (own: typeof links) => own.reduce((total, {bytes}) => total + bytes, 0);
			t.true(Math.abs(sum(links.filter(({from}) => from === device)) - bytesSent) < 2, `${scheme}: ${device} sends`);
			t.true(Math.abs(sum(links.filter(({to}) => to === device)) - bytesReceived) < 2, `${scheme}: ${device} receives`);
			t.is(memory.find(one => one.device === device)!.total, memoryBytes);
		}
		t.true(links.every(({bytes}) => bytes > 0));
	}
});
