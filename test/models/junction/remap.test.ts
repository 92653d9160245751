import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {isFplError} from '../../../core/errors.js';
import {junctionKinds} from '../../../core/plan/plan.js';
import {seededRandom} from '../../../core/random.js';
import {float32, sizeOf, type Tensor} from '../../../core/tensor/tensor.js';
import type {TrainerState} from '../../../models/engines/engine.js';
import type {Model} from '../../../models/graph.js';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {type JoinedModel, joinBranches} from '../../../models/junction/join.js';
import {type JunctionKind, ofBranch} from '../../../models/junction/kinds.js';
import {branchState, namedState, remapState} from '../../../models/junction/remap.js';
import {segmentsOfPlan} from '../../../models/junction/segments.js';
import {flatten, layoutOf, withWeights} from '../../../models/layout.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {runGraph} from '../../support/graphs/run-graph.js';
import {norm} from '../../support/graphs/run-program.js';

const item = [2, 24];
const base = buildModel('sensor-cnn', {seed: 3, input: item, width: 0.125});
const cut = unitsOf(base).units.findIndex(({label}) => label === 'conv2');
const join = (branches: readonly string[], junction: JunctionKind) => joinBranches(base, {cut, branches, junction});
const all = ['a', 'b', 'c', 'd'];
const random = seededRandom(4);

const draw = (length: number, low: number, high: number) =>
	Float32Array.from({length}, () => low + random.next() * (high - low));

const initial = (model: Model): TrainerState => {
	const parameters = layoutOf(model.graph, model.parameters);
	return {
		parameters: flatten(model.graph, parameters),
		buffers: flatten(model.graph, layoutOf(model.graph, model.buffers)),
		slots: [draw(parameters.length, -1, 1), draw(parameters.length, 0, 1)],
		updates: 17,
	};
};

/** Weights somewhere else than in the beginning; those of the junction > 0, so that shares are shares. */
function trained(model: JoinedModel): TrainerState {
	const state = initial(model);
	for (const [name, values] of namedState(model, state).parameters) {
		const junction = name.startsWith('junction');
		values.set(values.map(value => (junction ? value * (0.5 + random.next()) : value + random.next() * 0.2 - 0.1)));
	}
	return state;
}

const outputOf = async (model: JoinedModel, {parameters, buffers}: TrainerState, inputs: Record<string, Tensor>) =>
	(await runGraph(withWeights(model, parameters, buffers).graph, inputs))['logits']!.data as Float32Array;

const inputsOf = (branches: readonly string[], value: () => Tensor) =>
	Object.fromEntries(branches.map(branch => [ofBranch('input', branch), value()]));
const item3 = () => float32([3, ...item], draw(3 * sizeOf(item), -1, 1));

const same = (t: ExecutionContext, got: Float32Array, want: Float32Array, what: string) =>
	t.true(norm(got, want) <= 1e-5 * norm(want), `${what}: off by ${norm(got, want) / norm(want)}`);

test('in the beginning, dropping a branch leaves the mean of the others, for every kind that begins as the mean', async t => {
	for (const kind of junctionKinds.filter(name => name !== 'sum')) {
		const [from, to] = [join(all, kind), join(['a', 'c', 'd'], kind)];
		const state = initial(from);
		// Branches differ, the junction is new.
		for (const [name, values] of namedState(from, state).parameters) {
			if (name.startsWith('conv1')) {
				values.set(draw(values.length, -1, 1));
			}
		}
		const left = remapState(from, state, to);
		const inputs = inputsOf(all, item3);
		// The same weights under a junction that always computes the mean (or the largest).
		const plain = join(['a', 'c', 'd'], kind === 'max' ? 'max' : 'mean');
		const weights = namedState(plain, initial(plain));
		const known = namedState(from, state).parameters;
		for (const [name, values] of weights.parameters) {
			values.set(known.get(name) ?? values);
		}
		const reference = {
			...initial(plain),
			parameters: new Float32Array([...weights.parameters.values()].flatMap(v => [...v])),
		};
		same(t, await outputOf(to, left, inputs), await outputOf(plain, reference, inputs), kind);
	}
});

test('where branches agree, the output of scalar and per-unit junctions stays when some are lost or come', async t => {
	for (const kind of ['scalar', 'per-unit'] as const) {
		const from = join(all, kind);
		const state = trained(from);
		const {parameters} = namedState(from, state);
		for (const branch of all) {
			for (const name of ['conv1.weight', 'conv1.bias']) {
				parameters.get(ofBranch(name, branch))!.set(parameters.get(ofBranch(name, 'a'))!);
			}
		}
		const seen = item3();
		const before = await outputOf(
			from,
			state,
			inputsOf(all, () => seen),
		);
		for (const branches of [['a', 'b', 'd'], ['c'], ['a', 'b', 'c', 'd', 'e', 'f'], ['d', 'x', 'a']]) {
			const to = join(branches, kind);
			const after = remapState(from, state, to);
			same(
				t,
				await outputOf(
					to,
					after,
					inputsOf(branches, () => seen),
				),
				before,
				`${kind}, ${branches.join()}`,
			);
		}
	}
});

