/** Operators that work element by element. */
import {dtypeOf} from '../onnx/dtypes.js';
import type {InferContext} from './context.js';
import {broadcasting, same, unidirectional} from './rules.js';
import {type OperatorTable, op} from './signature.js';

const unary = (since = 1) => op('F -> F', same, {}, {since});
const number = () => op('N -> N', same);
const comparison = (since = 1) => op('N N -> bool', broadcasting, {}, {since});
const arithmetic = () => op('N N -> N', broadcasting);
const logical = () => op('bool bool -> bool', broadcasting);
const variadic = () => op('N N* -> N', broadcasting);

export const elementwise: OperatorTable = {
	Identity: op('T -> T', same),
	Neg: number(),
	Abs: number(),
	Sign: number(),
	Relu: number(),
	Floor: unary(),
	Ceil: unary(),
	Round: unary(),
	Sqrt: unary(),
	Reciprocal: unary(),
	Exp: unary(),
	Log: unary(),
	Sin: unary(),
	Cos: unary(),
	Tan: unary(),
	Sinh: unary(),
	Cosh: unary(),
	Atan: unary(),
	Tanh: unary(),
	Sigmoid: unary(),
	Erf: op('N -> N', same),
	Softplus: unary(),
	Softsign: unary(),
	HardSwish: unary(14),
	Mish: unary(18),
	HardSigmoid: op('F -> F', same, {alpha: 'float', beta: 'float'}),
	LeakyRelu: op('F -> F', same, {alpha: 'float'}),
	Elu: op('F -> F', same, {alpha: 'float'}),
	Selu: op('F -> F', same, {alpha: 'float', gamma: 'float'}),
	Celu: op('F -> F', same, {alpha: 'float'}, {since: 12}),
	ThresholdedRelu: op('F -> F', same, {alpha: 'float'}),
	Gelu: op('F -> F', same, {approximate: 'string'}, {since: 20}),
	PRelu: op('N N -> N', unidirectional),
	Clip: op('N N? N? -> N', same),
	Softmax: op('F -> F', alongAxis, {axis: 'int'}),
	LogSoftmax: op('F -> F', alongAxis, {axis: 'int'}),
	CumSum: op('N I -> N', same, {exclusive: 'int', reverse: 'int'}),
	Dropout: op('F G? bool? -> F bool?', same, {seed: 'int'}),
	Cast: op('T -> U', same, {to: 'int', saturate: 'int'}, {dtype: castTo}),
	CastLike: op('T U -> U', same, {saturate: 'int'}, {since: 15}),
	IsNaN: op('F -> bool', same),
	IsInf: op('F -> bool', same, {detect_negative: 'int', detect_positive: 'int'}),

	Add: arithmetic(),
	Sub: arithmetic(),
	Mul: arithmetic(),
	Div: arithmetic(),
	Pow: op('N M -> N', broadcasting),
	Mod: op('N N -> N', broadcasting, {fmod: 'int'}),
	Min: variadic(),
	Max: variadic(),
	Sum: op('F F* -> F', broadcasting),
	Mean: op('F F* -> F', broadcasting),

	Equal: op('T T -> bool', broadcasting),
	Greater: comparison(),
	Less: comparison(),
	GreaterOrEqual: comparison(12),
	LessOrEqual: comparison(12),
	Not: op('bool -> bool', same),
	And: logical(),
	Or: logical(),
	Xor: logical(),
	Where: op('bool T T -> T', broadcasting),
};

function alongAxis(context: InferContext) {
	const shape = context.shape(0);
	context.axis(context.int('axis', -1), shape.length);
	return [shape];
}

function castTo(context: InferContext) {
	const to = context.attribute('to', 'int');
	if (to === undefined) {
		context.fail({problem: 'attribute «to» is missing'}, 'MODEL_INVALID');
	}
	return [dtypeOf(to, context.where)];
}
