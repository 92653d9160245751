/** Bundles: golden bytes, their overhead, and what hostile ones come to. */
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {decodeBundle, encodeBundle, type NamedTensor} from '../../../core/codec/bundle.js';
import {type Format, formats} from '../../../core/codec/encoded.js';
import {createEncoder} from '../../../core/codec/encoder.js';
import {type CodecSpec, codecSpec, describeCodec} from '../../../core/codec/spec.js';
import {isFplError} from '../../../core/errors.js';
import {seededRandom} from '../../../core/random.js';
import {dtypes, float32, int64, type Tensor, tensor, zeros} from '../../../core/tensor/tensor.js';
import {root} from '../../support/imports.js';
import {allSpecs, anyFloat, tensors} from './specs.js';

const encoderOf = (spec: CodecSpec) => createEncoder(spec, seededRandom(1));
const wave = (shape: readonly number[], size: number) =>
	float32(
		shape,
		Array.from({length: size}, (_, index) => Math.sin(index * index)),
	);

const sample: readonly NamedTensor[] = [
	{name: 'x', tensor: wave([2, 3, 7], 42)},
	{name: 'labels', tensor: int64([2], [3, 300])},
	{name: 'π', tensor: tensor('bool', [3], Uint8Array.of(1, 0, 1))},
	{name: 'none', tensor: float32([0, 5], [])},
	{name: 'loss', tensor: float32([], [0.75])},
];

for (const [number, spec] of allSpecs.entries()) {
	const name = Object.values(spec).join('-');
	const file = path.join(root, 'test/fixtures/codec', `bundle-${name}.hex`);

	test(`a bundle by ${describeCodec(spec)} (${number}) has the golden bytes and is read back from them`, t => {
		const hex = Buffer.from(encodeBundle(sample, encoderOf(spec))).toString('hex');
		if (process.env['FPL_UPDATE_FIXTURES'] && !existsSync(file)) {
			writeFileSync(file, `${hex}\n`);
		}
		const golden = readFileSync(file, 'utf8').trim();
		t.is(hex, golden);
		const result = decodeBundle(Buffer.from(golden, 'hex'));
		t.deepEqual(
			[...result].map(([key, {dtype, shape}]) => ({key, dtype, shape})),
			sample.map(({name: key, tensor: {dtype, shape}}) => ({key, dtype, shape})),
		);
		t.deepEqual(result.get('labels'), sample[1]!.tensor);
		t.deepEqual(result.get('π'), sample[2]!.tensor);
	});

	test(`bundles of any float tensors by ${describeCodec(spec)} (${number}) are read back in order`, t => {
		fc.assert(
			fc.property(
				fc.uniqueArray(fc.tuple(fc.string({unit: 'grapheme', minLength: 1, maxLength: 20}), tensors(anyFloat)), {
					selector: ([key]) => key,
					maxLength: 5,
				}),
				pairs => {
					const entries = pairs.map(([key, one]) => ({name: key, tensor: one}));
					const bytes = encodeBundle(entries, encoderOf(spec));
					t.is(bytes.length % 8, 0);
					const result = decodeBundle(bytes);
					t.deepEqual(
						[...result.keys()],
						entries.map(entry => entry.name),
					);
					const encoder = encoderOf(spec);
					for (const {name: key, tensor: given} of entries) {
						const alone = decodeBundle(encodeBundle([{name: key, tensor: given}], encoder)).get(key)!;
						t.deepEqual(result.get(key)!.shape, alone.shape);
						if (spec.kind !== 'qsgd' && !('rounding' in spec && spec.rounding === 'stochastic')) {
							t.deepEqual(result.get(key), alone);
						}
					}
				},
			),
			{numRuns: 30},
		);
	});
}

test('the overhead of tensors of 64 KiB is at most 1 %, for every codec', t => {
	for (const spec of allSpecs) {
		const encoder = encoderOf(spec);
		const entries = [1, 2, 3].map(index => ({
			name: `activation-of-some-layer/${index}`,
			tensor: wave([16, 4, 256], 16_384),
		}));
		const bytes = encodeBundle(entries, encoder).length;
		const {bytesAfter} = encoder.statistics;
		// Against the uncompressed size for codecs that leave next to nothing to be an overhead of.
		t.true(bytes - bytesAfter <= Math.max(0.01 * bytesAfter, 200), `${describeCodec(spec)}: ${bytes}, ${bytesAfter}`);
		t.true(bytes - bytesAfter <= 0.001 * 3 * 65_536);
	}
	const encoder = encoderOf({kind: 'int8', per: 'tensor', rounding: 'nearest'});
	const bytes = encodeBundle([{name: 'gradients', tensor: wave([65_536], 65_536)}], encoder).length;
	t.true(bytes <= 1.01 * encoder.statistics.bytesAfter);
});