test('a branch that goes and returns brings everything back as it was', t => {
	for (const kind of junctionKinds) {
		const [whole, rest] = [join(all, kind), join(['a', 'c', 'd'], kind)];
		const state = trained(whole);
		const kept = branchState(whole, state, 'b');
		const away = remapState(whole, state, rest);
		const back = remapState(rest, away, whole, {returning: new Map([['b', kept]])});
		same(t, back.parameters, state.parameters, kind);
		t.deepEqual(back.buffers, state.buffers);
		t.deepEqual(back.slots, state.slots);
		t.is(back.updates, 17);
	}
});

test('a new branch begins with the mean of the others, weights and moments, and an equal share', t => {
	for (const kind of junctionKinds) {
		const [from, to] = [join(['a', 'b'], kind), join(['a', 'b', 'new'], kind)];
		const state = initial(from);
		const {parameters, slots} = namedState(from, state);
		parameters.get('conv1.bias@a')!.fill(1);
		parameters.get('conv1.bias@b')!.fill(3);
		const after = namedState(to, remapState(from, state, to));
		t.deepEqual(
			[...after.parameters.get('conv1.bias@new')!],
			[...parameters.get('conv1.bias@a')!].map(() => 2),
		);
		const [first] = slots;
		same(
			t,
			after.slots[0]!.get('conv1.bias@new')!,
			first!.get('conv1.bias@a')!.map((value, index) => (value + first!.get('conv1.bias@b')![index]!) / 2),
			kind,
		);
		// In the beginning its part of the junction is what a new model of three would have.
		const fresh = namedState(to, initial(to)).parameters;
		for (const stem of to.join.weights) {
			for (const branch of ['a', 'b', 'new']) {
				same(t, after.parameters.get(ofBranch(stem, branch))!, fresh.get(ofBranch(stem, branch))!, kind);
			}
		}
	}
});

test('whatever goes and comes, the trunk and the copies of those that stay are untouched and no weight explodes', t => {
	const ids = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), {minLength: 1});
	const weight = fc.constantFrom(0, 1, -1, 1e-9, -0.3, 0.25, 4);
	fc.assert(
		fc.property(
			ids,
			ids,
			fc.constantFrom(...junctionKinds),
			fc.infiniteStream(weight),
			(before, after, kind, weights) => {
				fc.pre(after.some(branch => before.includes(branch)));
				const [from, to] = [join(before, kind), join(after, kind)];
				const state = initial(from);
				const old = namedState(from, state).parameters;
				for (const [name, values] of old) {
					if (name.startsWith('junction')) {
						values.set(values.map(() => weights.next().value as number));
					}
				}
				const got = namedState(to, remapState(from, state, to)).parameters;
				for (const [name, values] of got) {
					const scaled = to.join.weights.some(stem => name.startsWith(`${stem}@`));
					const known = old.get(name);
					if (known !== undefined && !scaled) {
						t.deepEqual(values, known);
					}
					t.true(values.every(value => Math.abs(value) <= 10 * 6 * 6 * 4));
				}
			},
		),
		{numRuns: 60},
	);
});

test('weights that cancel each other are scaled as equal ones would be', t => {
	const [from, to] = [join(['a', 'b', 'c'], 'scalar'), join(['b', 'c'], 'scalar')];
	const state = initial(from);
	const {parameters} = namedState(from, state);
	for (const [branch, value] of [
		['a', 1],
		['b', 0.5],
		['c', -0.5],
	] as const) {
		parameters.get(ofBranch('junction.weight', branch))![0] = value;
	}
	const after = namedState(to, remapState(from, state, to)).parameters;
	t.deepEqual([...after.get('junction.weight@b')!, ...after.get('junction.weight@c')!], [0.75, -0.75]);
});

test('the segment that holds the junction is remapped alone as in the whole', t => {
	const last = unitsOf(base).units.length - 1;
	const [from, to] = [join(all, 'conv1x1'), join(['a', 'd'], 'conv1x1')];
	const ranges = [
		[0, cut - 1],
		[cut, last],
	] as const;
	const trunk = (model: JoinedModel) => ({
		...segmentsOfPlan(model, {ranges}).find(({branch}) => branch === undefined)!.segment,
		join: model.join,
	});
	const state = trained(from);
	const {parameters, slots} = namedState(from, state);
	const part = trunk(from);
	const pick = (values: ReadonlyMap<string, Float32Array>) =>
		new Float32Array(part.parameters.flatMap(name => [...values.get(name)!]));
	const own = {...state, parameters: pick(parameters), slots: slots.map(pick)};
	const whole = namedState(to, remapState(from, state, to));
	const got = namedState(trunk(to), remapState(part, own, trunk(to)));
	for (const [name, values] of got.parameters) {
		t.deepEqual(values, whole.parameters.get(name));
		t.deepEqual(got.slots[1]!.get(name), whole.slots[1]!.get(name));
	}
});

test('a change that leaves nothing to go on from is refused', t => {
	const state = initial(join(['a', 'b'], 'scalar'));
	const from = join(['a', 'b'], 'scalar');
	t.true(
		isFplError(
			t.throws(() => remapState(from, state, join(['x'], 'scalar'))),
			'PLAN_INVALID',
		),
	);
	t.true(
		isFplError(
			t.throws(() => remapState(from, state, join(['a'], 'mean'))),
			'PLAN_INVALID',
		),
	);
	const short = {...state, parameters: state.parameters.subarray(1)};
	t.true(
		isFplError(
			t.throws(() => remapState(from, short, join(['a'], 'scalar'))),
			'MODEL_SHAPE',
		),
	);
});
