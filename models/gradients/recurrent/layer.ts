/**
 * What the gradients of GRU, LSTM and RNN share. ONNX Runtime runs the whole layer as one operator forwards; its output Y
 * holds every hidden state, so the gates of all steps are computed again in two matrix products, and only the recursion of
 * the gradient itself is unrolled. Weight gradients are again single products over all steps.
 *
 * Sizes: T steps, B items, I inputs, H hidden units, G gates, D directions. Values named here are [T, B, …] in time order.
 */
import {FplError} from '../../../core/errors.js';
import {int64} from '../../../core/tensor/tensor.js';
import {int} from '../../graph.js';
import {product} from '../linear.js';
import {add, attribute, concatenate, integers, reduceSum, reshape, zerosOf} from '../ops.js';
import type {GradientRule, RuleContext} from '../rule.js';
import {cut} from '../slice.js';

export interface Sizes {
	readonly steps: number;
	readonly items: number;
	readonly inputs: number;
	readonly hidden: number;
}

/** One direction of a layer. */
export interface Direction {
	readonly sizes: Sizes;
	/** [G·H, H] */
	readonly recurrence: string;
	/** What x contributes to the gates, W's bias included: [T, B, G·H]. */
	readonly fromInput: string;
	/** [H·G] or undefined. */
	readonly recurrenceBias: string | undefined;
	/** The hidden state that each step starts from, and ends with: [T, B, H]. */
	readonly before: string;
	readonly after: string;
	/** The cell state that the first step starts from (LSTM): [1, B, H]; undefined: zero. */
	readonly initialCell: string | undefined;
	/** Step numbers in the order in which the layer goes through them. */
	readonly order: readonly number[];
	/** Gradient of the hidden state after step t from outside the layer: [1, B, H], undefined where none arrives. */
	outer(step: number): string | undefined;
	/** Gradient of the last cell state, [1, B, H]. */
	readonly outerCell: string | undefined;
}

/** Gradients that a cell's recursion finds for one direction. */
export interface CellGradients {
	/** Of what x contributed to the gates: [T, B, G·H]. */
	readonly fromInput: string;
	/** Of R [G·H, H] and of its bias [G·H], emitted when asked for. */
	recurrence(): string;
	recurrenceBias(): string;
	/** Of the initial states: [1, B, H]. */
	readonly initial: string;
	readonly initialCell: string | undefined;
}

export type Cell = (c: RuleContext, direction: Direction) => CellGradients;

/** Cuts [T, B, …] into T values [1, B, …]. */
export function steps(c: RuleContext, value: string): readonly string[] {
	const count = c.shape(value)[0]!;
	return count === 1
		? [value]
		: c.emitAll(
				'Split',
				[value, c.constant(int64([count], new Array<number>(count).fill(1)))],
				{axis: int(0)},
				{outputs: count},
			);
}

/** Cuts the last axis into pieces of H: one per gate. */
export function gates(c: RuleContext, value: string, hidden: number): readonly string[] {
	const last = c.shape(value).length - 1;
	const count = c.shape(value)[last]! / hidden;
	const sizes = c.constant(int64([count], new Array<number>(count).fill(hidden)));
	return c.emitAll('Split', [value, sizes], {axis: int(last)}, {outputs: count});
}

export const rows = (c: RuleContext, value: string): string => {
	const [count, items, width] = c.shape(value) as [number, number, number];
	return reshape(c, value, [count * items, width]);
};

/** Σ over steps and items of aᵀ·b: [T, B, M], [T, B, N] → [M, N]. */
export const outer = (c: RuleContext, a: string, b: string): string =>
	product(c, {value: rows(c, a), transposed: true}, {value: rows(c, b), transposed: false});

/** The sum over steps and items: [T, B, M] → [M]. */
export const total = (c: RuleContext, value: string): string => reduceSum(c, rows(c, value), [0]);

/** a·mᵀ for [T, B, K] and [M, K]. */
export function timesTransposed(c: RuleContext, a: string, m: string): string {
	const [count, items] = c.shape(a) as [number, number];
	const flat = product(c, {value: rows(c, a), transposed: false}, {value: m, transposed: true});
	return reshape(c, flat, [count, items, c.shape(m)[0]!]);
}

/** The sum of those that are there. */
export const sumOf = (c: RuleContext, ...values: readonly (string | undefined)[]): string | undefined =>
	values
		.filter(value => value !== undefined)
		.reduce<string | undefined>((sum, value) => (sum === undefined ? value : add(c, sum, value)), undefined);

function refuse(c: RuleContext, problem: string): never {
	throw new FplError('MODEL_GRADIENT', {where: `node «${c.node.name}» (${c.node.op})`, problem});
}

