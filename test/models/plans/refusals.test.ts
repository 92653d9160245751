import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {type PlanDocument, planSchema} from '../../../core/plan/plan.js';
import type {Model} from '../../../models/graph.js';
import {type CheckOptions, checkPlanFor} from '../../../models/plans/check.js';
import {memoryOf} from '../../../models/plans/memory.js';
import {buildModel} from '../../../models/zoo/zoo.js';

const lenet5 = buildModel('lenet5', {seed: 1});
const sgd = {kind: 'sgd', lr: 0.1, momentum: 0, nesterov: false, weightDecay: 0} as const;
const adam = {kind: 'adam', lr: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0} as const;

const plan = (changes: Partial<PlanDocument> = {}) =>
	planSchema.parse({
		version: 1,
		scheme: 'by hand',
		model: 'lenet5',
		stages: [
			{units: [0, 2], replicas: [{device: 'cam-1'}, {device: 'cam-2'}]},
			{units: [3, 11], replicas: [{device: 'fog-1'}]},
		],
		synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
		...changes,
	});

function refusal(changes: Partial<PlanDocument>, options: Partial<CheckOptions> = {}): string {
	try {
		checkPlanFor(plan(changes), {model: lenet5, ...options});
		return 'accepted';
	} catch (error) {
		return isFplError(error) ? `${error.code} ${error.message}` : String(error);
	}
}

const branches = (kind: string, last: number): Partial<PlanDocument> => ({
	stages: [
		{units: [0, last], replicas: [{device: 'cam-1'}, {device: 'cam-2'}]},
		{
			units: [last + 1, 11],
			replicas: [{device: 'fog-1'}],
			junction: {mode: 'aligned', kind: kind as 'mean'},
		},
	],
});

test('the plan that the others spoil is valid', t => {
	t.is(refusal({}), 'accepted');
});

test('a device that is absent or cannot compute is named', t => {
	const there = (device: string, engines = ['onnxruntime']) => ({device, engines});
	t.regex(
		refusal({}, {fleet: [there('cam-1'), there('fog-1')]}),
		/stages\[0\], device «cam-2»: this device is not there; expected one of «cam-1», «fog-1»/u,
	);
	const fleet = [there('cam-1'), there('cam-2', []), there('fog-1')];
	t.regex(refusal({}, {fleet}), /stages\[0\], device «cam-2»: expected an engine that works there, got none/u);
	t.regex(
		refusal({}, {fleet, engine: 'tfjs'}),
		/stages\[0\], device «cam-1»: expected engine «tfjs», got onnxruntime/u,
	);
});

test('a codec that one end of a link does not know is refused', t => {
	const links = [{from: 'cam-2', to: 'fog-1', codec: 'fp16'}];
	const fleet = (codecs: readonly string[]) => [
		{device: 'cam-1', codecs: ['fp32']},
		{device: 'cam-2', codecs: ['fp32', 'fp16']},
		{device: 'fog-1', codecs},
	];
	t.is(refusal({links}, {fleet: fleet(['fp32', 'fp16'])}), 'accepted');
	t.regex(
		refusal({links}, {fleet: fleet(['fp32', 'int8'])}),
		/links\[0\], device «fog-1»: .*link with «cam-2»; expected one of fp32, int8, got fp16/u,
	);
	const all = [{codec: {kind: 'int8', per: 'channel'}}];
	t.regex(refusal({links: all}, {fleet: fleet(['fp32', 'int8'])}), /links\[0\], device «cam-1»: .*got int8/u);
	t.regex(
		refusal({links: [{from: 'cam-3', codec: 'fp16'}]}),
		/links\[0\]\.from: device «cam-3» is in no stage; .*Did you mean «cam-1»/u,
	);
});

test('a device with too little memory is named with what it would take', t => {
	const fleet = [
		{device: 'cam-1', memoryBytes: 1e9},
		{device: 'cam-2', memoryBytes: 1e6},
		{device: 'fog-1', memoryBytes: 1e9},
	];
	const text = refusal({}, {fleet, training: {batch: 64, optimizer: sgd}});
	t.regex(text, /stages\[0\], device «cam-2»: weights .*expected at most 1 MB, its memory, got about .* MB/u);
	t.is(refusal({}, {fleet, training: {batch: 2, optimizer: sgd}}), 'accepted');
});

