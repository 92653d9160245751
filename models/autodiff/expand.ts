/** Replaces composite operators by the ordinary nodes they stand for. The last thing before a graph leaves the compiler. */
import type {Graph, Node} from '../graph.js';
import type {ExpandContext} from './composite.js';
import {compositeDomain} from './composite.js';
import {compositeOf} from './composites.js';
import {Emitter} from './emitter.js';

/** The same graph, inputs and outputs included, without operators of domain `fpl`. */
export function expandComposites(graph: Graph): Graph {
	if (graph.nodes.every(({domain}) => domain !== compositeDomain)) {
		return graph;
	}
	const emitter = new Emitter(graph.name, graph.opsets).include(graph, {nodes: false});
	const read = new Set([...graph.nodes.flatMap(({inputs}) => inputs), ...graph.outputs.map(({name}) => name)]);
	const given = new Set([...graph.initializers.keys(), ...graph.inputs.map(({name}) => name)]);
	const renamed = new Map<string, string>();
	for (const node of graph.nodes) {
		const composite = compositeOf(node);
		if (composite === undefined) {
			emitter.add(node);
			continue;
		}
		emitter.within(`${node.name}/`);
		const values = composite.expand(contextOf(emitter, node, read));
		for (const [index, output] of node.outputs.entries()) {
			const value = values[index];
			if (!read.has(output) || value === undefined) {
				continue;
			}
			// The name that readers know stays; a value that already has one (or serves two outputs) is copied.
			if (renamed.has(value) || given.has(value) || graph.values.has(value)) {
				emitter.alias(value, output);
			} else {
				renamed.set(value, output);
			}
		}
	}
	const rename = (name: string) => renamed.get(name) ?? name;
	const nodes = emitter.allNodes.map(
		(node): Node => ({...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename)}),
	);
	return emitter.finish(
		graph.inputs.map(({name}) => name),
		graph.outputs.map(({name}) => name),
		nodes,
	);
}

const contextOf = (emitter: Emitter, node: Node, read: ReadonlySet<string>): ExpandContext => ({
	node,
	opset: emitter.opset,
	shape: value => emitter.shape(value),
	dtype: value => emitter.dtype(value),
	emit: (op, inputs, attributes, options) => emitter.emit(op, inputs, attributes, options),
	emitAll: (op, inputs, attributes, options) => emitter.emitAll(op, inputs, attributes, options),
	constant: value => emitter.constant(value),
	known: value => emitter.known(value),
	wantsOutput: index => read.has(node.outputs[index] ?? ''),
});
