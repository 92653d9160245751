/** A small transformer encoder (Vaswani et al. 2017) that classifies sequences of token ids. */
import {int64, scalar} from '../../core/tensor/tensor.js';
import {float, int, ints, type Model} from '../graph.js';
import {type GraphBuilder, graphBuilder, type Initialise, type Value} from './builder.js';
import {fanIn, fill, normal, xavierUniform} from './initialise.js';
import {add, dropout, linear, reshape, transpose} from './layers.js';
import {type BuildOptions, widened} from './options.js';

const heads = 4;
const layers = 2;

interface Dense {
	readonly out: number;
	readonly weight: string;
	readonly bias: string;
	readonly initialise: readonly [weight: Initialise, bias: Initialise];
}

/** A dense layer over the last axis of [N, steps, in]: one Gemm over all tokens, its weight [out, in] as in PyTorch. */
function perToken(b: GraphBuilder, name: string, x: Value, {out, weight, bias, initialise}: Dense): Value {
	const [steps, features] = x.shape as [number, number];
	const tokens = reshape(b, `${name}.tokens`, x, [-1, features], [features]);
	const product = b.node(
		name,
		'Gemm',
		[tokens.name, b.parameter(weight, [out, features], initialise[0]), b.parameter(bias, [out], initialise[1])],
		{transB: int(1)},
	);
	return reshape(b, `${name}.steps`, {name: product, shape: [out]}, [-1, steps, out], [steps, out]);
}

const denseOf = (name: string, inputs: number, out: number): Dense => ({
	out,
	weight: `${name}.weight`,
	bias: `${name}.bias`,
	initialise: [fanIn(inputs), fanIn(inputs)],
});

function layerNorm(b: GraphBuilder, name: string, x: Value): Value {
	const shape = [x.shape.at(-1)!];
	const inputs = [x.name, b.parameter(`${name}.weight`, shape, fill(1)), b.parameter(`${name}.bias`, shape, fill(0))];
	return {name: b.node(name, 'LayerNormalization', inputs, {axis: int(-1), epsilon: float(1e-5)}), shape: x.shape};
}

/** Softmax(Q Kᵀ / √(d/heads)) V per head, as `torch.nn.MultiheadAttention` names and initialises it. */
function attention(b: GraphBuilder, name: string, x: Value, ratio: number): Value {
	const [steps, d] = x.shape as [number, number];
	const size = d / heads;
	const packed = perToken(b, `${name}.in_proj`, x, {
		out: 3 * d,
		weight: `${name}.in_proj_weight`,
		bias: `${name}.in_proj_bias`,
		initialise: [xavierUniform(d, 3 * d), fill(0)],
	});
	const parts = ['q', 'k', 'v'].map(part => `${name}.${part}`) as [string, string, string];
	b.node(
		`${name}.split`,
		'Split',
		[packed.name, b.constant(`${name}.split.sizes`, int64([3], [d, d, d]))],
		{axis: int(-1)},
		{outputs: parts},
	);
	const perHead = (part: string, perm: readonly number[]) => {
		const split = reshape(b, `${part}.heads`, {name: part, shape: [steps, d]}, [-1, steps, heads, size], []);
		return transpose(b, `${part}.turned`, split, perm, []).name;
	};
	const scale = b.constant(`${name}.scale`, scalar(1 / Math.sqrt(size)));
	const query = b.node(`${name}.q.scaled`, 'Mul', [perHead(parts[0], [0, 2, 1, 3]), scale]);
	const scores = b.node(`${name}.scores`, 'MatMul', [query, perHead(parts[1], [0, 2, 3, 1])]);
	let weights: Value = {name: b.node(`${name}.softmax`, 'Softmax', [scores], {axis: int(-1)}), shape: []};
	weights = dropout(b, `${name}.dropout`, weights, ratio);
	const mixed = b.node(`${name}.mix`, 'MatMul', [weights.name, perHead(parts[2], [0, 2, 1, 3])]);
	const together = transpose(b, `${name}.together`, {name: mixed, shape: []}, [0, 2, 1, 3], []);
	const joined = reshape(b, `${name}.joined`, together, [-1, steps, d], [steps, d]);
	return perToken(b, `${name}.out_proj`, joined, {
		...denseOf(`${name}.out_proj`, d, d),
		initialise: [fanIn(d), fill(0)],
	});
}

/** `torch.nn.TransformerEncoderLayer(d, heads, 4·d, activation='gelu')`: normalised after each residual sum. */
function encoderLayer(b: GraphBuilder, name: string, x: Value, ratio: number): Value {
	const d = x.shape[1]!;
	let y = dropout(b, `${name}.dropout1`, attention(b, `${name}.self_attn`, x, ratio), ratio);
	const middle = layerNorm(b, `${name}.norm1`, add(b, `${name}.add1`, x, y));
	y = perToken(b, `${name}.linear1`, middle, denseOf(`${name}.linear1`, d, 4 * d));
	y = {name: b.node(`${name}.gelu`, 'Gelu', [y.name], {}, {domain: 'com.microsoft'}), shape: y.shape};
	y = dropout(b, `${name}.dropout`, y, ratio);
	y = perToken(b, `${name}.linear2`, y, denseOf(`${name}.linear2`, 4 * d, d));
	y = dropout(b, `${name}.dropout2`, y, ratio);
	return layerNorm(b, `${name}.norm2`, add(b, `${name}.add2`, middle, y));
}

/**
 * Takes int64 token ids [steps]. Learnt token and position embeddings (d = 64), two encoder layers of 4 heads, the mean
 * over the steps, one dense layer. Gelu is the exact one (by erf).
 */
export function tinyTransformer(options: BuildOptions): Model {
	const {input, classes, seed, width, vocabulary = 256, dropout: ratio = 0} = options;
	const [steps] = input as [number];
	const d = heads * widened(16, width);
	const b = graphBuilder('tiny-transformer', seed);
	const ids = b.input('tokens', 'int64', input);
	const embedded = b.node('embedding', 'Gather', [
		b.parameter('embedding.weight', [vocabulary, d], normal(1)),
		ids.name,
	]);
	const placed = b.node('positions', 'Add', [embedded, b.parameter('positions.weight', [steps, d], normal(1))]);
	let x: Value = {name: placed, shape: [steps, d]};
	for (let index = 0; index < layers; index++) {
		x = encoderLayer(b, `layers.${index}`, x, ratio);
	}
	const mean = b.node('mean', 'ReduceMean', [x.name], {axes: ints([1]), keepdims: int(0)});
	return b.finish(linear(b, 'fc', {name: mean, shape: [d]}, classes));
}