test('every type of tensor, empty bundles, and payloads at odd addresses are read', t => {
	const entries = dtypes.map(dtype => ({name: dtype, tensor: zeros(dtype, [3, 1])}));
	const bytes = encodeBundle(entries, encoderOf({kind: 'fp32'}));
	const moved = Buffer.alloc(bytes.length + 8);
	for (let at = 0; at < 8; at++) {
		moved.set(bytes, at);
		const result = decodeBundle(moved.subarray(at, at + bytes.length));
		t.deepEqual(
			[...result].map(([name, one]) => ({name, tensor: one})),
			entries,
		);
	}
	t.is(decodeBundle(encodeBundle([], encoderOf({kind: 'fp32'}))).size, 0);
});

test('uncompressed floats are read without being copied', t => {
	const bytes = encodeBundle(sample, encoderOf({kind: 'fp32'}));
	for (const name of ['x', 'loss']) {
		t.is(decodeBundle(bytes).get(name)!.data.buffer, bytes.buffer);
	}
});

test('names that cannot be told apart, or that are none, are refused', t => {
	const one = float32([], [1]);
	for (const names of [['a', 'a'], [''], ['x'.repeat(1025)], ['\ud800']]) {
		const entries = names.map(name => ({name, tensor: one}));
		const error = t.throws(() => encodeBundle(entries, encoderOf({kind: 'fp32'})));
		t.true(isFplError(error, 'TENSOR_INVALID'));
	}
	t.is(decodeBundle(encodeBundle([{name: '\ufeffé', tensor: one}], encoderOf({kind: 'fp32'}))).has('\ufeffé'), true);
});

/** A bundle of one tensor, by hand. */
function forged(shape: readonly number[], format: Format, data: Uint8Array, dtype = 0): Uint8Array {
	const head = Math.ceil((16 + 12 + 4 * shape.length + 1) / 8) * 8;
	const bundle = Buffer.alloc(head + Math.ceil(data.length / 8) * 8);
	bundle.write('FPLB');
	bundle.writeUInt16LE(1, 4);
	bundle.writeUInt16LE(1, 6);
	bundle.writeUInt32LE(head, 8);
	bundle.set([dtype, formats[format], shape.length, 0, 1, 0, 0, 0], 16);
	bundle.writeUInt32LE(data.length, 24);
	for (const [axis, dim] of shape.entries()) {
		bundle.writeUInt32LE(dim, 28 + 4 * axis);
	}
	bundle.write('t', 28 + 4 * shape.length);
	bundle.set(data, head);
	return bundle;
}

const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const qsgdHead = (levels: number, layout: number, bucket: number, ...norms: number[]) =>
	Buffer.concat([
		Buffer.from(Uint16Array.of(levels, layout).buffer),
		words(bucket),
		Buffer.from(Float32Array.from(norms).buffer),
	]);

const hostile: Readonly<Record<string, Uint8Array>> = {
	'a top-k tensor larger than allowed': forged([4096, 4096, 64], 'top-k', words(0, 0)),
	'a product of dimensions beyond all numbers': forged(new Array(16).fill(0xffffffff), 'top-k', words(0, 0)),
	'too many dimensions': forged(new Array(17).fill(1), 'fp16', new Uint8Array(2)),
	'an uncompressed tensor that is not all there': forged([4096, 4096], 'raw', words(1, 2)),
	'an fp16 tensor that is not all there': forged([4096, 4096], 'fp16', words(1, 2)),
	'a bf16 tensor with a byte too much': forged([1], 'bf16', new Uint8Array(3)),
	'an int8 tensor without its values': forged([4096, 4096], 'int8', words(0)),
	'more channels than bytes': forged([1, 60_000_000], 'int8-channel', words(0)),
	'an int8 magnitude that is no number': forged([1], 'int8', Buffer.from([0, 0, 0xc0, 0x7f, 1])),
	'a negative int8 magnitude': forged([1], 'int8', Buffer.from([0, 0, 0x80, 0xbf, 1])),
	'a top-k tensor without a head': forged([8], 'top-k', new Uint8Array(3)),
	'more top-k values than elements': forged([2], 'top-k', words(3, 0, 1, 2, 3, 0)),
	'more top-k values than bytes': forged([2 ** 20], 'top-k', words(2 ** 19, 3, 1)),
	'a top-k width that is none': forged([8], 'top-k', words(1, 60, 1, 1)),
	'a top-k position beyond the tensor': forged([8], 'top-k', words(1, 4, 1, 0x1f)),
	'a top-k position that never ends': forged([8], 'top-k', words(1, 0, 1, 0)),
	'top-k bits that nobody needs': forged([8], 'top-k', words(1, 0, 1, 1, 0)),
	'a qsgd tensor without a head': forged([8], 'qsgd', new Uint8Array(3)),
	'a qsgd tensor with fewer bits than elements': forged([2 ** 25], 'qsgd', qsgdHead(7, 1, 2 ** 30, 1)),
	'a qsgd tensor of no levels': forged([8], 'qsgd', qsgdHead(0, 0, 512, 1)),
	'a qsgd tensor of another layout': forged([8], 'qsgd', qsgdHead(7, 2, 512, 1, 0, 0)),
	'a qsgd tensor in buckets of none': forged([8], 'qsgd', qsgdHead(7, 0, 0, 1)),
	'a qsgd norm that is no number': forged([8], 'qsgd', qsgdHead(7, 0, 512, Number.NaN, 0)),
	'a packed qsgd level that is too large': forged([1], 'qsgd', Buffer.concat([qsgdHead(7, 0, 512, 1), Buffer.of(15)])),
	'a gamma qsgd level that is too large': forged(
		[1],
		'qsgd',
		Buffer.concat([qsgdHead(1, 1, 512, 1), Buffer.of(0b0110)]),
	),
	'a gamma code that never ends': forged([8], 'qsgd', qsgdHead(7, 1, 512, 1, 0)),
	'a truth value of 2': forged([1], 'raw', Uint8Array.of(2), 12),
	'fp16 for integers': forged([1], 'fp16', Uint8Array.of(2, 2), 10),
	'narrow integers for floats': forged([1], 'as-uint8', Uint8Array.of(2)),
	'narrow integers that are not all there': forged([2], 'as-uint16', Uint8Array.of(2, 2), 10),
	'an unknown type': forged([1], 'raw', Uint8Array.of(2), 99),
};

