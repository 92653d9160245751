/**
 * Stretching and cutting, where tfjs' own ops have no gradient: broadcastTo beyond rank 4, so that float values multiply by
 * ones; split into a single part.
 */

import type {Tf, TfTensor, Value} from '../value.js';
import type {OpContext} from './context.js';

/** The common shape of numpy broadcasting, or undefined where there is none. */
export function commonShape(a: readonly number[], b: readonly number[]): number[] | undefined {
	const rank = Math.max(a.length, b.length);
	const result: number[] = [];
	for (let axis = 0; axis < rank; axis++) {
		const x = a[axis - rank + a.length] ?? 1;
		const y = b[axis - rank + b.length] ?? 1;
		if (x !== y && x !== 1 && y !== 1) {
			return undefined;
		}
		result.push(x === 1 ? y : x);
	}
	return result;
}

const same = (a: readonly number[], b: readonly number[]) =>
	a.length === b.length && a.every((dim, axis) => dim === b[axis]);

/** @param parts their number, or their sizes. */
export const cut = (tf: Tf, t: TfTensor, parts: number | readonly number[], axis: number): TfTensor[] =>
	parts === 1 || (typeof parts !== 'number' && parts.length === 1)
		? [t]
		: tf.split(t, typeof parts === 'number' ? parts : [...parts], axis);

/** Differentiable for float32. */
export function expandTo(tf: Tf, t: TfTensor, shape: readonly number[]): TfTensor {
	if (same(t.shape, shape)) {
		return t;
	}
	const full = [...shape];
	return t.dtype === 'float32' ? tf.mul(t, tf.ones(full)) : tf.broadcastTo(t, full as [number]);
}

/**
 * Brings two operands of an elementwise op into one layout: channels last when one of full rank lies so, since it is the
 * large one in practice (the other is a bias or a scale).
 */
export function align(context: OpContext, a: Value, b: Value): {a: TfTensor; b: TfTensor; last: boolean} {
	const rank = Math.max(a.rank, b.rank);
	if (![a, b].some(value => value.lies === 'last' && value.rank === rank)) {
		return {a: a.plain, b: b.plain, last: false};
	}
	const bring = (value: Value): TfTensor => {
		if (value.rank === rank) {
			return value.last;
		}
		const {plain} = value;
		return plain.size === 1
			? context.tf.reshape(plain, [])
			: context.of(context.tf.reshape(plain, [...Array<number>(rank - plain.rank).fill(1), ...plain.shape])).last;
	};
	return {a: bring(a), b: bring(b), last: true};
}
