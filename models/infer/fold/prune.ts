/** Removal of everything that no output depends on. */
import type {Graph, Node} from '../../graph.js';
import {findOperator} from '../table.js';

/** Optional outputs that nobody reads become `''`, and disappear where they come last. */
function withoutUnused(node: Node, used: ReadonlySet<string>): Node {
	if (node.outputs.every(name => used.has(name))) {
		return node;
	}
	const formals = findOperator(node)?.outputs ?? [];
	const outputs = node.outputs.map((name, index) =>
		used.has(name) || formals[index]?.optional !== true || formals[index]?.repeats === true ? name : '',
	);
	while (outputs.length > 1 && outputs.at(-1) === '') {
		outputs.pop();
	}
	return {...node, outputs};
}

/**
 * The graph without dead nodes, unread optional outputs, unread initializers and their types. Inputs stay: they are the
 * graph's interface.
 */
export function prune(graph: Graph): Graph {
	const used = new Set(graph.outputs.map(({name}) => name));
	const nodes: Node[] = [];
	for (const node of graph.nodes.toReversed()) {
		if (node.outputs.some(name => used.has(name))) {
			nodes.push(withoutUnused(node, used));
			for (const name of node.inputs) {
				used.add(name);
			}
		}
	}
	nodes.reverse();
	const made = new Set(nodes.flatMap(({outputs}) => outputs));
	return {
		...graph,
		nodes,
		initializers: new Map([...graph.initializers].filter(([name]) => used.has(name))),
		values: new Map([...graph.values].filter(([name]) => made.has(name))),
	};
}