/** Attributes that PyTorch never writes are refused rather than ignored. */
function check(c: RuleContext, activations: readonly (readonly string[])[], count: number): void {
	const given = attribute(c.node, 'activations', 'strings');
	const fits = given?.every((name, index) =>
		activations.some(set => set[index % set.length]?.toLowerCase() === name.toLowerCase()),
	);
	if (fits === false) {
		refuse(c, `activations ${given!.join(', ')} have no gradient rule`);
	}
	if (attribute(c.node, 'clip', 'float') !== undefined || attribute(c.node, 'input_forget', 'int') === 1) {
		refuse(c, 'clip and input_forget have no gradient rule');
	}
	if (attribute(c.node, 'layout', 'int') === 1) {
		refuse(c, 'layout 1 (batch first) has no gradient rule; transpose around the layer instead');
	}
	if ((c.inputs[7] ?? '') !== '') {
		refuse(c, 'peepholes have no gradient rule');
	}
	if ((c.inputs[4] ?? '') !== '' && !(integers(c, 4) ?? []).every(length => length === count)) {
		refuse(c, 'sequences of different lengths have no gradient rule');
	}
}

/** A rule for a layer of such cells. @param activations the sets of activations that the cell knows. */
export const recurrent =
	(cell: Cell, activations: readonly (readonly string[])[]): GradientRule =>
	(c, [dY, dLast, dCell]) => {
		const [x, w, r, bias = '', , h0 = '', c0 = ''] = c.inputs as [string, string, string, ...string[]];
		const [count, items, inputs] = c.shape(x) as [number, number, number];
		check(c, activations, count);
		const [directions, , hidden] = c.shape(r) as [number, number, number];
		const sizes: Sizes = {steps: count, items, inputs, hidden};
		const gateRows = c.shape(r)[1]!;
		const of = (value: string, d: number): string => (directions === 1 ? value : cut(c, value, 0, d, d + 1));
		const matrix = (value: string, d: number): string => reshape(c, of(value, d), c.shape(value).slice(1));
		const stateOf = (value: string, d: number): string | undefined => (value === '' ? undefined : of(value, d));
		const name = attribute(c.node, 'direction', 'string') ?? 'forward';

		const found = Array.from({length: directions}, (_, d) => {
			const reverse = name === 'reverse' || d === 1;
			const both = bias === '' ? undefined : matrix(bias, d);
			const direction = {
				sizes,
				recurrence: matrix(r, d),
				recurrenceBias: both && cut(c, both, 0, gateRows, 2 * gateRows),
				fromInput: projected(c, x, matrix(w, d), both && cut(c, both, 0, 0, gateRows)),
				...states(c, d, reverse, stateOf(h0, d), sizes),
				initialCell: stateOf(c0, d),
				order: Array.from({length: count}, (_step, step) => (reverse ? count - 1 - step : step)),
				outer: outerGradients(c, dY, dLast && of(dLast, d), d, reverse, sizes),
				outerCell: dCell && of(dCell, d),
			} satisfies Direction;
			return cell(c, direction);
		});

		const stacked = (index: number, part: (gradients: CellGradients, d: number) => string): string | undefined =>
			c.wants(index)
				? concatenate(
						c,
						found.map((gradients, d) => {
							const value = part(gradients, d);
							return reshape(c, value, [1, ...c.shape(c.inputs[index]!).slice(1)]);
						}),
						0,
					)
				: undefined;
		const dx = () => sumOf(c, ...found.map(({fromInput}, d) => backProjected(c, fromInput, matrix(w, d))));
		return [
			c.wants(0) ? dx() : undefined,
			stacked(1, ({fromInput}) => outer(c, fromInput, x)),
			stacked(2, gradients => gradients.recurrence()),
			stacked(3, gradients => concatenate(c, [total(c, gradients.fromInput), gradients.recurrenceBias()], 0)),
			undefined,
			stacked(5, gradients => gradients.initial),
			stacked(6, gradients => gradients.initialCell ?? zerosOf(c, c.dtype(x), [1, items, hidden])),
			undefined,
		].slice(0, c.inputs.length);
	};

function projected(c: RuleContext, x: string, w: string, bias: string | undefined): string {
	const gatesOfInput = timesTransposed(c, x, w);
	return bias === undefined ? gatesOfInput : add(c, gatesOfInput, bias);
}

function backProjected(c: RuleContext, gradient: string, w: string): string {
	const [count, items] = c.shape(gradient) as [number, number];
	return reshape(c, c.emit('MatMul', [rows(c, gradient), w]), [count, items, c.shape(w)[1]!]);
}

/** Hidden states of direction d after each step, and before it: shifted by one, the initial state first. */
function states(
	c: RuleContext,
	d: number,
	reverse: boolean,
	initial: string | undefined,
	{steps: count, items, hidden}: Sizes,
) {
	const y = c.output(0);
	const after = reshape(c, cut(c, y, 1, d, d + 1), [count, items, hidden]);
	const first = initial ?? zerosOf(c, c.dtype(y), [1, items, hidden]);
	if (count === 1) {
		return {after, before: first};
	}
	const before = reverse
		? concatenate(c, [cut(c, after, 0, 1, count), first], 0)
		: concatenate(c, [first, cut(c, after, 0, 0, count - 1)], 0);
	return {after, before};
}

function outerGradients(
	c: RuleContext,
	dY: string | undefined,
	dLast: string | undefined,
	d: number,
	reverse: boolean,
	{steps: count, items, hidden}: Sizes,
): (step: number) => string | undefined {
	const each = dY && steps(c, reshape(c, cut(c, dY, 1, d, d + 1), [count, items, hidden]));
	const last = reverse ? 0 : count - 1;
	return step => sumOf(c, each?.[step], step === last ? dLast : undefined);
}
