/** Every operator that fpl knows, by domain. To add one, write its `op(…)` line in the file of its kind. */
import {FplError} from '../../core/errors.js';
import type {Node} from '../graph.js';
import {qualifiedOp, whereIs} from './context.js';
import {contributed} from './contributed.js';
import {convolution} from './convolution.js';
import {elementwise} from './elementwise.js';
import {indexing} from './indexing.js';
import {linear} from './linear.js';
import {moving} from './moving.js';
import {reductions} from './reduction.js';
import type {Operator, OperatorTable} from './signature.js';

export const domains: Readonly<Record<string, OperatorTable>> = {
	'': {...elementwise, ...convolution, ...linear, ...reductions, ...moving, ...indexing},
	'com.microsoft': contributed,
};

export const findOperator = ({domain, op}: Pick<Node, 'domain' | 'op'>): Operator | undefined => {
	const table = Object.hasOwn(domains, domain) ? domains[domain] : undefined;
	return table !== undefined && Object.hasOwn(table, op) ? table[op] : undefined;
};

/**
 * @param model the model's name, for the message.
 * @throws FplError `MODEL_OP` when the operator is not known, or younger than the graph's operator set.
 */
export function operatorOf(node: Node, opset: number, model: string): Operator {
	const operator = findOperator(node);
	if (operator === undefined) {
		throw new FplError('MODEL_OP', {
			where: whereIs(node, model),
			problem: `operator ${qualifiedOp(node)} is not known`,
			fix: 'Replace it in the model, or export the model with simpler operators',
		});
	}
	if (operator.since > opset) {
		throw new FplError('MODEL_OP', {
			where: whereIs(node, model),
			problem: `operator ${qualifiedOp(node)} is not in the graph's operator set`,
			expected: `opset ${operator.since} or later`,
			got: `${opset}`,
		});
	}
	return operator;
}
