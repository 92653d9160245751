/**
 * Training goes on when a branch is lost or comes: the state of one joined model as that of another with other branches,
 * by the names of the weights.
 */
import {FplError} from '../../core/errors.js';
import type {TrainerState} from '../engines/engine.js';
import type {Layout} from '../graph.js';
import {layoutOf} from '../layout.js';
import type {JoinedModel} from './join.js';
import {ofBranch} from './kinds.js';
import {afterGain, afterLoss} from './rescale.js';

/** A joined model, or the segment of one that holds the junction (`{...segment, join: model.join}`). */
export type JoinedWeights = Pick<JoinedModel, 'graph' | 'parameters' | 'buffers' | 'join'>;

/** Tensors of a state by their names. */
export interface NamedState {
	readonly parameters: ReadonlyMap<string, Float32Array>;
	readonly buffers: ReadonlyMap<string, Float32Array>;
	readonly slots: readonly ReadonlyMap<string, Float32Array>[];
}

export interface RemapOptions {
	/** What branches that come back had when they left (`branchState`); they go on from there. */
	readonly returning?: ReadonlyMap<string, NamedState>;
}

function named(layout: Layout, flat: Float32Array, what: string): Map<string, Float32Array> {
	if (flat.length !== layout.length) {
		throw new FplError('MODEL_SHAPE', {
			where: `${what} of a joined model`,
			expected: `${layout.length} elements`,
			got: `${flat.length}`,
		});
	}
	return new Map(
		layout.entries.map(({name, offset, length}) => [name, flat.subarray(offset, offset + length)] as const),
	);
}

const layoutsOf = ({graph, parameters, buffers}: JoinedWeights) => ({
	parameters: layoutOf(graph, parameters),
	buffers: layoutOf(graph, buffers),
});

/** Views into the state. @throws FplError `MODEL_SHAPE` when a vector has another length. */
export function namedState(weights: JoinedWeights, {parameters, buffers, slots}: TrainerState): NamedState {
	const layouts = layoutsOf(weights);
	return {
		parameters: named(layouts.parameters, parameters, 'parameters'),
		buffers: named(layouts.buffers, buffers, 'buffers'),
		slots: slots.map((slot, index) => named(layouts.parameters, slot, `optimiser slot ${index}`)),
	};
}

/** What belongs to one branch, its part of the junction included; copied, to be kept until it returns. */
export function branchState(weights: JoinedWeights, state: TrainerState, branch: string): NamedState {
	const own = (tensors: ReadonlyMap<string, Float32Array>) =>
		new Map(
			[...tensors].filter(([name]) => name.endsWith(ofBranch('', branch))).map(([name, data]) => [name, data.slice()]),
		);
	const {parameters, buffers, slots} = namedState(weights, state);
	return {parameters: own(parameters), buffers: own(buffers), slots: slots.map(own)};
}

function meanOf(vectors: readonly Float32Array[]): Float32Array {
	const mean = new Float32Array(vectors[0]!.length);
	for (const vector of vectors) {
		for (let index = 0; index < mean.length; index++) {
			mean[index]! += vector[index]! / vectors.length;
		}
	}
	return mean;
}

interface Change {
	readonly staying: readonly string[];
	readonly added: readonly string[];
}

function changeOf(from: JoinedWeights, to: JoinedWeights): Change {
	const [before, after] = [from.join, to.join];
	const staying = after.branches.filter(branch => before.branches.includes(branch));
	if (before.kind !== after.kind || staying.length === 0) {
		throw new FplError('PLAN_INVALID', {
			where: 'a change of branches',
			expected: `the junction «${before.kind}» and at least one of the branches ${before.branches.join(', ')}`,
			got: `«${after.kind}», ${after.branches.join(', ')}`,
		});
	}
	return {staying, added: after.branches.filter(branch => !before.branches.includes(branch))};
}

