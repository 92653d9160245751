/** Consecutive units as graphs of their own, with the tensors that cross the cuts as inputs and outputs. */
import {FplError} from '../../core/errors.js';
import type {Graph, Model, Node, ValueInfo} from '../graph.js';
import {infer, typesOf} from '../infer.js';
import {verify} from '../verify.js';
import {type CutOptions, dataNodes, dataValues, type Unit, unitsOf} from './cuts.js';

export interface Segment {
	readonly index: number;
	/** First and last unit, both included. */
	readonly units: readonly [number, number];
	/** For people: `conv1 … fc2`. */
	readonly label: string;
	/** Inputs: what crosses into it (or is fed to the model); outputs: what later segments or the caller want of it. */
	readonly graph: Graph;
	/** Trained initializers, in the model's order. No two segments share one. */
	readonly parameters: readonly string[];
	readonly buffers: readonly string[];
	/** Values that later segments need but this one neither reads nor makes: they travel past it. */
	readonly passing: readonly ValueInfo[];
}

/** First and last unit of each segment, in order, without gaps. */
export type Ranges = readonly (readonly [number, number])[];

function checkRanges(model: Model, ranges: Ranges, count: number): void {
	let next = 0;
	for (const [first, last] of ranges) {
		if (first !== next || last < first || last >= count || !Number.isInteger(last)) {
			throw new FplError('MODEL_CUT', {
				where: `units ${first} to ${last} of «${model.name}»`,
				problem: 'segments must follow each other without gaps and cover all units',
				expected: `a segment that starts at unit ${next} and ends before ${count}`,
			});
		}
		next = last + 1;
	}
	if (next !== count) {
		throw new FplError('MODEL_CUT', {
			where: `«${model.name}»`,
			problem: 'the last segment must end with the last unit',
			expected: `${count - 1}`,
			got: `${next - 1}`,
		});
	}
}

/** A weight has one place where it is updated: two segments on different devices would train it apart. */
function checkShared(model: Model, groups: readonly (readonly Unit[])[]): void {
	for (const [what, names] of [
		['parameter', (unit: Unit) => unit.parameters],
		['buffer', (unit: Unit) => unit.buffers],
	] as const) {
		const owner = new Map<string, number>();
		for (const [index, group] of groups.entries()) {
			for (const name of new Set(group.flatMap(names))) {
				const other = owner.get(name);
				if (other !== undefined) {
					throw new FplError('MODEL_CUT', {
						where: `«${model.name}»`,
						problem: `${what} «${name}» is used in segment ${other} and in segment ${index}`,
						fix: 'Put the units that share it into one segment',
					});
				}
				owner.set(name, index);
			}
		}
	}
}

/** Nodes by the segment that they belong to; what prepares weights goes wherever it is needed. */
function closure(graph: Graph, wanted: ReadonlySet<string>): readonly Node[] {
	const data = dataValues(graph);
	const kept = new Set<Node>();
	const needed = new Set<string>();
	for (const node of graph.nodes.toReversed()) {
		const prepares = !node.outputs.some(name => data.has(name)) && node.outputs.some(name => needed.has(name));
		if (prepares || (wanted.has(node.name) && node.outputs.some(name => data.has(name)))) {
			kept.add(node);
			for (const name of node.inputs) {
				needed.add(name);
			}
		}
	}
	return graph.nodes.filter(node => kept.has(node));
}

/**
 * Cuts a model into segments.
 * @param ranges the units of each segment, as a plan's stages name them.
 * @throws FplError `MODEL_CUT` when the ranges do not cover the units, or segments would share a parameter.
 */
export function segmentsOf(model: Model, ranges: Ranges, options: CutOptions = {}): readonly Segment[] {
	const {units} = unitsOf(model, options);
	checkRanges(model, ranges, units.length);
	const graph = infer(model.graph);
	const groups = ranges.map(([first, last]) => units.slice(first, last + 1));
	checkShared(model, groups);
	const data = dataValues(graph);
	const type = typesOf(graph);
	const position = new Map<string, number>();
	for (const [index, group] of groups.entries()) {
		for (const name of group.flatMap(({nodes}) => nodes)) {
			position.set(name, index);
		}
	}
	/** Where a value is made (−1: fed by the caller) and where it is read last. */
	const made = new Map(graph.inputs.map(({name}) => [name, -1]));
	const read = new Map<string, number>();
	for (const node of dataNodes(graph, data)) {
		const at = position.get(node.name)!;
		for (const name of node.outputs.filter(output => data.has(output))) {
			made.set(name, at);
		}
		for (const name of node.inputs.filter(input => data.has(input))) {
			read.set(name, Math.max(read.get(name) ?? -1, at));
		}
	}
	for (const {name} of graph.outputs) {
		read.set(name, ranges.length);
	}
	const infos = (names: Iterable<string>) => [...names].map(name => type(name)!);

	const segments = groups.map((group, index): Segment => {
		const nodes = closure(graph, new Set(group.flatMap(unit => unit.nodes)));
		const own = new Set(nodes.flatMap(({outputs}) => outputs));
		const used = new Set(nodes.flatMap(({inputs}) => inputs));
		const outputs = [...own].filter(name => data.has(name) && (read.get(name) ?? -1) > index);
		const passing = [...made].filter(
			([name, at]) => at < index && (read.get(name) ?? -1) > index && !used.has(name) && at >= 0,
		);
		const [first, last] = ranges[index]!;
		return {
			index,
			units: [first, last],
			label: first === last ? group[0]!.label : `${group[0]!.label} … ${group.at(-1)!.label}`,
			graph: {
				...graph,
				name: ranges.length === 1 ? graph.name : `${graph.name}/${first}-${last}`,
				nodes,
				inputs: infos([...used].filter(name => data.has(name) && !own.has(name))),
				outputs: infos(outputs),
				initializers: new Map([...graph.initializers].filter(([name]) => used.has(name))),
				values: new Map([...graph.values].filter(([name]) => own.has(name))),
			},
			parameters: model.parameters.filter(name => used.has(name)),
			buffers: model.buffers.filter(name => used.has(name)),
			passing: infos(passing.map(([name]) => name)),
		};
	});
	for (const segment of segments) {
		verify(segment.graph);
	}
	return segments;
}
