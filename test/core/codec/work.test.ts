/** What encoding and decoding are taken to cost. */
import test from 'ava';
import {encodeBundle, readBundle} from '../../../core/codec/bundle.js';
import {createEncoder} from '../../../core/codec/encoder.js';
import {codecSpec} from '../../../core/codec/spec.js';
import {codingWork, decodingWork, rawWork, workOf} from '../../../core/codec/work.js';
import {seededRandom} from '../../../core/random.js';
import {tensor} from '../../../core/tensor/tensor.js';

const shape = [8, 16, 64];
const random = seededRandom(1);
const values = tensor(
	'float32',
	shape,
	Float32Array.from({length: 8 * 16 * 64}, () => random.normal()),
);
const specs = [
	'fp32',
	'fp16',
	'bf16',
	'int8',
	{kind: 'int8', per: 'channel'},
	{kind: 'top-k', ratio: 0.05, errorFeedback: false},
	{kind: 'qsgd', levels: 7},
].map(one => codecSpec.parse(one));

test('what a receiver finds in a bundle costs as much to read as was predicted from the codec', t => {
	for (const spec of specs) {
		const bundle = encodeBundle([{name: 'x', tensor: values}], createEncoder(spec, seededRandom(2)));
		const [{encoded}] = readBundle(bundle) as [ReturnType<typeof readBundle>[number]];
		const found = decodingWork(encoded.format, encoded.shape, encoded.data.length);
		const {decode} = codingWork(spec, shape);
		t.true(Math.abs(found - decode) <= 0.05 * decode, `${JSON.stringify(spec)}: ${found}, ${decode}`);
	}
});

test('costs grow with the elements, whatever the codec; short rows of channels cost more', t => {
	for (const spec of specs) {
		const [one, two] = [codingWork(spec, [8, 16, 64]), codingWork(spec, [80, 16, 64])];
		t.true(two.encode > 9.5 * one.encode && two.encode < 10.5 * one.encode);
		t.true(two.decode >= 9.5 * one.decode);
		t.is(codingWork(spec, [0, 4]).encode, 0);
	}
	const byChannel = codecSpec.parse({kind: 'int8', per: 'channel'});
	t.true(codingWork(byChannel, [64, 1000, 4]).encode > codingWork(byChannel, [64, 4, 1000]).encode);
});

test('tensors that codecs are not for are copied as they are', t => {
	const labels = tensor('uint8', [100], new Uint8Array(100));
	t.deepEqual(workOf(codecSpec.parse('int8'), labels), rawWork(100));
	t.deepEqual(workOf(codecSpec.parse('int8'), values), codingWork(codecSpec.parse('int8'), shape));
});