/** Values for every tensor of the new layout: as they were, as they were when a branch left, or the mean of the others. */
function carried(
	layout: Layout,
	old: ReadonlyMap<string, Float32Array>,
	returning: (branch: string) => ReadonlyMap<string, Float32Array> | undefined,
	{staying, added}: Change,
): Map<string, Float32Array> {
	const owner = (name: string) => added.find(branch => name.endsWith(ofBranch('', branch)));
	return new Map(
		layout.entries.map(({name, length}) => {
			const branch = owner(name);
			const stem = branch === undefined ? name : name.slice(0, -ofBranch('', branch).length);
			const others = staying.flatMap(other => old.get(ofBranch(stem, other)) ?? []);
			const value =
				branch === undefined ? old.get(name) : (returning(branch)?.get(name) ?? (others[0] && meanOf(others)));
			if (value?.length !== length) {
				throw new FplError('MODEL_SHAPE', {
					where: `«${name}», after a change of branches`,
					expected: `${length} elements to go on from`,
					got: `${value?.length ?? 'none'}`,
				});
			}
			return [name, value] as const;
		}),
	);
}

function flat(layout: Layout, values: ReadonlyMap<string, Float32Array>): Float32Array {
	const vector = new Float32Array(layout.length);
	for (const {name, offset} of layout.entries) {
		vector.set(values.get(name)!, offset);
	}
	return vector;
}

/**
 * The state in which a joined model goes on as one with other branches; which are lost and which come follows from the
 * two models.
 * - What exists in both stays as it is, weights of the trunk for instance. A branch that comes begins with what it had
 *   when it left (`returning`), else with the mean of the branches that stay.
 * - The junction's weights are put in proportion (`rescale.ts`): in the beginning, when it computes the mean of all, it
 *   computes the mean of those that are left.
 * - Optimiser slots follow their weights unscaled, those of scaled weights too: moments are of gradients, and the gradient
 *   of a junction's weight is made of activations, whose size the scaling does not change. A new branch gets the mean of
 *   the others' slots rather than zeros, since Adam would make first steps about three times as long as usual with a
 *   second moment of zero in the midst of training.
 * @throws FplError `PLAN_INVALID` when no branch stays or the kinds differ; `MODEL_SHAPE` when the state is another model's.
 */
export function remapState(
	from: JoinedWeights,
	state: TrainerState,
	to: JoinedWeights,
	{returning = new Map()}: RemapOptions = {},
): TrainerState {
	const change = changeOf(from, to);
	const old = namedState(from, state);
	const layouts = layoutsOf(to);
	const parameters = carried(layouts.parameters, old.parameters, branch => returning.get(branch)?.parameters, change);
	for (const stem of from.join.weights.filter(name => parameters.has(ofBranch(name, change.staying[0]!)))) {
		const of = (branches: readonly string[], tensor: (name: string, branch: string) => Float32Array | undefined) =>
			new Map(
				branches.flatMap(branch => {
					const values = tensor(ofBranch(stem, branch), branch);
					return values === undefined ? [] : [[branch, values] as const];
				}),
			);
		const before = of(from.join.branches, name => old.parameters.get(name));
		const back = of(change.added, (name, branch) => returning.get(branch)?.parameters.get(name));
		const left = afterLoss(from.join.kind, before, change.staying);
		for (const [branch, values] of afterGain(from.join.kind, left, change.added, back)) {
			parameters.set(ofBranch(stem, branch), values);
		}
	}
	const buffers = carried(layouts.buffers, old.buffers, branch => returning.get(branch)?.buffers, change);
	return {
		parameters: flat(layouts.parameters, parameters),
		buffers: flat(layouts.buffers, buffers),
		slots: old.slots.map((slot, index) =>
			flat(
				layouts.parameters,
				carried(layouts.parameters, slot, branch => returning.get(branch)?.slots[index], change),
			),
		),
		updates: state.updates,
	};
}
