/**
 * How fast tensors are compressed and read, and how small they become, as CSV on standard output:
 *
 *     node dist/bench/codec/main.js [--elements 1000000,10000000] [--repeats 7] [--codec int8]
 *
 * MB/s are of float32 data (4 bytes per element), medians over the repeats of bundles of one tensor [64, …] of normally
 * distributed values; `bits` per element on the wire. «copy» is a copy of the bytes, for comparison. Nothing here asserts
 * anything.
 */
import {parseArgs} from 'node:util';
import {decodeBundle, encodeBundle} from '../../core/codec/bundle.js';
import {createEncoder} from '../../core/codec/encoder.js';
import {type CodecSpec, codecSpec, describeCodec} from '../../core/codec/spec.js';
import {seededRandom} from '../../core/random.js';
import {type Tensor, tensor} from '../../core/tensor/tensor.js';

const {values: options} = parseArgs({
	options: {
		elements: {type: 'string', default: '1000000,10000000'},
		repeats: {type: 'string', default: '7'},
		codec: {type: 'string'},
	},
});
const repeats = Number(options.repeats);

const specs: readonly CodecSpec[] = [
	'fp32',
	'fp16',
	'bf16',
	'int8',
	{kind: 'int8', rounding: 'stochastic'},
	{kind: 'int8', per: 'channel'},
	{kind: 'top-k', ratio: 0.01},
	{kind: 'top-k', ratio: 0.1},
	{kind: 'qsgd', levels: 7},
	{kind: 'qsgd', levels: 127},
].map(one => codecSpec.parse(one));

const median = (list: readonly number[]) => list.toSorted((a, b) => a - b)[list.length >> 1]!;

function seconds<T>(work: () => T): {readonly result: T; readonly seconds: number} {
	const start = process.hrtime.bigint();
	const result = work();
	return {result, seconds: Number(process.hrtime.bigint() - start) / 1e9};
}

function sample(elements: number): Tensor<'float32'> {
	const random = seededRandom(1);
	const some = Float32Array.from({length: 65_536}, () => random.normal());
	const data = new Float32Array(elements);
	for (let index = 0; index < elements; index++) {
		data[index] = some[(index * 40_503) & 0xffff]!;
	}
	return tensor('float32', elements % 16_384 === 0 ? [64, 256, elements / 16_384] : [elements], data);
}

function row(
	name: string,
	given: Tensor<'float32'>,
	encode: () => Uint8Array,
	decode: (bytes: Uint8Array) => unknown,
): void {
	// Once for the compiler.
	decode(encode());
	const [encoding, decoding]: [number[], number[]] = [[], []];
	let bytes = 0;
	for (let repeat = 0; repeat < repeats; repeat++) {
		const encoded = seconds(encode);
		bytes = encoded.result.length;
		encoding.push(encoded.seconds);
		decoding.push(seconds(() => decode(encoded.result)).seconds);
	}
	const rate = (list: readonly number[]) => Math.round(given.data.byteLength / 1e6 / median(list));
	const bits = ((8 * bytes) / given.data.length).toFixed(2);
	console.log([name, given.data.length, rate(encoding), rate(decoding), bits].join());
}

console.log('codec,elements,encode MB/s,decode MB/s,bits');
for (const elements of options.elements.split(',').map(Number)) {
	const given = sample(elements - (elements % 16_384));
	if (!options.codec) {
		row(
			'copy',
			given,
			() => new Uint8Array(given.data.slice().buffer),
			bytes => bytes.slice(),
		);
	}
	for (const spec of specs.filter(({kind}) => !options.codec || kind === options.codec)) {
		const encoder = createEncoder(spec, seededRandom(2));
		const name = describeCodec(spec).replaceAll(',', ' ');
		row(name, given, () => encodeBundle([{name: 'g', tensor: given}], encoder), decodeBundle);
	}
}