test('the bytes made by hand are those of an honest bundle', t => {
	const good = float32([8], [0, 0, 0, 5, 0, 0, 0, 0]);
	const {data} = encoderOf(codecSpec.parse({kind: 'top-k', ratio: 0.01})).encode('t', good);
	t.deepEqual(decodeBundle(forged([8], 'top-k', data)).get('t'), good);
	const one = decodeBundle(forged([1], 'qsgd', Buffer.concat([qsgdHead(7, 0, 512, 1), Buffer.of(14)]))).get('t')!;
	t.is(one.data[0], 1);
	const other = decodeBundle(forged([1], 'qsgd', Buffer.concat([qsgdHead(1, 1, 512, 2), Buffer.of(0b1010)]))).get('t')!;
	t.is(other.data[0], -2);
});

for (const [name, bytes] of Object.entries(hostile)) {
	test(`${name}: refused, and no memory taken`, t => {
		const before = process.memoryUsage().arrayBuffers;
		const error = t.throws(() => decodeBundle(bytes));
		t.true(isFplError(error, 'WIRE_INVALID'), error?.stack);
		t.true(process.memoryUsage().arrayBuffers - before < 2 ** 24);
	});
}

test('the limit on elements is for all tensors together', t => {
	const entries = ['a', 'b', 'c'].map(name => ({name, tensor: float32([4], [1, 2, 3, 4])}));
	const bytes = encodeBundle(entries, encoderOf({kind: 'fp32'}));
	t.is(decodeBundle(bytes, {maxElements: 12}).size, 3);
	t.true(
		isFplError(
			t.throws(() => decodeBundle(bytes, {maxElements: 11})),
			'WIRE_INVALID',
		),
	);
});

test('damaged bundles are refused or read as something, never worse', t => {
	const bundles = allSpecs.map(spec => encodeBundle(sample, encoderOf(spec)));
	const check = (bytes: Uint8Array) => {
		let result: Map<string, Tensor>;
		try {
			result = decodeBundle(bytes, {maxElements: 10_000});
		} catch (error) {
			t.true(isFplError(error, 'WIRE_INVALID'), error instanceof Error ? error.stack : String(error));
			return false;
		}
		for (const {dtype, shape, data} of result.values()) {
			t.notThrows(() => tensor(dtype, shape, data));
		}
		return true;
	};
	let read = 0;
	for (const bundle of bundles) {
		for (let length = 0; length < bundle.length; length++) {
			t.false(check(bundle.subarray(0, length)), 'cut short');
		}
		for (let at = 0; at < bundle.length; at++) {
			for (const flip of [1, 0x80, 0xff]) {
				const damaged = Uint8Array.from(bundle);
				damaged[at]! ^= flip;
				read += check(damaged) ? 1 : 0;
			}
		}
	}
	t.true(read > 0);
	fc.assert(
		fc.property(
			fc.constantFrom(...bundles),
			fc.array(fc.tuple(fc.nat(400), fc.nat(255)), {maxLength: 6}),
			(bundle, changes) => {
				const damaged = Uint8Array.from(bundle);
				for (const [at, value] of changes) {
					if (at < damaged.length) {
						damaged[at] = value;
					}
				}
				check(damaged);
			},
		),
		{numRuns: 1000},
	);
	fc.assert(
		fc.property(fc.uint8Array({maxLength: 200}), bytes => {
			t.false(check(bytes));
		}),
		{numRuns: 300},
	);
});
