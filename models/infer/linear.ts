/** Matrix products and recurrent layers. */
import type {Dim} from '../graph.js';
import type {InferContext} from './context.js';
import {broadcast, type Dims, multiply, show} from './dims.js';
import {agree} from './rules.js';
import {type OperatorTable, op} from './signature.js';

/** Numpy's matmul of two shapes, each optionally with its last two axes swapped. */
function product(context: InferContext, a: Dims, b: Dims): Dims {
	if (a.length === 0 || b.length === 0) {
		context.fail({problem: 'a scalar cannot be multiplied as a matrix', got: `${show(a)} and ${show(b)}`});
	}
	const left = a.length === 1 ? [1, ...a] : a;
	const right = b.length === 1 ? [...b, 1] : b;
	if (agreeing(left.at(-1)!, right.at(-2)!) === false) {
		context.fail({problem: 'the inner dimensions differ', got: `${show(a)} and ${show(b)}`});
	}
	const batch = broadcast(left.slice(0, -2), right.slice(0, -2));
	if (batch === undefined) {
		context.fail({problem: 'the batch dimensions cannot be broadcast together', got: `${show(a)} and ${show(b)}`});
	}
	return [...batch, ...(a.length === 1 ? [] : [left.at(-2)!]), ...(b.length === 1 ? [] : [right.at(-1)!])];
}

const agreeing = (a: Dim, b: Dim): boolean => typeof a !== 'number' || typeof b !== 'number' || a === b;

const matMul = (context: InferContext) => [product(context, context.shape(0), context.shape(1))];

/** com.microsoft.FusedMatMul: `transBatchX` moves the first axis behind the batch, `transX` swaps the last two. */
function fusedMatMul(context: InferContext): readonly Dims[] {
	const side = (index: number, letter: 'A' | 'B'): Dims => {
		const shape = context.shape(index);
		if (shape.length < 2) {
			return shape;
		}
		const moved =
			context.int(`transBatch${letter}`, 0) !== 0 ? [...shape.slice(1, -1), shape[0]!, shape.at(-1)!] : shape;
		return context.int(`trans${letter}`, 0) !== 0 ? [...moved.slice(0, -2), moved.at(-1)!, moved.at(-2)!] : moved;
	};
	return [product(context, side(0, 'A'), side(1, 'B'))];
}

function gemm(context: InferContext): readonly Dims[] {
	const [rows, inner] = oriented(context, 0, 'transA');
	const [depth, columns] = oriented(context, 1, 'transB');
	agree(context, 'the inner dimension', inner, depth);
	if (context.has(2)) {
		const bias = context.shape(2);
		const stretched = broadcast([rows, columns], bias);
		if (stretched?.length !== 2 || !agreeing(stretched[0]!, rows) || !agreeing(stretched[1]!, columns)) {
			context.fail({problem: 'the bias does not fit', expected: show([rows, columns]), got: show(bias)});
		}
	}
	return [[rows, columns]];
}

function oriented(context: InferContext, index: number, flag: string): readonly [Dim, Dim] {
	const [rows, columns] = context.ranked(index, 2) as [Dim, Dim];
	return context.int(flag, 0) !== 0 ? [columns, rows] : [rows, columns];
}

/**
 * LSTM, GRU and RNN: X [T, B, I], W [D, gates·H, I], R [D, gates·H, H] → Y [T, D, B, H], Y_h [D, B, H], Y_c [D, B, H];
 * with `layout` 1 the batch comes first everywhere.
 */
const recurrent = (gates: number) => (context: InferContext) => {
	const layout = context.int('layout', 0);
	const x = context.ranked(0, 3);
	const [time, batch] = (layout === 0 ? x : [x[1]!, x[0]!]) as [Dim, Dim];
	const directions = context.string('direction', 'forward') === 'bidirectional' ? 2 : 1;
	const w = context.ranked(1, 3);
	const r = context.ranked(2, 3);
	const hidden = context.attribute('hidden_size', 'int') ?? r[2]!;
	const fits = (name: string, shape: Dims, ...expected: Dims) => {
		for (const [axis, dim] of expected.entries()) {
			agree(context, `${name}, axis ${axis}`, dim, shape[axis]!);
		}
	};
	fits('W', w, directions, multiply(gates, hidden), x[2]!);
	fits('R', r, directions, multiply(gates, hidden), hidden);
	const state = layout === 0 ? [directions, batch, hidden] : [batch, directions, hidden];
	if (context.has(3)) {
		fits('B', context.ranked(3, 2), directions, multiply(2 * gates, hidden));
	}
	if (context.has(5)) {
		fits('initial_h', context.ranked(5, 3), ...state);
	}
	const all = layout === 0 ? [time, directions, batch, hidden] : [batch, time, directions, hidden];
	return [all, state, state];
};

const recurring = {
	activation_alpha: 'floats',
	activation_beta: 'floats',
	activations: 'strings',
	clip: 'float',
	direction: 'string',
	hidden_size: 'int',
	layout: 'int',
} as const;

const gemmAttributes = {alpha: 'float', beta: 'float', transA: 'int', transB: 'int'} as const;

export const linear: OperatorTable = {
	MatMul: op('N N -> N', matMul),
	Gemm: op('N N N? -> N', gemm, gemmAttributes),
	LSTM: op('F F F F? int32? F? F? F? -> F? F? F?', recurrent(4), {...recurring, input_forget: 'int'}),
	GRU: op('F F F F? int32? F? -> F? F?', recurrent(3), {...recurring, linear_before_reset: 'int'}),
	RNN: op('F F F F? int32? F? -> F? F?', recurrent(1), recurring),
};

export const fusedLinear: OperatorTable = {
	FusedMatMul: op('F F -> F', fusedMatMul, {
		alpha: 'float',
		transA: 'int',
		transB: 'int',
		transBatchA: 'int',
		transBatchB: 'int',
	}),
	FusedGemm: op('F F F? -> F', gemm, {
		...gemmAttributes,
		activation: 'string',
		activation_alpha: 'float',
		activation_beta: 'float',
		activation_gamma: 'float',
	}),
};
