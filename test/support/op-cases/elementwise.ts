/** Ops that treat every element alike. */
import {float32, int64, scalar} from '../../../core/tensor/tensor.js';
import {bool, type OpCase, opCase} from './build.js';

const unary = (op: string, options = {}): OpCase => opCase(op, [3, 4], `y = ${op}(v)`, {}, options);

/** A result that is no float multiplies v. */
const mask = 'f = Cast(m) to=1; y = Mul(v, f)';
const zero = {zero: scalar(0)};

export const elementwise: readonly OpCase[] = [
	...['Abs', 'Neg', 'Exp', 'Sin', 'Cos', 'Tan', 'Sinh', 'Cosh', 'Atan', 'Tanh', 'Erf'].map(op => unary(op)),
	...['Sigmoid', 'Relu', 'LeakyRelu', 'Elu', 'Celu', 'Selu', 'Softplus', 'Softsign'].map(op => unary(op)),
	...['HardSigmoid', 'HardSwish', 'ThresholdedRelu'].map(op => unary(op)),
	...['Log', 'Sqrt', 'Reciprocal'].map(op => unary(op, {positive: true})),
	...['Floor', 'Ceil', 'Round', 'Sign'].map(op => opCase(op, [3, 4], `f = ${op}(v); y = Mul(v, f)`)),
	...['IsNaN', 'IsInf'].map(op => opCase(op, [3, 4], `i = ${op}(v); m = Not(i); ${mask}`)),
	unary('Mish', {opset: 18}),
	unary('Gelu', {opset: 20}),
	opCase('Gelu by tanh', [3, 4], 'y = Gelu(v) approximate="tanh"', {}, {opset: 20}),
	opCase('Gelu of ONNX Runtime', [3, 4], 'y = com.microsoft.Gelu(v)'),
	opCase('QuickGelu of ONNX Runtime', [3, 4], 'y = com.microsoft.QuickGelu(v) alpha=1.5'),
	opCase('BiasGelu of ONNX Runtime', [3, 4], 'y = com.microsoft.BiasGelu(v, b)', {b: [4]}),
	opCase('FastGelu of ONNX Runtime', [3, 4], 'y = com.microsoft.FastGelu(v)'),
	opCase('FastGelu of ONNX Runtime with a bias', [3, 4], 'y = com.microsoft.FastGelu(v, b)', {b: [4]}),
	opCase('LeakyRelu with its own slope', [3, 4], 'y = LeakyRelu(v) alpha=0.3'),
	opCase('Elu with its own alpha', [3, 4], 'y = Elu(v) alpha=0.5'),
	opCase('Celu with its own alpha', [3, 4], 'y = Celu(v) alpha=0.5'),
	opCase('Selu with its own factors', [3, 4], 'y = Selu(v) alpha=1.5 gamma=1.1'),
	opCase('HardSigmoid with its own line', [3, 4], 'y = HardSigmoid(v) alpha=0.3 beta=0.4'),
	opCase('ThresholdedRelu with its own threshold', [3, 4], 'y = ThresholdedRelu(v) alpha=0.2'),
	opCase('Clip', [3, 4], 'y = Clip(v, low, high)', {low: scalar(-0.4), high: scalar(0.5)}),
	opCase('Clip below only', [3, 4], 'y = Clip(v, low)', {low: scalar(-0.2)}),
	opCase('Clip above only', [3, 4], 'y = Clip(v, -, high)', {high: scalar(0.2)}),
	opCase('Identity', [3, 4], 'u = Identity(v); y = Exp(u)'),
	opCase('Cast through whole numbers', [3, 4], 't = Mul(v, ten); i = Cast(t) to=7; f = Cast(i) to=1; y = Mul(v, f)', {
		ten: scalar(10),
	}),
	opCase('CastLike', [3, 4], 't = Mul(v, ten); i = CastLike(t, whole); f = CastLike(i, ten); y = Mul(v, f)', {
		ten: scalar(10),
		whole: int64([1], [0]),
	}),
	...['Add', 'Sub', 'Mul'].map(op => opCase(op, [3, 4], `y = ${op}(v, b)`, {b: [4]})),
	opCase('Div by a constant', [3, 4], 'y = Div(v, b)', {b: float32([3, 1], [2, 0.5, -3])}),
	opCase('Div by what is trained', [3, 4], 'y = Div(b, v)', {b: [3, 4]}, {positive: true}),
	opCase('PRelu', [3, 4], 'y = PRelu(v, slope)', {slope: [3, 1]}),
	opCase('Pow by a constant', [3, 4], 'y = Pow(v, two)', {two: scalar(2)}),
	opCase('Pow of positive numbers', [3, 4], 'y = Pow(v, b)', {b: [3, 4]}, {positive: true}),
	...['Max', 'Min', 'Sum', 'Mean'].map(op => opCase(op, [3, 4], `y = ${op}(v, a, b)`, {a: [4], b: [3, 1]})),
	...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].map(op =>
		opCase(op, [3, 4], `n = ${op}(v, b); m = Not(n); ${mask}`, {b: [3, 4]}),
	),
	...['And', 'Or', 'Xor'].map(op =>
		opCase(op, [3, 4], `a = Greater(v, zero); b = Less(v, half); m = ${op}(a, b); ${mask}`, {
			...zero,
			half: scalar(0.5),
		}),
	),
	opCase('Where', [3, 4], 'm = Greater(v, zero); y = Where(m, v, b)', {...zero, b: [4]}),
	opCase('Where with a mask that broadcasts', [3, 4], 'y = Where(m, v, low)', {
		m: bool([3, 1], [1, 0, 1]),
		low: scalar(-7),
	}),
	opCase('Dropout in inference form', [3, 4], 'y = Dropout(v)'),
];
