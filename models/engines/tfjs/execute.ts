/** Runs a graph node by node. Call inside `tf.tidy`: nothing here frees what it makes. */
import {FplError} from '../../../core/errors.js';
import type {Graph} from '../../graph.js';
import {OpContext, type Pass} from './ops/context.js';
import {opOf} from './ops/table.js';
import type {Value} from './value.js';

/**
 * @param given inputs and initializers by name.
 * @returns the graph's outputs, in order.
 * @throws FplError `MODEL_OP` for an operator or a setting that is not supported, `MODEL_SHAPE` where shapes do not fit,
 * `DATA_SHAPE` for indices out of range, `ENGINE_FAILED` for anything else that tfjs complains about.
 */
export function execute(pass: Pass, graph: Graph, given: ReadonlyMap<string, Value>): Value[] {
	const values = new Map(given);
	for (const node of graph.nodes) {
		const inputs = node.inputs.map(name => (name === '' ? undefined : values.get(name)));
		const context = new OpContext(pass, node, inputs);
		let outputs: Value | readonly Value[];
		try {
			outputs = opOf(node, pass.modelName)(context);
		} catch (error) {
			throw error instanceof FplError
				? error
				: new FplError(
						'ENGINE_FAILED',
						{
							where: `${pass.modelName}, node «${node.name}» (${node.op})`,
							problem: error instanceof Error ? error.message : String(error),
						},
						{cause: error},
					);
		}
		const list = 'raw' in outputs ? [outputs] : outputs;
		for (const [index, name] of node.outputs.entries()) {
			if (name !== '') {
				values.set(name, list[index] ?? context.fail(`output ${index} is not provided`));
			}
		}
	}
	return graph.outputs.map(({name}) => {
		const value = values.get(name);
		if (value === undefined) {
			throw new FplError('MODEL_INVALID', {where: pass.modelName, problem: `output «${name}» has no producer`});
		}
		return value;
	});
}