test('a device with several stages takes the memory of them all', t => {
	const ends: Partial<PlanDocument> = {
		stages: [
			{units: [0, 2], replicas: [{device: 'cam-1'}]},
			{units: [3, 10], replicas: [{device: 'fog-1'}]},
			{units: [11, 11], replicas: [{device: 'cam-1'}]},
		],
	};
	const training = {batch: 64, optimizer: sgd};
	const [first, , last] = memoryOf(plan(ends), lenet5, training);
	const memoryBytes = first!.total + last!.total;
	const fleet = (bytes: number) => [{device: 'cam-1', memoryBytes: bytes}, {device: 'fog-1'}];
	t.is(refusal(ends, {fleet: fleet(memoryBytes), training}), 'accepted');
	t.regex(refusal(ends, {fleet: fleet(memoryBytes - 1), training}), /stages\[0\], device «cam-1»: .*other stages/u);
});

test('units beyond the model, and units in no stage, are refused', t => {
	const stages = (last: number): Partial<PlanDocument> => ({
		stages: [
			{units: [0, 2], replicas: [{device: 'cam-1'}]},
			{units: [3, last], replicas: [{device: 'fog-1'}]},
		],
	});
	t.regex(
		refusal(stages(12)),
		/stages\[1\]\.units: «lenet5» has 12 units, 0 to 11; expected last unit 11, got \[3, 12\]/u,
	);
	t.regex(refusal(stages(9)), /stages\[1\]\.units: units 10 to 11 of «lenet5» would be in no stage/u);
});

test('a weight in two stages is refused', t => {
	const {graph} = lenet5;
	// The last two layers read one bias.
	const gemms = graph.nodes.filter(({op}) => op === 'Gemm');
	const bias = gemms.at(-1)!.inputs[2]!;
	const shared: Model = {
		...lenet5,
		graph: {
			...graph,
			nodes: graph.nodes.flatMap(node =>
				node === gemms.at(-1)
					? [
							node,
							{...node, name: 'again', op: 'Add', attributes: {}, inputs: [node.outputs[0]!, bias], outputs: ['again']},
						]
					: [node],
			),
			outputs: graph.outputs.map(output => ({...output, name: 'again'})),
		},
	};
	const stages: Partial<PlanDocument> = {
		stages: [
			{units: [0, 11], replicas: [{device: 'cam-1'}]},
			{units: [12, 12], replicas: [{device: 'fog-1'}]},
		],
	};
	t.regex(refusal(stages, {model: shared}), /stages\[1\]\.units: «.*» is used in stages\[0\] too/u);
});

test('branches that cannot be joined are refused at the junction', t => {
	t.is(refusal(branches('conv1x1', 2)), 'accepted');
	t.regex(refusal(branches('conv1x1', 8)), /PLAN_INVALID.*stages\[1\]\.junction: .*channels/su);
	t.regex(refusal(branches('dense', 0)), /stages\[1\]\.junction: .*too large.*2048/su);
});

test('sources whose items have another shape are named', t => {
	const fleet = (shape: readonly number[]) => [
		{device: 'cam-1', items: [[1, 28, 28]]},
		{device: 'cam-2', items: [shape]},
		{device: 'fog-1'},
	];
	const aligned = branches('mean', 2);
	t.is(refusal(aligned, {fleet: fleet([1, 28, 28])}), 'accepted');
	t.regex(
		refusal(aligned, {fleet: fleet([1, 14, 28])}),
		/stages\[0\], device «cam-2»: branches whose tensors have different shapes cannot be joined; expected items of \[1, 28, 28\], got \[1, 14, 28\]/u,
	);
});

