/** Ops that sum over axes, and softmax. */
import type {Tf, TfTensor} from '../value.js';
import type {Op, OpContext} from './context.js';
import {detached} from './elementwise.js';
import {axesOf} from './shape.js';

type Reduction = (tf: Tf, x: TfTensor, axes: number[], keepDims: boolean) => TfTensor;

const reduction =
	(reduce: Reduction): Op =>
	context => {
		const x = context.plain(0);
		const given = axesOf(context, 1, x.rank);
		if (given?.length === 0 || given === undefined) {
			if (context.int('noop_with_empty_axes', 0) === 1) {
				return context.value(0);
			}
		}
		const axes = given === undefined || given.length === 0 ? x.shape.map((_, axis) => axis) : given;
		return context.of(reduce(context.tf, x, axes, context.int('keepdims', 1) === 1));
	};

const arg =
	(pick: (tf: Tf, x: TfTensor, axis: number) => TfTensor): Op =>
	context => {
		const x = context.plain(0);
		const axis = context.axis(context.int('axis', 0), x.rank);
		if (context.int('select_last_index', 0) === 1) {
			context.fail('select_last_index');
		}
		const picked = pick(context.tf, detached(context.tf, x), axis);
		return context.of(context.int('keepdims', 1) === 1 ? context.tf.expandDims(picked, axis) : picked);
	};

/** Brings the axis to the end, where tfjs wants it, applies, and brings it back. */
function alongLast(context: OpContext, x: TfTensor, axis: number, f: (x: TfTensor) => TfTensor): TfTensor {
	if (axis === x.rank - 1) {
		return f(x);
	}
	const order = x.shape.map((_, index) => index);
	order[axis] = x.rank - 1;
	order[x.rank - 1] = axis;
	return context.tf.transpose(f(context.tf.transpose(x, order)), order);
}

const soft =
	(f: (tf: Tf, x: TfTensor) => TfTensor): Op =>
	context => {
		const x = context.plain(0);
		if (context.pass.opset < 13) {
			context.fail('the meaning of softmax before opset 13');
		}
		const axis = context.axis(context.int('axis', -1), x.rank);
		return context.of(alongLast(context, x, axis, t => f(context.tf, t)));
	};

const cumSum: Op = context => {
	const x = context.plain(0);
	const axis = context.axis(context.numbers(1)?.[0] ?? 0, x.rank);
	const [exclusive, reverse] = [context.int('exclusive', 0) === 1, context.int('reverse', 0) === 1];
	// Along the last axis, for tfjs' gradient along another one has its axes in the wrong order.
	return context.of(alongLast(context, x, axis, t => context.tf.cumsum(t, t.rank - 1, exclusive, reverse)));
};

const square = (tf: Tf, x: TfTensor) => tf.mul(x, x);

export const reduceOps = {
	ReduceSum: reduction((tf, x, axes, keep) => tf.sum(x, axes, keep)),
	ReduceMean: reduction((tf, x, axes, keep) => tf.mean(x, axes, keep)),
	ReduceMax: reduction((tf, x, axes, keep) => tf.max(x, axes, keep)),
	ReduceMin: reduction((tf, x, axes, keep) => tf.min(x, axes, keep)),
	ReduceProd: reduction((tf, x, axes, keep) => tf.prod(x, axes, keep)),
	ReduceL1: reduction((tf, x, axes, keep) => tf.sum(tf.abs(x), axes, keep)),
	ReduceL2: reduction((tf, x, axes, keep) => tf.sqrt(tf.sum(square(tf, x), axes, keep))),
	ReduceSumSquare: reduction((tf, x, axes, keep) => tf.sum(square(tf, x), axes, keep)),
	ReduceLogSum: reduction((tf, x, axes, keep) => tf.log(tf.sum(x, axes, keep))),
	ReduceLogSumExp: reduction((tf, x, axes, keep) => tf.logSumExp(x, axes, keep)),
	ArgMax: arg((tf, x, axis) => tf.argMax(x, axis)),
	ArgMin: arg((tf, x, axis) => tf.argMin(x, axis)),
	Softmax: soft((tf, x) => tf.softmax(x)),
	LogSoftmax: soft((tf, x) => tf.logSoftmax(x)),
	CumSum: cumSum,
} as const satisfies Record<string, Op>;
