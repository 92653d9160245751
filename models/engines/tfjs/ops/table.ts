/** The closed table of what the tfjs engine can execute. Every op in it is made of tfjs ops that tfjs differentiates. */
import {FplError} from '../../../../core/errors.js';
import type {Graph, Node} from '../../../graph.js';
import type {Op} from './context.js';
import {convolutionOps} from './convolution.js';
import {elementwiseOps} from './elementwise.js';
import {indexingOps} from './indexing.js';
import {matrixOps} from './matrix.js';
import {normalisationOps} from './normalisation.js';
import {poolingOps} from './pooling.js';
import {recurrentOps} from './recurrent.js';
import {reduceOps} from './reduce.js';
import {shapeOps} from './shape.js';

const table = {
	...elementwiseOps,
	...shapeOps,
	...indexingOps,
	...reduceOps,
	...matrixOps,
	...convolutionOps,
	...poolingOps,
	...normalisationOps,
	...recurrentOps,
} as const satisfies Record<string, Op>;

/** Ops of the table that belong to ONNX Runtime's domain. Gelu exists in both. */
const contributed: ReadonlySet<string> = new Set([
	'BiasGelu',
	'FastGelu',
	'FusedMatMul',
	'Gelu',
	'QuickGelu',
] satisfies Array<keyof typeof table>);

/** Names of the ops that the engine executes, for tests and documentation. */
export const tfjsOps = Object.keys(table).sort() as readonly string[];

/** @throws FplError `MODEL_OP` naming the op and the node. */
export function opOf(node: Node, modelName: string): Op {
	const known =
		node.domain === '' || node.domain === 'ai.onnx'
			? !contributed.has(node.op) || node.op === 'Gelu'
			: node.domain === 'com.microsoft' && contributed.has(node.op);
	const op = known && Object.hasOwn(table, node.op) ? table[node.op as keyof typeof table] : undefined;
	if (op === undefined) {
		const name = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
		throw new FplError('MODEL_OP', {
			where: `${modelName}, node «${node.name}»`,
			problem: `the tfjs engine does not know the operator ${name}`,
			fix: 'Use the onnxruntime engine for this model',
		});
	}
	return op;
}

/** Looks every node up, so that an unknown op is found before training begins. */
export function checkOps(graph: Graph, modelName: string): void {
	for (const node of graph.nodes) {
		opOf(node, modelName);
	}
}
