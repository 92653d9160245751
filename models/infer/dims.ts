/**
 * Arithmetic on dimensions that may be symbolic. A symbolic result is written as a product or sum of names (`16*N`, `N+1`);
 * `'?'` is a dimension of which nothing is known, and equals nothing, itself included.
 */
import type {Shape} from '../../core/tensor/tensor.js';
import type {Dim} from '../graph.js';

export type Dims = readonly Dim[];
export const unknownDim = '?';

export const isStatic = (dims: Dims | undefined): dims is Shape => dims?.every(dim => typeof dim === 'number') ?? false;

export const show = (dims: Dims | undefined): string => (dims === undefined ? '[…]' : `[${dims.join(', ')}]`);

export const sameDim = (a: Dim, b: Dim): boolean => a === b && a !== unknownDim;

/** A product of one number and some names, sorted. */
interface Product {
	readonly factor: number;
	readonly names: readonly string[];
}

function parse(dim: Dim): Product {
	if (typeof dim === 'number') {
		return {factor: dim, names: []};
	}
	if (dim.includes('+')) {
		return {factor: 1, names: [dim]};
	}
	const parts = dim.split('*');
	const head = Number(parts[0]);
	return Number.isSafeInteger(head) ? {factor: head, names: parts.slice(1)} : {factor: 1, names: parts};
}

function print({factor, names}: Product): Dim {
	if (names.includes(unknownDim)) {
		return unknownDim;
	}
	if (names.length === 0 || factor === 0) {
		return factor;
	}
	return [...(factor === 1 ? [] : [factor]), ...names].join('*');
}

export const multiply = (...dims: Dims): Dim => {
	const products = dims.map(parse);
	return print({
		factor: products.reduce((total, {factor}) => total * factor, 1),
		names: products.flatMap(({names}) => names).sort(),
	});
};

/** dividend / divisor where that is whole; `'?'` where it cannot be told; undefined where it is certainly not whole. */
export function divide(dividend: Dim, divisor: Dim): Dim | undefined {
	const top = parse(dividend);
	const bottom = parse(divisor);
	const names = [...top.names];
	let symbolic = false;
	for (const name of bottom.names) {
		const at = names.indexOf(name);
		if (at < 0 || name === unknownDim) {
			symbolic = true;
		} else {
			names.splice(at, 1);
		}
	}
	if (symbolic) {
		return unknownDim;
	}
	if (bottom.factor === 0) {
		return undefined;
	}
	if (top.factor % bottom.factor !== 0) {
		return names.length === 0 ? undefined : unknownDim;
	}
	return print({factor: top.factor / bottom.factor, names});
}

export function add(a: Dim, b: Dim): Dim {
	if (typeof a === 'number' && typeof b === 'number') {
		return a + b;
	}
	if (a === 0) {
		return b;
	}
	if (b === 0) {
		return a;
	}
	return a === unknownDim || b === unknownDim ? unknownDim : `${a}+${b}`;
}

/** The dimension that two views of the same axis agree on, undefined when they contradict each other. */
export function unify(a: Dim, b: Dim): Dim | undefined {
	if (typeof a === 'number') {
		return typeof b === 'number' && a !== b ? undefined : a;
	}
	return typeof b === 'number' || a === unknownDim ? b : a;
}

/** Numpy's rule for one axis; undefined when the two do not fit. */
export function broadcastDim(a: Dim, b: Dim): Dim | undefined {
	if (a === 1) {
		return b;
	}
	if (b === 1 || sameDim(a, b)) {
		return a;
	}
	if (typeof a === 'number' && typeof b === 'number') {
		return undefined;
	}
	// A number above 1 decides: the symbol can only be that number or 1.
	return typeof a === 'number' ? a : typeof b === 'number' ? b : unknownDim;
}

/** Numpy's multidirectional broadcasting; undefined when the shapes do not fit. */
export function broadcast(...shapes: readonly Dims[]): Dims | undefined {
	const rank = Math.max(0, ...shapes.map(({length}) => length));
	const result: Dim[] = new Array<Dim>(rank).fill(1);
	for (const shape of shapes) {
		for (const [index, dim] of shape.entries()) {
			const at = rank - shape.length + index;
			const merged = broadcastDim(result[at]!, dim);
			if (merged === undefined) {
				return undefined;
			}
			result[at] = merged;
		}
	}
	return result;
}
