/** Matrix products. */
import type {Tf, TfTensor} from '../value.js';
import {commonShape, expandTo} from './broadcast.js';
import type {Op} from './context.js';

const product = (dims: readonly number[]) => dims.reduce((result, dim) => result * dim, 1);

/**
 * ONNX's (numpy's) matmul. A matrix on the right makes one large product; otherwise both sides are stretched to the same
 * batch dimensions first, because tfjs' gradient of a broadcast product has the stretched shape.
 */
export function matMul(tf: Tf, a: TfTensor, b: TfTensor): TfTensor {
	if (a.rank === 1 || b.rank === 1) {
		const left = a.rank === 1 ? tf.reshape(a, [1, a.size]) : a;
		const right = b.rank === 1 ? tf.reshape(b, [b.size, 1]) : b;
		const both = matMul(tf, left, right);
		const dims = both.shape.filter(
			(_, axis) => !((a.rank === 1 && axis === both.rank - 2) || (b.rank === 1 && axis === both.rank - 1)),
		);
		return tf.reshape(both, dims);
	}
	const [rows, inner] = a.shape.slice(-2) as [number, number];
	const columns = b.shape.at(-1)!;
	if (b.rank === 2) {
		const flat = tf.matMul(tf.reshape(a, [product(a.shape.slice(0, -1)), inner]), b);
		return tf.reshape(flat, [...a.shape.slice(0, -1), columns]);
	}
	const batch = commonShape(a.shape.slice(0, -2), b.shape.slice(0, -2)) ?? [];
	const left = tf.reshape(expandTo(tf, a, [...batch, rows, inner]), [product(batch), rows, inner]);
	const right = tf.reshape(expandTo(tf, b, [...batch, inner, columns]), [product(batch), inner, columns]);
	return tf.reshape(tf.matMul(left, right), [...batch, rows, columns]);
}

const swapLast = (tf: Tf, t: TfTensor) => {
	const order = t.shape.map((_, axis) => axis);
	[order[t.rank - 1], order[t.rank - 2]] = [t.rank - 2, t.rank - 1];
	return tf.transpose(t, order);
};

const checked: (f: (tf: Tf, a: TfTensor, b: TfTensor) => TfTensor) => Op = f => context => {
	const [a, b] = [context.plain(0), context.plain(1)];
	return context.of(f(context.tf, a, b));
};

const matMulOp: Op = context => {
	const [a, b] = [context.plain(0), context.plain(1)];
	const inner = b.shape.at(b.rank === 1 ? -1 : -2);
	if (a.shape.at(-1) !== inner || commonShape(a.shape.slice(0, -2), b.shape.slice(0, -2)) === undefined) {
		context.fail(`[${a.shape}] times [${b.shape}]`, 'MODEL_SHAPE');
	}
	return checked(matMul)(context);
};

/** Contributed by ONNX Runtime: alpha · op(A) · op(B). */
const fusedMatMul: Op = context => {
	const {tf} = context;
	if (context.int('transBatchA', 0) !== 0 || context.int('transBatchB', 0) !== 0) {
		context.fail('transposed batch axes');
	}
	const turn = (t: TfTensor, flag: string) => (context.int(flag, 0) === 1 && t.rank > 1 ? swapLast(tf, t) : t);
	const result = matMul(tf, turn(context.plain(0), 'transA'), turn(context.plain(1), 'transB'));
	return context.of(tf.mul(result, context.float('alpha', 1)));
};

const gemm: Op = context => {
	const {tf} = context;
	const transA = context.int('transA', 0) === 1;
	const transB = context.int('transB', 0) === 1;
	const [a, b] = [context.plain(0), context.plain(1)];
	if (a.rank !== 2 || b.rank !== 2 || a.shape[transA ? 0 : 1] !== b.shape[transB ? 1 : 0]) {
		context.fail(`[${a.shape}] times [${b.shape}]`, 'MODEL_SHAPE');
	}
	const scaled = (t: TfTensor, factor: number) => (factor === 1 ? t : tf.mul(t, factor));
	const main = scaled(tf.matMul(a, b, transA, transB), context.float('alpha', 1));
	const c = context.optional(2);
	return context.of(c === undefined ? main : tf.add(main, scaled(c.plain, context.float('beta', 1))));
};

export const matrixOps = {
	MatMul: matMulOp,
	Gemm: gemm,
	FusedMatMul: fusedMatMul,
} as const satisfies Record<string, Op>;
