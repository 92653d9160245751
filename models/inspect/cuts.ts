/**
 * Where a model may be split. A cut is a place in its topological order that few activation tensors cross, by default
 * one, each with the batch as its first axis; units are what lies between neighbouring cuts. Weights never cross: nodes
 * that only prepare weights belong to the unit that uses them.
 */
import type {OpClass} from '../../core/profile/profile.js';
import {bytesPerElement, sizeOf} from '../../core/tensor/tensor.js';
import type {Graph, Model, Node, ValueInfo} from '../graph.js';
import {batchName} from '../import/batch.js';
import {isStatic} from '../infer/dims.js';
import {analyse, infer, typesOf} from '../infer.js';
import {type Sizes, specialise, withSizes} from '../specialise.js';
import {type Cost, costsOf, type NodeCost, sumOf} from './cost.js';
import {labelsOf} from './labels.js';

export interface Cut {
	/** The cut lies before the unit of this index; 0 is not a cut. */
	readonly before: number;
	/** Tensors that cross, in the order in which they are made; inputs of the model that are needed later cross too. */
	readonly crossing: readonly ValueInfo[];
	/** Elements and bytes that cross, per item of the batch. */
	readonly elements: number;
	readonly bytes: number;
}

export interface Unit {
	readonly index: number;
	/** For people: `block1.conv1`, or the operators where the file has no telling names. Unique in the model. */
	readonly label: string;
	/** Names of its nodes, in topological order. */
	readonly nodes: readonly string[];
	/** Trained initializers it reads, in the model's order. */
	readonly parameters: readonly string[];
	readonly buffers: readonly string[];
	/** Forward, per item. */
	readonly cost: Cost;
}

export interface Units {
	readonly units: readonly Unit[];
	/** One fewer than units: `cuts[i]` lies between unit i and unit i + 1. */
	readonly cuts: readonly Cut[];
}

export interface CutOptions {
	/** How many tensors may cross a cut, ≥ 1. By default 1; skip connections make more cuts possible with 2. */
	readonly maxCrossing?: number;
	/**
	 * Joins units without products or embeddings to the unit before them (norms, activations and poolings to their
	 * convolution), which leaves a cut per layer, where least data cross. Default false: every possible cut.
	 */
	readonly merge?: boolean;
	/** Sizes of symbolic dimensions other than the batch, for the costs. */
	readonly sizes?: Sizes;
}

/** Names of values that depend on an input of the graph; the others are made of weights and constants only. */
export function dataValues(graph: Graph): ReadonlySet<string> {
	const values = new Set(graph.inputs.map(({name}) => name));
	for (const {inputs, outputs} of graph.nodes) {
		if (inputs.some(name => values.has(name))) {
			for (const name of outputs) {
				values.add(name);
			}
		}
	}
	values.delete('');
	return values;
}

/** Index of the last node that reads a value, by name; values that leave the graph are read after the last node. */
function lastReaders(graph: Graph, nodes: readonly Node[]): ReadonlyMap<string, number> {
	const last = new Map<string, number>();
	for (const [index, {inputs}] of nodes.entries()) {
		for (const name of inputs) {
			last.set(name, index);
		}
	}
	for (const {name} of graph.outputs) {
		last.set(name, nodes.length);
	}
	return last;
}

/** Nodes on the way from inputs to outputs, in order; nodes that prepare weights are left out. */
export const dataNodes = (graph: Graph, values: ReadonlySet<string>): readonly Node[] =>
	graph.nodes.filter(({outputs}) => outputs.some(name => values.has(name)));

/** For each place after a data node: the values that cross it. */
function crossings(graph: Graph, nodes: readonly Node[], values: ReadonlySet<string>): readonly (readonly string[])[] {
	const last = lastReaders(graph, nodes);
	let alive = graph.inputs.map(({name}) => name).filter(name => last.has(name));
	return nodes.map(({outputs}, index) => {
		alive = [...alive, ...outputs.filter(name => values.has(name))].filter(name => (last.get(name) ?? -1) > index);
		return alive;
	});
}

/** Places that may be cut: few tensors cross, and each counts the items of the batch along its first axis. */
function places(graph: Graph, nodes: readonly Node[], values: ReadonlySet<string>, most: number): readonly Place[] {
	const type = typesOf(graph);
	return crossings(graph, nodes, values).flatMap((names, after) => {
		const crossing = names.map(name => type(name));
		const fits =
			after < nodes.length - 1 &&
			names.length >= 1 &&
			names.length <= most &&
			crossing.every(info => info?.shape?.[0] === batchName);
		return fits ? [{after, crossing: crossing as readonly ValueInfo[]}] : [];
	});
}

interface Place {
	/** Index of the last data node before it. */
	readonly after: number;
	readonly crossing: readonly ValueInfo[];
}

