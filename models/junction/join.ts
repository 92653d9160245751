/**
 * Joined models. Several devices see the same items, each in its own way; each has its own copy of the first layers (a
 * branch), a junction merges what the copies make of an item, and one trunk goes on from there. Written as one graph, such
 * a model is a model like any other: it is differentiated, cut, executed and exported by the same code, and what it computes
 * on one machine is what devices that share it must compute together.
 */
import {FplError} from '../../core/errors.js';
import {isId} from '../../core/ids.js';
import type {Shape, Tensor} from '../../core/tensor/tensor.js';
import type {Graph, Model, Node, ValueInfo} from '../graph.js';
import {batchName} from '../import/batch.js';
import {isStatic, show} from '../infer/dims.js';
import {infer} from '../infer.js';
import {type CutOptions, type Units, unitsOf} from '../inspect/cuts.js';
import {closure} from '../inspect/segments.js';
import {verify} from '../onnx/verify.js';
import {concatenate} from './concat.js';
import {type JunctionKind, ofBranch} from './kinds.js';
import {type Boundary, type Merge, merge} from './merge.js';

export interface JoinOptions {
	/** The first unit of the trunk, or the name of the tensor that crosses. Everything before it is a branch. */
	readonly cut: number | string;
	/** Ids of the branches, at least one; device ids, for instance. */
	readonly branches: readonly string[];
	readonly junction: JunctionKind;
	/** As the units are counted. */
	readonly units?: CutOptions;
}

/** How a joined model is built. */
export interface Join {
	readonly kind: JunctionKind;
	readonly branches: readonly string[];
	/** The first unit of the trunk. */
	readonly cut: number;
	/** Names of the merged tensors; a branch's are `<name>@<branch>`. */
	readonly boundary: readonly string[];
	/** Trained tensors of the junction, without «@branch»; every branch has one of each. */
	readonly weights: readonly string[];
	/** Names of the junction's nodes. */
	readonly nodes: readonly string[];
	/** Units of the model that was joined, with the names of their nodes there. */
	readonly units: readonly {readonly label: string; readonly nodes: readonly string[]}[];
}

export interface JoinedModel extends Model {
	readonly join: Join;
}

export const isJoined = (model: Model): model is JoinedModel => 'join' in model;

/** More branches than this are refused: each is a copy of the layers in one graph. */
const maxBranches = 256;

function checkBranches(branches: readonly string[], where: string): void {
	const wrong = branches.find((branch, index) => !isId(branch) || branches.indexOf(branch) !== index);
	if (branches.length < 1 || branches.length > maxBranches || wrong !== undefined) {
		throw new FplError('PLAN_INVALID', {
			where: `branches of ${where}`,
			expected: `1 to ${maxBranches} different ids`,
			got: wrong === undefined ? `${branches.length}` : `«${wrong.slice(0, 80)}»`,
		});
	}
}

function cutAt({cuts, units}: Units, cut: number | string, where: string) {
	const found = cuts.find(({before, crossing}) =>
		typeof cut === 'number' ? before === cut : crossing.length === 1 && crossing[0]!.name === cut,
	);
	if (found === undefined) {
		throw new FplError('MODEL_CUT', {
			where,
			problem: 'there is no such cut',
			expected: `the first unit of the trunk, 1 to ${units.length - 1}, or the name of a tensor that crosses`,
			got: `${cut}`,
		});
	}
	return found;
}

/** What crosses, as tensors that can be merged. */
function boundaries(crossing: readonly ValueInfo[], where: string): readonly Boundary[] {
	return crossing.map(({name, dtype, shape}) => {
		const item = shape?.slice(1);
		if (dtype !== 'float32' || shape?.[0] !== batchName || !isStatic(item) || item.length === 0) {
			throw new FplError('MODEL_CUT', {
				where,
				problem: `«${name}» cannot be merged`,
				expected: `float32[${batchName}, …] with fixed sizes`,
				got: `${dtype}${show(shape)}`,
			});
		}
		return {name, shape: item as Shape};
	});
}

interface Parts {
	readonly branch: readonly Node[];
	readonly trunk: readonly Node[];
	/** Names that every branch has its own of. */
	readonly own: ReadonlySet<string>;
}

function partsOf(model: Model, graph: Graph, {units}: Units, cut: number, crossing: readonly Boundary[]): Parts {
	const nodesOf = (some: Units['units']) => closure(graph, new Set(some.flatMap(({nodes}) => nodes)));
	const [branch, trunk] = [nodesOf(units.slice(0, cut)), nodesOf(units.slice(cut))];
	const read = (nodes: readonly Node[]) => new Set(nodes.flatMap(({inputs}) => inputs));
	const [before, after] = [read(branch), read(trunk)];
	const weights = [...model.parameters, ...model.buffers];
	const shared = weights.find(name => before.has(name) && after.has(name));
	if (shared !== undefined) {
		throw new FplError('MODEL_CUT', {
			where: `unit ${cut} of «${model.name}»`,
			problem: `«${shared}» is used before and after the cut; branches and trunk train apart`,
			fix: 'Cut where the units that share it are on one side',
		});
	}
	const fed = graph.inputs.map(({name}) => name);
	const crosses = new Set(crossing.map(({name}) => name));
	const own = new Set([
		...branch.flatMap(({outputs}) => outputs).filter(name => name !== ''),
		...[...fed, ...weights].filter(name => before.has(name)),
		...fed.filter(name => crosses.has(name)),
	]);
	return {branch, trunk, own};
}

