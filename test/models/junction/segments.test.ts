import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {junctionKinds} from '../../../core/plan/plan.js';
import {seededRandom} from '../../../core/random.js';
import {sizeOf, type Tensor, tensor} from '../../../core/tensor/tensor.js';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {joinBranches} from '../../../models/junction/join.js';
import {ofBranch} from '../../../models/junction/kinds.js';
import {segmentsOfPlan} from '../../../models/junction/segments.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {runGraph} from '../../support/graphs/run-graph.js';
import {norm} from '../../support/graphs/run-program.js';

const branches = ['a', 'b', 'c'];
const item = [1, 16, 16];
const model = buildModel('lenet5', {seed: 3, input: item, width: 0.5});
const {units} = unitsOf(model);
const at = (label: string) => units.findIndex(unit => unit.label === label);
const random = seededRandom(2);
const inputs = Object.fromEntries(
	branches.map(branch => {
		const shape = [2, ...item];
		const data = Float32Array.from({length: sizeOf(shape)}, () => random.next());
		return [ofBranch('input', branch), tensor('float32', shape, data)];
	}),
);

test('stages of a joined model, some before and some after the junction, compute what the whole does', async t => {
	const [middle, cut, late] = [at('maxpool'), at('conv2'), at('fc2')];
	const ranges = [
		[0, middle - 1],
		[middle, cut - 1],
		[cut, late - 1],
		[late, units.length - 1],
	] as const;
	for (const junction of junctionKinds) {
		const joined = joinBranches(model, {cut, branches, junction});
		const stages = segmentsOfPlan(joined, {ranges});
		t.deepEqual(
			stages.map(({stage, branch}) => [stage, branch]),
			[...[0, 1].flatMap(stage => branches.map(branch => [stage, branch])), [2, undefined], [3, undefined]],
		);
		t.deepEqual(
			stages.map(({segment}) => segment.passing.length),
			stages.map(() => 0),
		);
		const values: Record<string, Tensor> = {...inputs};
		for (const {segment, branch} of stages) {
			t.true(branch === undefined || segment.parameters.every(name => name.endsWith(`@${branch}`)));
			Object.assign(values, await runGraph(segment.graph, values));
		}
		const whole = await runGraph(joined.graph, inputs);
		t.true(norm(values['logits']!.data as Float32Array, whole['logits']!.data as Float32Array) < 1e-5);
		const trained = stages.flatMap(({segment}) => segment.parameters);
		t.deepEqual([...trained].sort(), [...joined.parameters].sort());
		t.is(stages.find(({stage}) => stage === 2)!.segment.graph.inputs.length, branches.length);
	}
});

test('the stages of a plain model are its segments', t => {
	const stages = segmentsOfPlan(model, {
		ranges: [
			[0, 2],
			[3, units.length - 1],
		],
	});
	t.deepEqual(
		stages.map(({stage, branch, segment}) => [stage, branch, segment.label]),
		[
			[0, undefined, 'conv1 … maxpool'],
			[1, undefined, 'conv2 … fc3'],
		],
	);
});

test('a joined model is cut where its branches are merged, or refused', t => {
	const joined = joinBranches(model, {cut: 3, branches, junction: 'scalar'});
	const last = units.length - 1;
	for (const ranges of [
		[[0, last]],
		[
			[0, 3],
			[4, last],
		],
		[
			[0, 2],
			[3, last - 1],
		],
		[
			[0, 2],
			[4, last],
		],
	] as const) {
		const error = t.throws(() => segmentsOfPlan(joined, {ranges}));
		t.true(isFplError(error, 'MODEL_CUT'), String(error));
	}
});
