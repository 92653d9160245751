/** Gradients of softmax over one axis (opset 13 and later). */
import {attribute, fromZero, mul, reduceSum, sub} from './ops.js';
import type {GradientRule, RuleContext} from './rule.js';

const axisOf = (c: RuleContext): number =>
	fromZero(attribute(c.node, 'axis', 'int') ?? -1, c.shape(c.inputs[0]!).length);

export const softmax = {
	/** y = softmax(x): y·dy − y·Σ(y·dy) */
	Softmax(c, [dy]) {
		const y = c.output(0);
		const weighted = mul(c, dy!, y);
		return [sub(c, weighted, mul(c, y, reduceSum(c, weighted, [axisOf(c)], true)))];
	},
	/** y = log softmax(x): dy − eʸ·Σdy */
	LogSoftmax(c, [dy]) {
		return [sub(c, dy!, mul(c, c.emit('Exp', [c.output(0)]), reduceSum(c, dy!, [axisOf(c)], true)))];
	},
} satisfies Record<string, GradientRule>;
