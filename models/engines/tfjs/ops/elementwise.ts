/** Ops that treat every element alike: activations, arithmetic, comparison. They leave the layout as it is. */
import {dtypeOf} from '../../../onnx/dtypes.js';
import {tfTypeOf} from '../convert.js';
import {type Tf, type TfTensor, Value} from '../value.js';
import {align, commonShape, expandTo} from './broadcast.js';
import type {Op, OpContext} from './context.js';

const keep = (context: OpContext, raw: TfTensor, like: Value) => new Value(context.tf, raw, like.lies);

type Binary = (tf: Tf, a: TfTensor, b: TfTensor) => TfTensor;

/** XNNPACK, which computes for the wasm backend, has no more, and says so on the console only. */
const maxRank = 6;

/** A copy that tfjs' tape knows nothing of, for ops at which gradients stop and that tfjs cannot differentiate. */
export const detached = (tf: Tf, t: TfTensor): TfTensor => tf.tensor(t.dataSync(), t.shape, t.dtype);

const unary =
	(f: (tf: Tf, x: TfTensor, context: OpContext) => TfTensor): Op =>
	context => {
		const x = context.value(0);
		return keep(context, f(context.tf, x.raw, context), x);
	};

/** Piecewise constant: no gradient flows. */
const unaryStop = (f: (tf: Tf, x: TfTensor) => TfTensor): Op => unary((tf, x) => f(tf, detached(tf, x)));

const combine = (context: OpContext, f: Binary, x: Value, y: Value): Value => {
	if (commonShape(x.shape, y.shape) === undefined) {
		context.fail(`shapes [${x.shape}] and [${y.shape}] cannot be broadcast`, 'MODEL_SHAPE');
	}
	if (Math.max(x.rank, y.rank) > maxRank) {
		context.fail(`more than ${maxRank} axes`);
	}
	const {a, b, last} = align(context, x, y);
	const raw = f(context.tf, a, b);
	return last ? context.channelsLast(raw) : context.of(raw);
};

const binary =
	(f: Binary): Op =>
	context =>
		combine(context, f, context.value(0), context.value(1));

const binaryStop = (f: Binary): Op => binary((tf, a, b) => f(tf, detached(tf, a), detached(tf, b)));

/** Both operands in the common shape first: tfjs' gradient of maximum and minimum does not sum over stretched axes. */
const stretched =
	(f: Binary): Binary =>
	(tf, a, b) => {
		const shape = commonShape(a.shape, b.shape) ?? [];
		return f(tf, expandTo(tf, a, shape), expandTo(tf, b, shape));
	};

const variadic =
	(f: Binary, finish = (_: Tf, x: TfTensor, _count: number) => x): Op =>
	context => {
		let result = context.value(0);
		for (let index = 1; index < context.count; index++) {
			result = combine(context, f, result, context.value(index));
		}
		return keep(context, finish(context.tf, result.raw, context.count), result);
	};

/** x Φ(x), by the error function or the usual tanh approximation (Hendrycks, Gimpel 2016). */
export function gelu(tf: Tf, x: TfTensor, approximate: string): TfTensor {
	const inner =
		approximate === 'tanh'
			? tf.tanh(tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, tf.mul(0.044715, tf.mul(x, tf.mul(x, x))))))
			: tf.erf(tf.mul(x, Math.SQRT1_2));
	return tf.mul(tf.mul(x, 0.5), tf.add(inner, 1));
}

const hardSigmoid = (tf: Tf, x: TfTensor, alpha: number, beta: number) =>
	tf.clipByValue(tf.add(tf.mul(x, alpha), beta), 0, 1);

/** max(0, x) + min(0, alpha (exp(x / alpha) − 1)); the exponent is cut at 0 so that its unused branch cannot overflow. */
const celu = (tf: Tf, x: TfTensor, alpha: number) =>
	tf.add(tf.relu(x), tf.mul(alpha, tf.sub(tf.exp(tf.div(tf.minimum(x, 0), alpha)), 1)));