const copyOf = ({name, inputs, outputs, ...rest}: Node, branch: string, own: ReadonlySet<string>): Node => {
	const renamed = (value: string) => (own.has(value) ? ofBranch(value, branch) : value);
	return {...rest, name: ofBranch(name, branch), inputs: inputs.map(renamed), outputs: outputs.map(renamed)};
};

function junctionOf(
	model: Model,
	{trunk}: Parts,
	crossing: readonly Boundary[],
	{junction, branches}: JoinOptions,
	where: string,
): readonly Merge[] {
	if (junction !== 'concat') {
		return crossing.map((boundary, index) =>
			merge({kind: junction, boundary, branches, prefix: `junction${index === 0 ? '' : index + 1}`, where}),
		);
	}
	const [boundary, ...others] = crossing;
	if (boundary === undefined || others.length > 0) {
		throw new FplError('MODEL_CUT', {
			where,
			problem: 'only one tensor can be put together with those of other branches',
			expected: '1 tensor that crosses',
			got: crossing.map(({name}) => `«${name}»`).join(', '),
			fix: 'Cut elsewhere, or choose another junction.',
		});
	}
	const {initializers, outputs} = model.graph;
	const trained = model.parameters.map(name => [name, initializers.get(name) as Tensor<'float32'>] as const);
	return [concatenate({boundary, branches, trunk, outputs, parameters: new Map(trained), prefix: 'junction', where})];
}

/** A name made here must not be one of the model's. */
function checkFree(taken: {has(name: string): boolean}, made: Iterable<string>, where: string): void {
	for (const name of made) {
		if (taken.has(name)) {
			throw new FplError('MODEL_INVALID', {where, problem: `the model has the name «${name}» already`});
		}
	}
}

/** What ends in `@<branch>` belongs to that branch: nothing of the trunk may. */
function checkOwners({parameters, buffers}: Model, {own}: Parts, branches: readonly string[], where: string): void {
	const names = [...parameters, ...buffers].filter(name => !own.has(name));
	const wrong = names.find(name => branches.some(branch => name.endsWith(ofBranch('', branch))));
	if (wrong !== undefined) {
		throw new FplError('MODEL_INVALID', {where, problem: `«${wrong}» of the trunk is named like a part of a branch`});
	}
}

/**
 * Copies the units before the cut once per branch and merges the copies' outputs into the tensor that the trunk goes on from.
 * What a branch has of its own ends in `@<branch>`: inputs, weights, buffers, nodes, values, and its part of the junction.
 * All copies begin with the model's weights.
 * @throws FplError `MODEL_CUT` when the junction does not suit the cut, `PLAN_INVALID` for impossible branches.
 */
export function joinBranches(model: Model, options: JoinOptions): JoinedModel {
	const {branches, junction} = options;
	const where = `junction «${junction}» at ${typeof options.cut === 'number' ? 'unit ' : ''}${options.cut} of «${model.name}»`;
	checkBranches(branches, where);
	const units = unitsOf(model, options.units);
	const {before: cut, crossing: infos} = cutAt(units, options.cut, where);
	const crossing = boundaries(infos, where);
	const graph = infer(model.graph);
	const parts = partsOf(model, graph, units, cut, crossing);
	const merges = junctionOf(model, parts, crossing, options, where);
	const merged = merges.flatMap(({nodes}) => nodes);
	const nodes = [
		...branches.flatMap(branch => parts.branch.map(node => copyOf(node, branch, parts.own))),
		...merged,
		...parts.trunk,
	];

	checkOwners(model, parts, branches, where);
	const widened = new Set(merged.flatMap(({outputs}) => outputs));
	const initializers = new Map<string, Tensor>();
	const parameters = new Set<string>();
	const buffers = new Set<string>();
	const roles = [
		[new Set(model.parameters), parameters],
		[new Set(model.buffers), buffers],
	] as const;
	for (const [name, value] of graph.initializers) {
		if (widened.has(name)) {
			continue;
		}
		for (const key of parts.own.has(name) ? branches.map(branch => ofBranch(name, branch)) : [name]) {
			checkFree(initializers, [key], where);
			// Tensors are never written to: copies that begin alike are one.
			initializers.set(key, value);
			for (const [from, to] of roles) {
				if (from.has(name)) {
					to.add(key);
				}
			}
		}
	}
	const weights = merges.flatMap(each => [...each.weights]);
	const added = [
		...weights.flatMap(([name, value]) => branches.map(branch => [ofBranch(name, branch), value] as const)),
		...merges.flatMap(({constants}) => [...constants]),
	];
	checkFree(
		initializers,
		added.map(([name]) => name),
		where,
	);
	for (const [name, value] of added) {
		initializers.set(name, value);
	}
	for (const [name] of weights) {
		for (const branch of branches) {
			parameters.add(ofBranch(name, branch));
		}
	}

	const name = `${model.name} × ${branches.length}`;
	const joined: Graph = infer({
		...graph,
		name,
		nodes,
		inputs: graph.inputs.flatMap(info =>
			parts.own.has(info.name) ? branches.map(branch => ({...info, name: ofBranch(info.name, branch)})) : [info],
		),
		initializers,
		values: new Map(),
	});
	verify(joined);
	const used = [...new Set(nodes.flatMap(({inputs}) => inputs))];
	return {
		...model,
		name,
		graph: joined,
		parameters: used.filter(key => parameters.has(key)),
		buffers: used.filter(key => buffers.has(key)),
		join: {
			kind: junction,
			branches,
			cut,
			boundary: crossing.map(boundary => boundary.name),
			weights: weights.map(([key]) => key),
			nodes: merged.map(node => node.name),
			units: units.units.map(unit => ({label: unit.label, nodes: unit.nodes})),
		},
	};
}
