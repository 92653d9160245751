/** Gradients of matrix products. FusedMatMul multiplies by a transposed matrix without writing the transpose. */
import {sizeOf} from '../../core/tensor/tensor.js';
import {float, int} from '../graph.js';
import {attribute, reshape, scale, transpose} from './ops.js';
import type {GradientRule, RuleContext} from './rule.js';

interface Side {
	readonly value: string;
	readonly transposed: boolean;
}

/** alpha·a'·b', over leading batch dimensions that broadcast. */
export function product(c: RuleContext, a: Side, b: Side, alpha = 1): string {
	if (!a.transposed && !b.transposed && alpha === 1) {
		return c.emit('MatMul', [a.value, b.value]);
	}
	if (c.dtype(a.value) !== 'float32') {
		const sides = [a, b].map(({value, transposed}) => (transposed ? swapLast(c, value) : value));
		return scale(c, c.emit('MatMul', sides), alpha);
	}
	return c.emit(
		'FusedMatMul',
		[a.value, b.value],
		{alpha: float(alpha), transA: int(a.transposed ? 1 : 0), transB: int(b.transposed ? 1 : 0)},
		{domain: 'com.microsoft'},
	);
}

function swapLast(c: RuleContext, value: string): string {
	const rank = c.shape(value).length;
	return transpose(c, value, [...Array(rank - 2).keys(), rank - 1, rank - 2]);
}

const plain = (value: string): Side => ({value, transposed: false});
const transposed = (value: string): Side => ({value, transposed: true});
const turned = ({value, transposed}: Side): Side => ({value, transposed: !transposed});

/**
 * The gradients of y = alpha·A·B, where A is a or its transpose and B likewise:
 * dA = alpha·dy·Bᵀ, dB = alpha·Aᵀ·dy, transposed back where the operand was.
 */
function factors(c: RuleContext, a: Side, b: Side, dy: string, alpha: number): (string | undefined)[] {
	const da = () => (a.transposed ? product(c, b, transposed(dy), alpha) : product(c, plain(dy), turned(b), alpha));
	const db = () => (b.transposed ? product(c, transposed(dy), a, alpha) : product(c, turned(a), plain(dy), alpha));
	return [
		c.wants(0) ? c.unbroadcast(da(), c.shape(a.value)) : undefined,
		c.wants(1) ? c.unbroadcast(db(), c.shape(b.value)) : undefined,
	];
}

const matMul: GradientRule = (c, [dy]) => {
	const [a, b] = c.inputs as [string, string];
	const [shapeA, shapeB] = [c.shape(a), c.shape(b)];
	if (shapeA.length > 1 && shapeB.length > 2) {
		return factors(c, plain(a), plain(b), dy!, 1);
	}
	// A vector on the left is one row, on the right one column; and against a single matrix b all of a is one matrix.
	const k = shapeA.at(-1)!;
	const rows = sizeOf(shapeA) / Math.max(k, 1);
	if (shapeB.length <= 2) {
		const n = shapeB.length === 2 ? shapeB[1]! : 1;
		const flat = factors(
			c,
			plain(reshape(c, a, [rows, k])),
			plain(reshape(c, b, [k, n])),
			reshape(c, dy!, [rows, n]),
			1,
		);
		return [flat[0] && reshape(c, flat[0], shapeA), flat[1] && reshape(c, flat[1], shapeB)];
	}
	const batch = shapeB.slice(0, -2);
	const [da, db] = factors(
		c,
		plain(reshape(c, a, [1, k])),
		plain(b),
		reshape(c, dy!, [...batch, 1, shapeB.at(-1)!]),
		1,
	);
	return [da && reshape(c, da, shapeA), db];
};

/** Y = alpha·A'·B' + beta·C */
const gemm: GradientRule = (c, [dy]) => {
	const [a, b, bias = ''] = c.inputs as [string, string, string?];
	const alpha = attribute(c.node, 'alpha', 'float') ?? 1;
	const beta = attribute(c.node, 'beta', 'float') ?? 1;
	const flag = (name: string) => attribute(c.node, name, 'int') === 1;
	const gradients = factors(
		c,
		{value: a, transposed: flag('transA')},
		{value: b, transposed: flag('transB')},
		dy!,
		alpha,
	);
	const db = bias !== '' && c.wants(2) ? scale(c, c.unbroadcast(dy!, c.shape(bias)), beta) : undefined;
	return [...gradients, db].slice(0, c.inputs.length);
};

/** com.microsoft.FusedMatMul: alpha·A'·B', without its transposes of batch dimensions. */
const fusedMatMul: GradientRule = (c, [dy]) => {
	const [a, b] = c.inputs as [string, string];
	const flag = (name: string) => attribute(c.node, name, 'int') === 1;
	return factors(
		c,
		{value: a, transposed: flag('transA')},
		{value: b, transposed: flag('transB')},
		dy!,
		attribute(c.node, 'alpha', 'float') ?? 1,
	);
};

/** Contributed operators of ONNX Runtime. */
export const fusedLinear = {FusedMatMul: fusedMatMul} satisfies Record<string, GradientRule>;

export const linear = {
	MatMul: matMul,
	Gemm: gemm,
} satisfies Record<string, GradientRule>;
