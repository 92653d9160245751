/** The gradient's recursion through time for each kind of recurrent cell. `dh` is the gradient of a hidden state. */
import {add, attribute, concatenate, mul, scalarLike, step, sub, zerosOf} from '../ops.js';
import type {GradientRule, RuleContext} from '../rule.js';
import {cut} from '../slice.js';
import {type Cell, type Direction, gates, outer, recurrent, steps, sumOf, timesTransposed, total} from './layer.js';

const one = (c: RuleContext, like: string): string => scalarLike(c, like, 1);
/** s·(1 − s), the slope of σ */
const sigmoidSlope = (c: RuleContext, s: string): string => mul(c, s, sub(c, one(c, s), s));
/** 1 − t², the slope of tanh */
const tanhSlope = (c: RuleContext, t: string): string => sub(c, one(c, t), mul(c, t, t));
const sigmoid = (c: RuleContext, a: string): string => c.emit('Sigmoid', [a]);
const tanh = (c: RuleContext, a: string): string => c.emit('Tanh', [a]);

const zeroState = (c: RuleContext, {sizes: {items, hidden}, before}: Direction): string =>
	zerosOf(c, c.dtype(before), [1, items, hidden]);

/** What the states before each step contribute to the gates: before·Rᵀ + bias. */
function fromState(c: RuleContext, {before, recurrence, recurrenceBias}: Direction): string {
	const product = timesTransposed(c, before, recurrence);
	return recurrenceBias === undefined ? product : add(c, product, recurrenceBias);
}

/** Collected while stepping backwards, put together in time order. */
const inTime = (c: RuleContext, parts: readonly string[]): string => concatenate(c, parts, 0);

/** h = f(a), a = Wx + b + R·h₋; the slope of tanh and relu follows from h. */
const rnn: Cell = (c, d) => {
	const name = (attribute(c.node, 'activations', 'strings')?.[0] ?? 'Tanh').toLowerCase();
	const slope = steps(c, name === 'relu' ? step(c, d.after) : tanhSlope(c, d.after));
	const dA: string[] = [];
	let carry: string | undefined;
	for (const at of d.order.toReversed()) {
		const dh = sumOf(c, d.outer(at), carry) ?? zeroState(c, d);
		dA[at] = mul(c, dh, slope[at]!);
		carry = c.emit('MatMul', [dA[at]!, d.recurrence]);
	}
	const all = inTime(c, dA);
	return {
		fromInput: all,
		recurrence: () => outer(c, all, d.before),
		recurrenceBias: () => total(c, all),
		initial: carry!,
		initialCell: undefined,
	};
};

/**
 * z = σ(a_z), r = σ(a_r), n = tanh(x_n + r·q), q = R_n·h₋ + b, h = (1 − z)·n + z·h₋. Every gate's gradient is dh times a
 * factor that is known before the recursion starts, so one step is dh·factors, a product with R, and dh·z.
 */
const gruAfter: Cell = (c, d) => {
	const {hidden} = d.sizes;
	const [xz, xr, xn] = gates(c, d.fromInput, hidden) as [string, string, string];
	const [hz, hr, q] = gates(c, fromState(c, d), hidden) as [string, string, string];
	const z = sigmoid(c, add(c, xz, hz));
	const r = sigmoid(c, add(c, xr, hr));
	const n = tanh(c, add(c, xn, mul(c, r, q)));
	const factorN = mul(c, sub(c, one(c, z), z), tanhSlope(c, n));
	const factorZ = mul(c, sub(c, d.before, n), sigmoidSlope(c, z));
	const factorR = mul(c, mul(c, factorN, q), sigmoidSlope(c, r));
	const factors = concatenate(c, [factorZ, factorR, mul(c, factorN, r)], 2);
	const [eachFactor, eachZ] = [steps(c, factors), steps(c, z)];
	const dH: string[] = [];
	const dState: string[] = [];
	let carry: string | undefined;
	for (const at of d.order.toReversed()) {
		const dh = sumOf(c, d.outer(at), carry) ?? zeroState(c, d);
		dH[at] = dh;
		dState[at] = mul(c, concatenate(c, [dh, dh, dh], 2), eachFactor[at]!);
		carry = add(c, c.emit('MatMul', [dState[at]!, d.recurrence]), mul(c, dh, eachZ[at]!));
	}
	const state = inTime(c, dState);
	// x meets z and r where the state does, but the candidate before r is multiplied in.
	const candidate = mul(c, inTime(c, dH), factorN);
	return {
		fromInput: concatenate(c, [cut(c, state, 2, 0, 2 * hidden), candidate], 2),
		recurrence: () => outer(c, state, d.before),
		recurrenceBias: () => total(c, state),
		initial: carry!,
		initialCell: undefined,
	};
};

