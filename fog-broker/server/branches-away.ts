/** The weights of branches that are away, as checkpoints keep them: each as a group of its own, its tensors in the order of their names. */
import type {TrainerState} from '../../models/engines/engine.js';
import type {JoinedModel} from '../../models/junction/join.js';
import {ofBranch} from '../../models/junction/kinds.js';
import type {NamedState} from '../../models/junction/remap.js';
import {layoutOf} from '../../models/layout.js';
import {concatenated} from './stage-progress.js';

const prefix = 'away@';

type Tensors = ReadonlyMap<string, Float32Array>;

const inOrder = (names: Iterable<string>): readonly string[] => [...names].sort();

const flat = (tensors: Tensors, names: readonly string[]): Float32Array =>
	concatenated(names.map(name => tensors.get(name)!));

/** By the key of the group. */
export function packBranches(away: ReadonlyMap<string, NamedState>): ReadonlyMap<string, TrainerState> {
	return new Map(
		[...away].map(([branch, {parameters, buffers, slots}]) => {
			const names = inOrder(parameters.keys());
			const state = {
				parameters: flat(parameters, names),
				buffers: flat(buffers, inOrder(buffers.keys())),
				slots: slots.map(slot => flat(slot, names)),
				updates: 0,
			};
			return [`${prefix}${branch}`, state] as const;
		}),
	);
}

/** @param full the joined model with all branches, which says what belongs to each. */
export function unpackBranches(
	states: ReadonlyMap<string, TrainerState>,
	{graph, parameters, buffers}: Pick<JoinedModel, 'graph' | 'parameters' | 'buffers'>,
): ReadonlyMap<string, NamedState> {
	const layouts = {parameters: layoutOf(graph, parameters), buffers: layoutOf(graph, buffers)};
	return new Map(
		[...states].flatMap(([key, state]) => {
			if (!key.startsWith(prefix)) {
				return [];
			}
			const branch = key.slice(prefix.length);
			const named = (kind: 'parameters' | 'buffers', vector: Float32Array): Tensors => {
				const own = layouts[kind].entries.filter(({name}) => name.endsWith(ofBranch('', branch)));
				const lengths = new Map(own.map(({name, length}) => [name, length]));
				let offset = 0;
				return new Map(
					inOrder(lengths.keys()).map(name => {
						const from = offset;
						offset += lengths.get(name)!;
						return [name, vector.slice(from, offset)] as const;
					}),
				);
			};
			const unpacked: NamedState = {
				parameters: named('parameters', state.parameters),
				buffers: named('buffers', state.buffers),
				slots: state.slots.map(slot => named('parameters', slot)),
			};
			return [[branch, unpacked] as const];
		}),
	);
}
