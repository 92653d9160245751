/** Consecutive units as graphs of their own, with the tensors that cross the cuts as inputs and outputs. */
import {FplError} from '../../core/errors.js';
import type {Graph, Model, Node, ValueInfo} from '../graph.js';
import {infer, typesOf} from '../infer.js';
import {verify} from '../onnx/verify.js';
import {type CutOptions, dataNodes, dataValues, unitsOf} from './cuts.js';

export interface Segment {
	readonly index: number;
	/** First and last unit, both included. */
	readonly units: readonly [number, number];
	/** For people: `conv1 … fc2`. */
	readonly label: string;
	/**
	 * Inputs: what crosses into it (or is fed to the model); outputs: what later segments want of it. The last segment's
	 * outputs are those of the model, in the model's order; what earlier segments made of them crosses into it.
	 */
	readonly graph: Graph;
	/** Trained initializers, in the model's order. No two segments share one. */
	readonly parameters: readonly string[];
	readonly buffers: readonly string[];
	/** Values that later segments need but this one neither reads nor makes: they travel past it. */
	readonly passing: readonly ValueInfo[];
}

/** First and last unit of each segment, in order, without gaps. */
export type Ranges = readonly (readonly [number, number])[];

/** @throws FplError `MODEL_CUT` when the ranges do not follow each other from the first of `count` units to the last. */
export function checkRanges(model: string, ranges: Ranges, count: number): void {
	let next = 0;
	for (const [first, last] of ranges) {
		if (first !== next || last < first || last >= count || !Number.isInteger(last)) {
			throw new FplError('MODEL_CUT', {
				where: `units ${first} to ${last} of «${model}»`,
				problem: 'segments must follow each other without gaps and cover all units',
				expected: `a segment that starts at unit ${next} and ends before ${count}`,
			});
		}
		next = last + 1;
	}
	if (next !== count) {
		throw new FplError('MODEL_CUT', {
			where: `«${model}»`,
			problem: 'the last segment must end with the last unit',
			expected: `${count - 1}`,
			got: `${next - 1}`,
		});
	}
}

/** Nodes of a graph that are to be a segment. */
export interface SegmentGroup {
	/** Names of its data nodes; what prepares their weights comes along. */
	readonly nodes: readonly string[];
	readonly units: readonly [number, number];
	readonly label: string;
	/** Of the segment's graph. */
	readonly name: string;
	/** Indices of the groups whose values may come past it on their way to later ones: for a chain, all before it. */
	readonly after: readonly number[];
}

/** A weight has one place where it is updated: two segments on different devices would train it apart. */
function checkShared(model: Model, segments: readonly Segment[]): void {
	for (const [what, names] of [
		['parameter', (segment: Segment) => segment.parameters],
		['buffer', (segment: Segment) => segment.buffers],
	] as const) {
		const owner = new Map<string, number>();
		for (const segment of segments) {
			for (const name of names(segment)) {
				const other = owner.get(name);
				if (other !== undefined) {
					throw new FplError('MODEL_CUT', {
						where: `«${model.name}»`,
						problem: `${what} «${name}» is used in segment ${other} and in segment ${segment.index}`,
						fix: 'Put the units that share it into one segment',
					});
				}
				owner.set(name, segment.index);
			}
		}
	}
}

/** The nodes of these names, in order, with those that prepare their weights. */
export function closure(graph: Graph, wanted: ReadonlySet<string>): readonly Node[] {
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
	checkRanges(model.name, ranges, units.length);
	return segmentsOfGroups(
		model,
		ranges.map(([first, last], index): SegmentGroup => {
			const group = units.slice(first, last + 1);
			return {
				nodes: group.flatMap(({nodes}) => nodes),
				units: [first, last],
				label: labelOfRange(group.map(({label}) => label)),
				name: ranges.length === 1 ? model.graph.name : `${model.graph.name}/${first}-${last}`,
				after: Array.from({length: index}, (_, before) => before),
			};
		}),
	);
}

/** `conv1 … fc2` */
export const labelOfRange = (labels: readonly string[]): string =>
	labels.length === 1 ? labels[0]! : `${labels[0]} … ${labels.at(-1)}`;

/**
 * Cuts a model into segments that need not follow each other in a chain.
 * @param groups every data node in exactly one of them; a group comes after those whose values it reads, the last one after
 * all others.
 * @throws FplError `MODEL_CUT` when segments would share a parameter.
 */
export function segmentsOfGroups(model: Model, groups: readonly SegmentGroup[]): readonly Segment[] {
	const graph = infer(model.graph);
	const data = dataValues(graph);
	const type = typesOf(graph);
	const position = new Map(groups.flatMap(({nodes}, index) => nodes.map(name => [name, index] as const)));
	const last = groups.length - 1;
	// The caller asks the last segment for the model's outputs, and the loss is on the first of them.
	const results = graph.outputs.map(({name}) => name).filter(name => data.has(name));
	/** Where a value is made (−1: fed by the caller), and where it is read. */
	const made = new Map(graph.inputs.map(({name}) => [name, -1]));
	const readers = new Map<string, Set<number>>(results.map(name => [name, new Set([last])]));
	for (const node of dataNodes(graph, data)) {
		const at = position.get(node.name)!;
		for (const name of node.outputs.filter(output => data.has(output))) {
			made.set(name, at);
		}
		for (const name of node.inputs.filter(input => data.has(input))) {
			readers.set(name, (readers.get(name) ?? new Set()).add(at));
		}
	}
	const infos = (names: Iterable<string>) => [...names].map(name => type(name)!);
	/** Whether a group that comes after this one reads the value. */
	const goesOn = (name: string, index: number) =>
		[...(readers.get(name) ?? [])].some(at => groups[at]!.after.includes(index));

	const segments = groups.map(({nodes: wanted, units, label, name, after}, index): Segment => {
		const nodes = closure(graph, new Set(wanted));
		const own = new Set(nodes.flatMap(({outputs}) => outputs));
		const outputs = index === last ? results : [...own].filter(value => data.has(value) && goesOn(value, index));
		const used = new Set([...nodes.flatMap(({inputs}) => inputs), ...outputs]);
		const passing = [...made].filter(([value, at]) => after.includes(at) && !used.has(value) && goesOn(value, index));
		return {
			index,
			units,
			label,
			graph: {
				...graph,
				name,
				nodes,
				inputs: infos([...used].filter(value => data.has(value) && !own.has(value))),
				outputs: infos(outputs),
				initializers: new Map([...graph.initializers].filter(([key]) => used.has(key))),
				values: new Map([...graph.values].filter(([key]) => own.has(key))),
			},
			parameters: model.parameters.filter(key => used.has(key)),
			buffers: model.buffers.filter(key => used.has(key)),
			passing: infos(passing.map(([value]) => value)),
		};
	});
	checkShared(model, segments);
	for (const segment of segments) {
		verify(segment.graph);
	}
	return segments;
}