/**
 * Nodes that prepare weights, with the data node that needs them first.
 * @returns for each data node, by name, its preparations and then itself.
 */
function withPreparations(graph: Graph, nodes: readonly Node[]): ReadonlyMap<string, readonly Node[]> {
	const position = new Map(nodes.map((node, index) => [node, index]));
	/** By value: index of the first data node that needs it. */
	const needed = new Map<string, number>();
	const groups = nodes.map(node => [node]);
	for (const node of graph.nodes.toReversed()) {
		const own = position.get(node);
		const at = own ?? Math.min(...node.outputs.map(name => needed.get(name) ?? Number.POSITIVE_INFINITY));
		if (own === undefined) {
			groups[at]?.push(node);
		}
		for (const name of node.inputs) {
			needed.set(name, Math.min(at, needed.get(name) ?? Number.POSITIVE_INFINITY));
		}
	}
	return new Map(nodes.map((node, index) => [node.name, groups[index]!.toReversed()]));
}

const layerClasses: ReadonlySet<OpClass> = new Set(['convolution', 'depthwise', 'matmul']);

/** Groups of data nodes between neighbouring places. */
function groupsOf(nodes: readonly Node[], cutAfter: readonly Place[]): readonly (readonly Node[])[] {
	const ends = [...cutAfter.map(({after}) => after + 1), nodes.length];
	return ends.map((end, index) => nodes.slice(index === 0 ? 0 : ends[index - 1], end));
}

/** Leaves out places before groups without a layer, so that these join what comes before them. */
function merged(found: readonly Place[], nodes: readonly Node[], isLayer: (node: Node) => boolean): readonly Place[] {
	const groups = groupsOf(nodes, found).map(group => group.some(isLayer));
	// A place stays when what follows it has a layer, and something before it had one too.
	return found.filter((_, index) => groups[index + 1] === true && groups.slice(0, index + 1).includes(true));
}

/** What was found already, by model and options: a plan that is checked, weighed and cut asks many times. */
const known = new WeakMap<Model, Map<string, Units>>();

/**
 * Units and cuts of a model.
 * @throws FplError as `specialise`, for a batch of one.
 */
export function unitsOf(model: Model, {maxCrossing = 1, merge = false, sizes = {}}: CutOptions = {}): Units {
	const ofModel = known.get(model) ?? new Map<string, Units>();
	known.set(model, ofModel);
	const key = JSON.stringify([maxCrossing, merge, sizes]);
	const units = ofModel.get(key) ?? findUnits(model, {maxCrossing, merge, sizes});
	ofModel.set(key, units);
	return units;
}

function findUnits(model: Model, {maxCrossing, merge, sizes}: Required<CutOptions>): Units {
	const graph = infer(model.graph);
	const values = dataValues(graph);
	const nodes = dataNodes(graph, values);
	const prepared = withPreparations(graph, nodes);
	const parameters = new Set(model.parameters);
	const item = {...sizes, [batchName]: 1};
	const single = specialise(graph, item);
	const costs = new Map(costsOf(single, model.parameters).map(cost => [cost.node, cost]));
	const isLayer = (node: Node) =>
		layerClasses.has(costs.get(node.name)?.opClass ?? 'memory') ||
		(node.op === 'Gather' && parameters.has(node.inputs[0]!));
	const every = places(graph, nodes, values, maxCrossing);
	const chosen = merge ? merged(every, nodes, isLayer) : every;
	const groups = groupsOf(nodes, chosen).map(group => group.flatMap(node => prepared.get(node.name)!));
	const labels = labelsOf(groups, parameters);
	const units = groups.map((group, index): Unit => {
		const read = new Set(group.flatMap(({inputs}) => inputs));
		const found = group.map(({name}) => costs.get(name)).filter((cost): cost is NodeCost => cost !== undefined);
		return {
			index,
			label: labels[index]!,
			nodes: group.map(({name}) => name),
			parameters: model.parameters.filter(name => read.has(name)),
			buffers: model.buffers.filter(name => read.has(name)),
			cost: sumOf(single, found),
		};
	});
	const {types} = analyse(withSizes(graph, item));
	const cuts = chosen.map(({crossing}, index) => ({before: index + 1, crossing, ...sizeOfItem(types, crossing)}));
	return {units, cuts};
}

/** What one item takes on its way over a cut. */
function sizeOfItem(
	types: ReadonlyMap<string, ValueInfo>,
	crossing: readonly ValueInfo[],
): {readonly elements: number; readonly bytes: number} {
	let elements = 0;
	let bytes = 0;
	for (const {name} of crossing) {
		const {dtype, shape} = types.get(name)!;
		const size = isStatic(shape) ? sizeOf(shape) : 0;
		elements += size;
		bytes += size * bytesPerElement(dtype);
	}
	return {elements, bytes};
}
