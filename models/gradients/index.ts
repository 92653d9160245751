/** Every operator that training knows, with its gradient rule, or with the word that its gradient stops there. */
import type {Node} from '../graph.js';
import {activation, contributedActivation} from './activation.js';
import {elementwise} from './elementwise.js';
import {gathering} from './gather.js';
import {fusedLinear, linear} from './linear.js';
import {normalisation} from './norm.js';
import {recurrence} from './recurrent/cells.js';
import {reduce} from './reduce.js';
import {reshaping} from './reshape.js';
import type {GradientRule} from './rule.js';
import {slicing} from './slice.js';
import {convolution} from './sliding/conv.js';
import {pooling} from './sliding/pool.js';
import {softmax} from './softmax.js';

/** The output does not change with small changes of the input, or is no float: no gradient flows. */
const stop = 'stop';

const stops = {
	And: stop,
	ArgMax: stop,
	ArgMin: stop,
	Bernoulli: stop,
	BitShift: stop,
	Ceil: stop,
	Constant: stop,
	ConstantOfShape: stop,
	Equal: stop,
	EyeLike: stop,
	Floor: stop,
	Greater: stop,
	GreaterOrEqual: stop,
	IsInf: stop,
	IsNaN: stop,
	Less: stop,
	LessOrEqual: stop,
	NonZero: stop,
	Not: stop,
	OneHot: stop,
	Or: stop,
	RandomNormal: stop,
	RandomNormalLike: stop,
	RandomUniform: stop,
	RandomUniformLike: stop,
	Range: stop,
	Round: stop,
	Shape: stop,
	Sign: stop,
	Size: stop,
	Xor: stop,
} satisfies Record<string, typeof stop>;

/** The ONNX domain. */
const onnx = {
	...stops,
	...elementwise,
	...activation,
	...linear,
	...reduce,
	...reshaping,
	...slicing,
	...gathering,
	...softmax,
	...convolution,
	...pooling,
	...normalisation,
	...recurrence,
} satisfies Record<string, GradientRule | typeof stop>;

/** `com.microsoft` */
const contributed = {
	...fusedLinear,
	...contributedActivation,
} satisfies Record<string, GradientRule>;

const tables: Readonly<Record<string, Readonly<Record<string, GradientRule | typeof stop>>>> = {
	'': onnx,
	'com.microsoft': contributed,
};

/** The operator's rule, `'stop'` where no gradient flows, undefined where there is no rule. */
export function gradientRule({domain, op}: Pick<Node, 'domain' | 'op'>): GradientRule | typeof stop | undefined {
	const table = Object.hasOwn(tables, domain) ? tables[domain]! : {};
	return Object.hasOwn(table, op) ? table[op] : undefined;
}

/** Operators with a gradient rule, for people: `Add`, `com.microsoft.Gelu`, … in alphabetical order. */
export const differentiableOps: readonly string[] = Object.entries(tables)
	.flatMap(([domain, table]) =>
		Object.entries(table).flatMap(([op, rule]) => (rule === stop ? [] : [domain === '' ? op : `${domain}.${op}`])),
	)
	.sort();
