import test from 'ava';
import {createEncoder} from '../../../core/codec/encoder.js';
import {expectedBytes} from '../../../core/codec/size.js';
import {codecNames, codecSpec, describeCodec, unknownCodecs} from '../../../core/codec/spec.js';
import {readConfig} from '../../../core/config/config.js';
import {parseConfigText} from '../../../core/config/document.js';
import {planningSchema} from '../../../core/plan/objective.js';
import {seededRandom} from '../../../core/random.js';
import {float32, sizeOf} from '../../../core/tensor/tensor.js';
import {allSpecs} from './specs.js';

test('a name alone is short for the codec with its defaults', t => {
	t.deepEqual(codecSpec.parse('fp16'), {kind: 'fp16'});
	t.deepEqual(codecSpec.parse('int8'), {kind: 'int8', per: 'tensor', rounding: 'nearest'});
	t.deepEqual(codecSpec.parse({kind: 'int8', per: 'channel'}), {kind: 'int8', per: 'channel', rounding: 'nearest'});
	t.deepEqual(codecSpec.parse('top-k'), {kind: 'top-k', ratio: 0.01, errorFeedback: true});
	t.deepEqual(codecSpec.parse('qsgd'), {kind: 'qsgd', levels: 127});
	for (const name of codecNames) {
		t.is(codecSpec.parse(name).kind, name);
		t.deepEqual(codecSpec.parse(codecSpec.parse(name)), codecSpec.parse(name));
	}
});

for (const wrong of [
	'fp8',
	'',
	7,
	null,
	{},
	{kind: 'fp16', per: 'tensor'},
	{kind: 'int8', per: 'row'},
	{kind: 'top-k', ratio: 0},
	{kind: 'top-k', ratio: 1.5},
	{kind: 'top-k', ratio: Number.NaN},
	{kind: 'qsgd', levels: 0},
	{kind: 'qsgd', levels: 2.5},
	{kind: 'qsgd', levels: 40_000},
]) {
	test(`${JSON.stringify(wrong)} is no codec`, t => {
		t.false(codecSpec.safeParse(wrong).success);
	});
}

test('codecs that a peer has not announced are found, each once', t => {
	const specs = ['fp16', 'qsgd', 'fp32', 'qsgd', 'int8'].map(one => codecSpec.parse(one));
	t.deepEqual(unknownCodecs(specs, ['fp32', 'fp16']), ['qsgd', 'int8']);
	t.deepEqual(unknownCodecs(specs, codecNames), []);
	t.deepEqual(unknownCodecs([{kind: 'from-the-future'}], codecNames), ['from-the-future']);
	t.deepEqual(unknownCodecs([], []), []);
});

test('every codec has a text of its own', t => {
	t.is(new Set(allSpecs.map(describeCodec)).size, allSpecs.length);
	t.is(describeCodec(codecSpec.parse('top-k')), 'top-k 1 %');
});

test('predicted bytes are the real ones: exactly where values do not matter, within 2 % where they do', t => {
	const random = seededRandom(3);
	for (const shape of [[64, 16, 30], [50_000], [3], [], [0, 4], [1, 100], [8, 2, 3]]) {
		const given = float32(
			shape,
			Array.from({length: sizeOf(shape)}, () => random.normal()),
		);
		for (const spec of [...allSpecs, codecSpec.parse('qsgd'), codecSpec.parse('top-k')]) {
			const real = createEncoder(spec, random).encode('s', given).data.length;
			const predicted = expectedBytes(spec, shape);
			if (spec.kind !== 'top-k' && spec.kind !== 'qsgd') {
				t.is(predicted, real, `${describeCodec(spec)} [${shape}]`);
			} else if (given.data.length > 10_000 || given.data.length === 0) {
				t.true(Math.abs(predicted - real) <= 0.02 * real, `${describeCodec(spec)} [${shape}]: ${predicted}, ${real}`);
			}
		}
	}
});

test('a name that no codec has is refused where it stands', t => {
	const document = parseConfigText('limit: 5 s\ncodecs: [fp32, fp1]\n', 'job.yaml');
	t.throws(() => readConfig(planningSchema, {document}), {
		code: 'CONFIG_VALUE',
		message: /job\.yaml:2:16, codecs\[1\]: expected one of «fp32», «fp16», .*«qsgd», got «fp1»\. Did you mean «fp16»/u,
	});
});
