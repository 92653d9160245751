/** The counts of a model by which plans for it are costed (`core/cost`). */
import type {ClassWork, ModelCosts, UnitWork, ValueCosts} from '../../core/cost/model-costs.js';
import {type OpClass, opClasses} from '../../core/profile/profile.js';
import {bytesPerElement, type Shape, sizeOf} from '../../core/tensor/tensor.js';
import {compileSegment} from '../compile/segment.js';
import type {Graph, Loss, Model, ValueInfo} from '../graph.js';
import {batchName} from '../import/batch.js';
import {isStatic} from '../infer/dims.js';
import {analyse, infer} from '../infer.js';
import {costsOf, type NodeCost} from '../inspect/cost.js';
import {type Unit, unitsOf} from '../inspect/cuts.js';
import {specialise, withSizes} from '../specialise.js';

/** Work of one unit. Weights are read once per call, activations once per item: two batch sizes tell the one from the other. */
function workOf(unit: Unit, one: ReadonlyMap<string, NodeCost>, two: ReadonlyMap<string, NodeCost>) {
	const work: Partial<Record<OpClass, ClassWork>> = {};
	for (const op of opClasses) {
		const of = (costs: ReadonlyMap<string, NodeCost>) =>
			unit.nodes.map(name => costs.get(name)).filter(cost => cost?.opClass === op) as NodeCost[];
		const nodes = of(one);
		if (nodes.length > 0) {
			const sum = (costs: readonly NodeCost[], key: 'flops' | 'bytes') =>
				costs.reduce((total, cost) => total + cost[key], 0);
			const bytes = Math.max(0, sum(of(two), 'bytes') - sum(nodes, 'bytes'));
			work[op] = {
				flops: sum(nodes, 'flops'),
				bytes,
				callBytes: Math.max(0, sum(nodes, 'bytes') - bytes),
				calls: nodes.length,
			};
		}
	}
	return work;
}

interface Stash {
	readonly kept: number;
	/** Of these, what the unit's own backward pass does not need. */
	readonly lent: number;
}

/** Nodes of backward passes are named after the node whose gradient they are part of (`models/autodiff`). */
const gradient = 'grad/';
const originOf = (name: string): string => name.slice(gradient.length, name.lastIndexOf('/'));

/** The first unit whose backward pass reads a value, itself or what is made of it again; −1: nobody knows which. */
function earliestReaders(backward: Graph, units: readonly Unit[]): (value: string) => number {
	const unitOf = new Map(units.flatMap(({index, nodes}) => nodes.map(name => [name, index] as const)));
	const earliest = new Map<string, number>();
	const read = (values: readonly string[], unit: number) => {
		for (const value of values) {
			earliest.set(value, Math.min(earliest.get(value) ?? Number.POSITIVE_INFINITY, unit));
		}
	};
	// The last first: who reads what a node makes is known when its turn comes.
	for (const {name, inputs, outputs} of backward.nodes.toReversed()) {
		const own = unitOf.get(originOf(name)) ?? -1;
		const again = Math.min(...outputs.map(output => earliest.get(output) ?? Number.POSITIVE_INFINITY));
		read(inputs, name.startsWith(gradient) ? own : again);
	}
	return value => earliest.get(value) ?? -1;
}

/** By unit, bytes per item that the backward pass of the whole model needs of what the unit makes. */
function stashes(model: Model, units: readonly Unit[], ends: readonly (readonly string[])[]): readonly Stash[] {
	const programs = compileSegment({model, activations: []}, {batch: 1, stash: 'keep'});
	const {graph, outputs} = programs.forward();
	const bytes = new Map(
		outputs
			.filter(({role}) => role.kind === 'stash')
			.map(({name, shape, dtype}) => [name, sizeOf(shape) * bytesPerElement(dtype)]),
	);
	const readerOf = earliestReaders(programs.backward().graph, units);
	const sums = units.map(() => ({kept: 0, lent: 0}));
	// Nodes are in topological order: what comes once all that crosses a cut is made, lies after that cut.
	const made = new Set(model.graph.inputs.map(({name}) => name));
	let unit = 0;
	for (const node of graph.nodes) {
		for (const name of node.outputs) {
			const own = bytes.get(name) ?? 0;
			sums[unit]!.kept += own;
			sums[unit]!.lent += readerOf(name) > unit ? own : 0;
			made.add(name);
		}
		while (unit < ends.length && ends[unit]!.every(name => made.has(name))) {
			unit++;
		}
	}
	return sums;
}

/** Bytes of one label: classes travel as a byte each, values as they are. */
function labelBytesOf(loss: Loss, outputs: readonly ValueInfo[]): number {
	const shape = outputs[0]?.shape?.slice(1);
	const item: Shape = isStatic(shape) ? shape : [];
	return loss === 'softmax-cross-entropy' ? sizeOf(item.slice(0, -1)) : sizeOf(item) * 4;
}