test('raw data may not leave the sources unless the job says so', t => {
	const after = (last: number): Partial<PlanDocument> => ({
		stages: [
			{units: [0, last], replicas: [{device: 'cam-1'}]},
			{units: [last + 1, 5], replicas: [{device: 'fog-1'}]},
		],
	});
	const mlp = buildModel('mlp', {seed: 1});
	t.regex(refusal(after(0), {model: mlp, rawData: 'stays'}), /stages\[0\]\.units: the first stage trains nothing/u);
	t.is(refusal(after(0), {model: mlp, rawData: 'may-move'}), 'accepted');
	t.is(refusal(after(1), {model: mlp, rawData: 'stays'}), 'accepted');
});

test('a plan that moves labels is refused where the job says that they stay', t => {
	const mlp = buildModel('mlp', {seed: 1});
	const ends = [{device: 'cam-1', share: 2}, {device: 'cam-2'}];
	const two: Partial<PlanDocument> = {
		stages: [
			{units: [0, 1], replicas: ends},
			{units: [2, 5], replicas: [{device: 'fog-1'}]},
		],
	};
	const three: Partial<PlanDocument> = {
		stages: [
			{units: [0, 1], replicas: ends},
			{units: [2, 3], replicas: [{device: 'fog-1'}]},
			{units: [4, 5], replicas: ends},
		],
	};
	const stays = {model: mlp, labels: 'stay'} as const;
	t.regex(refusal(two, stays), /labels: labels would travel to stages\[1\], device «fog-1».*got «travel».*u-shaped/su);
	t.regex(refusal({...two, labels: 'at-last-stage'}, stays), /labels: .*got «at-last-stage»/su);
	t.regex(refusal(three, stays), /labels would travel to stages\[2\], device «cam-1»/u);
	t.is(refusal({...three, labels: 'stay'}, stays), 'accepted');
	t.is(refusal({stages: [{units: 'all', replicas: ends}]}, stays), 'accepted');
	t.is(refusal(two, {model: mlp, labels: 'travel'}), 'accepted');
});

test('what micro-batches and shares do not give is refused with the device', t => {
	const training = {batch: 16, optimizer: sgd};
	t.regex(
		refusal({pipeline: {microBatches: 1}}, {training: {...training, batch: 1}}),
		/stages\[0\], device «cam-2»: its share of a batch is nothing; expected at least one item, got 0 of 1 items/u,
	);
	t.regex(refusal({pipeline: {microBatches: 17}}, {training}), /pipeline\.microBatches.*at most 16.*got 17/u);
	// With fewer items than there are micro-batches it has none of some of them.
	t.is(refusal({pipeline: {microBatches: 12}}, {training}), 'accepted');
});

test('memory follows weights, optimiser, schedule and stash', t => {
	const of = (changes: Partial<PlanDocument>, optimizer: typeof sgd | typeof adam = sgd, batch = 64) =>
		memoryOf(plan(changes), lenet5, {batch, optimizer});
	const [cam, , fog] = of({});
	const parameters = lenet5.parameters.reduce((sum, name) => sum + lenet5.graph.initializers.get(name)!.data.length, 0);
	t.is(cam!.weights + fog!.weights, 4 * parameters);
	t.is(fog!.slots, 0);
	t.is(of({}, adam)[2]!.slots, 2 * fog!.weights);
	// Halving the batch halves what items take.
	t.is(of({}, sgd, 32)[0]!.activations, cam!.activations / 2);
	const [gpipe] = of({pipeline: {microBatches: 8, schedule: 'gpipe'}});
	const [ahead] = of({pipeline: {microBatches: 8, schedule: '1f1b'}});
	t.is(gpipe!.activations, cam!.activations, 'all micro-batches at once are the batch');
	t.is(ahead!.activations, (3 / 8) * cam!.activations, 'three of eight');
	const again = of({
		stages: [
			{units: [0, 2], replicas: [{device: 'cam-1'}, {device: 'cam-2'}], stash: 'recompute'},
			{units: [3, 11], replicas: [{device: 'fog-1'}]},
		],
		pipeline: {microBatches: 8, schedule: 'gpipe'},
	});
	t.is(again[0]!.activations, gpipe!.activations / 8, 'one of eight');
	const [, , joined] = of(branches('conv1x1', 2));
	t.is(joined!.weights, fog!.weights + 4 * 2 * 6 * 6, 'a matrix of the six channels for each branch');
});