/** Of x and an optional bias. */
const fastGelu: Op = context =>
	context.optional(1) === undefined
		? unary((tf, x) => gelu(tf, x, 'tanh'))(context)
		: binary((tf, x, bias) => gelu(tf, tf.add(x, bias), 'tanh'))(context);

const clip: Op = context => {
	const min = context.numbers(1)?.[0] ?? context.float('min', Number.NEGATIVE_INFINITY);
	const max = context.numbers(2)?.[0] ?? context.float('max', Number.POSITIVE_INFINITY);
	return unary((tf, x) => tf.clipByValue(x, min, max))(context);
};

/** Towards zero for whole numbers and «≠ 0» for bool, as ONNX asks and tfjs does. No gradient flows through either. */
function castTo(context: OpContext, x: Value, type: 'float32' | 'int32' | 'bool'): Value {
	const {tf} = context;
	if (x.raw.dtype === type) {
		return x;
	}
	return keep(context, tf.cast(type === 'float32' ? x.raw : detached(tf, x.raw), type), x);
}

const castLike: Op = context =>
	castTo(context, context.value(0), context.plain(1).dtype as 'float32' | 'int32' | 'bool');

const cast: Op = context => {
	const x = context.value(0);
	const type = tfTypeOf(dtypeOf(context.int('to', 1), context.node.name), context.node.name);
	return castTo(context, x, type);
};

const dropout: Op = context => {
	const x = context.value(0);
	const ratio = context.numbers(1)?.[0] ?? context.float('ratio', 0.5);
	const {training} = context.pass;
	if (training === undefined || ratio === 0) {
		return [x, context.of(context.tf.cast(context.tf.onesLike(x.plain), 'bool'))];
	}
	const {shape} = x.plain;
	const mask = context.tf.tensor(training.dropout(context.node.name, ratio, shape), shape);
	return [context.of(context.tf.mul(x.plain, mask)), context.of(context.tf.cast(mask, 'bool'))];
};

const where: Op = context => {
	const {tf} = context;
	const [condition, a, b] = [context.plain(0), context.plain(1), context.plain(2)];
	const shape = commonShape(commonShape(condition.shape, a.shape) ?? [], b.shape) ?? [];
	const mask = tf.cast(expandTo(tf, condition, shape), 'bool');
	return context.of(tf.where(mask, expandTo(tf, a, shape), expandTo(tf, b, shape)));
};

/** A whole-number quotient is cut towards zero; tfjs floors it. */
const divide = (tf: Tf, a: TfTensor, b: TfTensor) =>
	a.dtype === 'int32' ? tf.cast(tf.div(tf.cast(a, 'float32'), tf.cast(b, 'float32')), 'int32') : tf.div(a, b);

/** x^2 and x^½ are exact special cases; elsewhere tfjs' pow. */
const power = (tf: Tf, a: TfTensor, b: TfTensor) => tf.pow(a, b.dtype === a.dtype ? b : tf.cast(b, a.dtype));