/** By model and number of crossing tensors; a model is never changed. */
const known = new WeakMap<Model, Map<number, ModelCosts>>();

/** @throws FplError as `unitsOf`; `MODEL_GRADIENT` for models that cannot be trained. */
export function costsOfModel(model: Model, {maxCrossing = 1}: CountOptions = {}): ModelCosts {
	const before = known.get(model) ?? new Map<number, ModelCosts>();
	known.set(model, before);
	const found = before.get(maxCrossing) ?? count(model, maxCrossing);
	before.set(maxCrossing, found);
	return found;
}

export interface CountOptions {
	/** As plans have it. Default 1. */
	readonly maxCrossing?: number;
}

/** What a pass through each unit asks of a device, which is known of models that cannot be trained, too. */
export function workOfUnits(model: Model, {maxCrossing = 1}: CountOptions = {}): readonly UnitWork[] {
	const {units} = unitsOf(model, {maxCrossing});
	const graph = infer(model.graph);
	const costs = (items: number) =>
		new Map(costsOf(specialise(graph, {[batchName]: items}), model.parameters).map(cost => [cost.node, cost]));
	const [one, two] = [costs(1), costs(2)];
	const elements = (names: readonly string[]) =>
		names.reduce((sum, name) => sum + graph.initializers.get(name)!.data.length, 0);
	const counted = new Set<string>();
	/** A weight that several units read belongs to the first of them. */
	const own = (names: readonly string[]) => names.filter(name => !counted.has(name) && counted.add(name));
	return units.map(unit => ({
		label: unit.label,
		work: workOf(unit, one, two),
		parameters: elements(own(unit.parameters)),
		buffers: elements(own(unit.buffers)),
	}));
}

/** By cut: whether no weight is read on both sides of it. */
function separableCuts(units: readonly Unit[]): readonly boolean[] {
	const names = ({parameters, buffers}: Unit) => [...parameters, ...buffers];
	const last = new Map(units.flatMap(unit => names(unit).map(name => [name, unit.index] as const)));
	let reach = -1;
	return units.slice(0, -1).map(unit => {
		reach = Math.max(reach, ...names(unit).map(name => last.get(name)!));
		return reach <= unit.index;
	});
}

/** Which unit makes each value, and which read it. */
function usesOf(graph: Graph, units: readonly Unit[]) {
	const unitOfNode = new Map(units.flatMap(({index, nodes}) => nodes.map(name => [name, index] as const)));
	const makers = new Map<string, number>(graph.inputs.map(({name}) => [name, -1]));
	const readers = new Map<string, Set<number>>();
	const read = (name: string, unit: number) => {
		readers.set(name, (readers.get(name) ?? new Set<number>()).add(unit));
	};
	for (const node of graph.nodes) {
		const unit = unitOfNode.get(node.name);
		if (unit !== undefined) {
			for (const name of node.outputs) {
				makers.set(name, unit);
			}
			for (const name of node.inputs) {
				read(name, unit);
			}
		}
	}
	for (const {name} of graph.outputs) {
		read(name, units.length - 1);
	}
	return {makers, readers};
}

function count(model: Model, maxCrossing: number): ModelCosts {
	const {units, cuts} = unitsOf(model, {maxCrossing});
	const graph = infer(model.graph);
	const {types} = analyse(withSizes(graph, {[batchName]: 1}));
	const {makers, readers} = usesOf(graph, units);
	const crossing = cuts.map(cut => cut.crossing.map(({name}) => name));
	const kept = stashes(model, units, crossing);
	const bytesOf = (infos: readonly ValueInfo[]) =>
		infos.reduce((sum, {name, dtype}) => {
			const shape = types.get(name)?.shape;
			return sum + (isStatic(shape) ? sizeOf(shape) * bytesPerElement(dtype) : 0);
		}, 0);
	return {
		name: model.name,
		maxCrossing,
		units: workOfUnits(model, {maxCrossing}).map((unit, index) => ({
			...unit,
			stashBytes: kept[index]!.kept,
			lentBytes: kept[index]!.lent,
		})),
		values: [...new Set(crossing.flat())].map((name): ValueCosts => {
			const {dtype, shape} = types.get(name)!;
			return {
				madeBy: makers.get(name)!,
				readBy: [...(readers.get(name) ?? [])].sort((a, b) => a - b),
				shape: isStatic(shape) ? shape.slice(1) : [],
				bytesPerElement: bytesPerElement(dtype),
				differentiable: dtype === 'float32' && makers.get(name)! >= 0,
			};
		}),
		separable: separableCuts(units),
		inputBytes: bytesOf(graph.inputs),
		outputBytes: bytesOf(graph.outputs),
		labelBytes: labelBytesOf(model.loss, graph.outputs),
	};
}
