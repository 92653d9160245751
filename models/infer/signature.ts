/**
 * What an operator accepts, written as in the ONNX documentation but shorter: `'F F F? -> F'` are two inputs and an
 * optional third of one float type, and an output of that type. A letter stands for one dtype throughout the signature
 * (T, U: any; N, M: numbers; F, G, H: floats; I, J: int32 or int64); a dtype's name stands for itself; `?` marks what may
 * be absent and `*` a last one that may repeat.
 */
import type {DType} from '../../core/tensor/tensor.js';
import type {Attribute} from '../graph.js';
import type {InferContext} from './context.js';
import type {Dims} from './dims.js';

const floats: readonly DType[] = ['float32', 'float64', 'float16', 'bfloat16'];
const numbers = (dtype: DType) => dtype !== 'bool';
const anything = () => true;
const isFloat = (dtype: DType) => floats.includes(dtype);
const isIndex = (dtype: DType) => dtype === 'int64' || dtype === 'int32';

export const typeLetters: Readonly<Record<string, {readonly what: string; accepts(dtype: DType): boolean}>> = {
	T: {what: 'any type', accepts: anything},
	U: {what: 'any type', accepts: anything},
	N: {what: 'a number', accepts: numbers},
	M: {what: 'a number', accepts: numbers},
	F: {what: 'a float', accepts: isFloat},
	G: {what: 'a float', accepts: isFloat},
	H: {what: 'a float', accepts: isFloat},
	I: {what: 'int32 or int64', accepts: isIndex},
	J: {what: 'int32 or int64', accepts: isIndex},
};

export interface Formal {
	/** A key of `typeLetters`, or a dtype. */
	readonly type: string;
	readonly optional: boolean;
	readonly repeats: boolean;
}

export type AttributeKind = Attribute['kind'];

/** Shape per output; undefined where nothing is known. May be shorter than the outputs: the rest are unknown. */
export type ShapeRule = (context: InferContext) => readonly (Dims | undefined)[];
/** Dtype per output, for operators whose signature does not tell. */
export type DTypeRule = (context: InferContext) => readonly DType[];

export interface Operator {
	readonly inputs: readonly Formal[];
	readonly outputs: readonly Formal[];
	/** First opset of its domain that has the operator. */
	readonly since: number;
	readonly attributes: Readonly<Record<string, AttributeKind>>;
	readonly shape: ShapeRule;
	readonly dtype: DTypeRule | undefined;
}

export interface OperatorOptions {
	readonly since?: number;
	readonly dtype?: DTypeRule;
}

const formal = (text: string): Formal => ({
	type: text.replace(/[?*]$/u, ''),
	optional: /[?*]$/u.test(text),
	repeats: text.endsWith('*'),
});

/**
 * Describes an operator: what goes in and out, how output shapes follow, and which attributes it may have.
 * @example op('F F F? -> F', ({shape}) => [convolved(…)], {strides: 'ints'})
 */
export function op(
	signature: string,
	shape: ShapeRule,
	attributes: Readonly<Record<string, AttributeKind>> = {},
	{since = 1, dtype}: OperatorOptions = {},
): Operator {
	const [inputs = '', outputs = ''] = signature.split('->').map(side => side.trim());
	const formals = (side: string) => (side === '' ? [] : side.split(/\s+/u).map(formal));
	return {inputs: formals(inputs), outputs: formals(outputs), since, attributes, shape, dtype};
}

export type OperatorTable = Readonly<Record<string, Operator>>;