export const elementwiseOps = {
	Abs: unary((tf, x) => tf.abs(x)),
	Neg: unary((tf, x) => tf.neg(x)),
	Exp: unary((tf, x) => tf.exp(x)),
	Log: unary((tf, x) => tf.log(x)),
	Sqrt: unary((tf, x) => tf.sqrt(x)),
	Reciprocal: unary((tf, x) => tf.reciprocal(x)),
	Floor: unaryStop((tf, x) => tf.floor(x)),
	Ceil: unaryStop((tf, x) => tf.ceil(x)),
	Round: unaryStop((tf, x) => tf.round(x)),
	Sign: unaryStop((tf, x) => tf.sign(x)),
	Sin: unary((tf, x) => tf.sin(x)),
	Cos: unary((tf, x) => tf.cos(x)),
	Tan: unary((tf, x) => tf.tan(x)),
	Sinh: unary((tf, x) => tf.sinh(x)),
	Cosh: unary((tf, x) => tf.cosh(x)),
	Atan: unary((tf, x) => tf.atan(x)),
	Tanh: unary((tf, x) => tf.tanh(x)),
	Erf: unary((tf, x) => tf.erf(x)),
	Sigmoid: unary((tf, x) => tf.sigmoid(x)),
	Relu: unary((tf, x) => tf.relu(x)),
	ThresholdedRelu: unary((tf, x, context) =>
		tf.mul(x, tf.cast(tf.greater(detached(tf, x), context.float('alpha', 1)), 'float32')),
	),
	LeakyRelu: unary((tf, x, context) => tf.leakyRelu(x, context.float('alpha', 0.01))),
	Elu: unary((tf, x, context) => {
		const alpha = context.float('alpha', 1);
		return tf.add(tf.relu(x), tf.mul(alpha, tf.sub(tf.exp(tf.minimum(x, 0)), 1)));
	}),
	Celu: unary((tf, x, context) => celu(tf, x, context.float('alpha', 1))),
	Selu: unary((tf, x, context) => {
		const alpha = context.float('alpha', 1.6732632423543772);
		const gamma = context.float('gamma', 1.0507009873554805);
		return tf.mul(gamma, tf.add(tf.relu(x), tf.mul(alpha, tf.sub(tf.exp(tf.minimum(x, 0)), 1))));
	}),
	Softplus: unary((tf, x) => tf.softplus(x)),
	Softsign: unary((tf, x) => tf.div(x, tf.add(1, tf.abs(x)))),
	Mish: unary((tf, x) => tf.mul(x, tf.tanh(tf.softplus(x)))),
	HardSigmoid: unary((tf, x, context) => hardSigmoid(tf, x, context.float('alpha', 0.2), context.float('beta', 0.5))),
	HardSwish: unary((tf, x) => tf.mul(x, hardSigmoid(tf, x, 1 / 6, 0.5))),
	Gelu: unary((tf, x, context) => gelu(tf, x, context.string('approximate', 'none'))),
	BiasGelu: binary((tf, x, bias) => gelu(tf, tf.add(x, bias), 'none')),
	FastGelu: fastGelu,
	QuickGelu: unary((tf, x, context) => tf.mul(x, tf.sigmoid(tf.mul(x, context.float('alpha', 1.702))))),
	Identity: context => context.value(0),
	Clip: clip,
	Cast: cast,
	CastLike: castLike,
	Dropout: dropout,
	Where: where,
	Not: unary((tf, x) => tf.logicalNot(x)),
	IsNaN: unaryStop((tf, x) => tf.isNaN(x)),
	IsInf: unaryStop((tf, x) => tf.isInf(x)),
	Add: binary((tf, a, b) => tf.add(a, b)),
	Sub: binary((tf, a, b) => tf.sub(a, b)),
	Mul: binary((tf, a, b) => tf.mul(a, b)),
	Div: binary(divide),
	Pow: binary(power),
	PRelu: binary((tf, x, slope) => tf.add(tf.relu(x), tf.mul(slope, tf.minimum(x, 0)))),
	Max: variadic(stretched((tf, a, b) => tf.maximum(a, b))),
	Min: variadic(stretched((tf, a, b) => tf.minimum(a, b))),
	Sum: variadic((tf, a, b) => tf.add(a, b)),
	Mean: variadic(
		(tf, a, b) => tf.add(a, b),
		(tf, x, count) => tf.div(x, count),
	),
	Equal: binaryStop((tf, a, b) => tf.equal(a, b)),
	Greater: binaryStop((tf, a, b) => tf.greater(a, b)),
	GreaterOrEqual: binaryStop((tf, a, b) => tf.greaterEqual(a, b)),
	Less: binaryStop((tf, a, b) => tf.less(a, b)),
	LessOrEqual: binaryStop((tf, a, b) => tf.lessEqual(a, b)),
	And: binary((tf, a, b) => tf.logicalAnd(a, b)),
	Or: binary((tf, a, b) => tf.logicalOr(a, b)),
	Xor: binary((tf, a, b) => tf.logicalXor(a, b)),
} as const satisfies Record<string, Op>;