/** As above, but n = tanh(x_n + R_n·(r·h₋) + b): the candidate's gradient passes through R before it meets r. */
const gruBefore: Cell = (c, d) => {
	const {hidden} = d.sizes;
	const [xz, xr, xn] = gates(c, d.fromInput, hidden) as [string, string, string];
	const [upper, lower] = [cut(c, d.recurrence, 0, 0, 2 * hidden), cut(c, d.recurrence, 0, 2 * hidden, 3 * hidden)];
	const withBias = (value: string, from: number, to: number) =>
		d.recurrenceBias === undefined ? value : add(c, value, cut(c, d.recurrenceBias, 0, from * hidden, to * hidden));
	const [hz, hr] = gates(c, withBias(timesTransposed(c, d.before, upper), 0, 2), hidden) as [string, string];
	const z = sigmoid(c, add(c, xz, hz));
	const r = sigmoid(c, add(c, xr, hr));
	const kept = mul(c, r, d.before);
	const n = tanh(c, add(c, xn, withBias(timesTransposed(c, kept, lower), 2, 3)));
	const factorN = steps(c, mul(c, sub(c, one(c, z), z), tanhSlope(c, n)));
	const factorZ = steps(c, mul(c, sub(c, d.before, n), sigmoidSlope(c, z)));
	const factorR = steps(c, mul(c, d.before, sigmoidSlope(c, r)));
	const [eachR, eachZ] = [steps(c, r), steps(c, z)];
	const dGates: string[] = [];
	let carry: string | undefined;
	for (const at of d.order.toReversed()) {
		const dh = sumOf(c, d.outer(at), carry) ?? zeroState(c, d);
		const dN = mul(c, dh, factorN[at]!);
		const dKept = c.emit('MatMul', [dN, lower]);
		const dZR = concatenate(c, [mul(c, dh, factorZ[at]!), mul(c, dKept, factorR[at]!)], 2);
		dGates[at] = concatenate(c, [dZR, dN], 2);
		const direct = add(c, mul(c, dh, eachZ[at]!), mul(c, dKept, eachR[at]!));
		carry = add(c, c.emit('MatMul', [dZR, upper]), direct);
	}
	const all = inTime(c, dGates);
	const recurrence = () =>
		concatenate(
			c,
			[outer(c, cut(c, all, 2, 0, 2 * hidden), d.before), outer(c, cut(c, all, 2, 2 * hidden, 3 * hidden), kept)],
			0,
		);
	return {
		fromInput: all,
		recurrence,
		recurrenceBias: () => total(c, all),
		initial: carry!,
		initialCell: undefined,
	};
};

/** Gates i, o, f, g in ONNX' order: s = f·s₋ + i·g, h = o·tanh(s). The cell states s are computed again, step by step. */
const lstm: Cell = (c, d) => {
	const {hidden} = d.sizes;
	const sums = gates(c, add(c, d.fromInput, fromState(c, d)), hidden) as [string, string, string, string];
	const [i, o, f] = sums.slice(0, 3).map(a => sigmoid(c, a)) as [string, string, string];
	const g = tanh(c, sums[3]);
	const [eachF, eachNew] = [steps(c, f), steps(c, mul(c, i, g))];
	const before: string[] = [];
	const after: string[] = [];
	let cell = d.initialCell ?? zeroState(c, d);
	for (const at of d.order) {
		before[at] = cell;
		cell = add(c, mul(c, eachF[at]!, cell), eachNew[at]!);
		after[at] = cell;
	}
	const t = tanh(c, inTime(c, after));
	const viaCell = steps(c, mul(c, o, tanhSlope(c, t)));
	const factors = steps(
		c,
		concatenate(
			c,
			[
				mul(c, g, sigmoidSlope(c, i)),
				mul(c, t, sigmoidSlope(c, o)),
				mul(c, inTime(c, before), sigmoidSlope(c, f)),
				mul(c, i, tanhSlope(c, g)),
			],
			2,
		),
	);
	const dGates: string[] = [];
	let carry: string | undefined;
	let carryCell = d.outerCell;
	for (const at of d.order.toReversed()) {
		const dh = sumOf(c, d.outer(at), carry) ?? zeroState(c, d);
		const ds = sumOf(c, mul(c, dh, viaCell[at]!), carryCell)!;
		dGates[at] = mul(c, concatenate(c, [ds, dh, ds, ds], 2), factors[at]!);
		carry = c.emit('MatMul', [dGates[at]!, d.recurrence]);
		carryCell = mul(c, ds, eachF[at]!);
	}
	const all = inTime(c, dGates);
	return {
		fromInput: all,
		recurrence: () => outer(c, all, d.before),
		recurrenceBias: () => total(c, all),
		initial: carry!,
		initialCell: carryCell,
	};
};

export const recurrence = {
	RNN: recurrent(rnn, [['Tanh'], ['Relu']]),
	GRU: recurrent(
		(c, d) => (attribute(c.node, 'linear_before_reset', 'int') === 1 ? gruAfter : gruBefore)(c, d),
		[['Sigmoid', 'Tanh']],
	),
	LSTM: recurrent(lstm, [['Sigmoid', 'Tanh', 'Tanh']]),
} satisfies Record<string, GradientRule>;
