import test from 'ava';
import {InferenceSession, Tensor as OrtTensor} from 'onnxruntime-node';
import {sizeOf} from '../../core/tensor/tensor.js';
import {exportModel} from '../../models/import/model.js';
import {infer, typesOf} from '../../models/infer.js';
import {verify} from '../../models/onnx/verify.js';
import type {BuildOptions} from '../../models/zoo/options.js';
import {buildModel, type ZooName, zoo, zooNames} from '../../models/zoo/zoo.js';

/** Every model as it is by default, and the other forms that options make. Wide ones are made narrow. */
const cases: readonly (readonly [name: ZooName, options: Partial<BuildOptions>])[] = [
	...zooNames.map(name => [name, ['vgg11', 'resnet18', 'resnet50'].includes(name) ? {width: 0.125} : {}] as const),
	['mlp', {hidden: [], input: [7]}],
	['mlp', {dropout: 0.3, hidden: [5]}],
	['cnn-small', {input: [1, 9, 17], width: 0.25}],
	['vgg11', {batchNorm: false, width: 0.125}],
	['resnet18', {stem: 'imagenet', input: [3, 65, 40], width: 0.125}],
	['resnet50', {stem: 'cifar', input: [3, 32, 32], classes: 7, width: 0.125}],
	['mobilenetv2', {stem: 'imagenet', input: [3, 96, 96], width: 0.5, dropout: 0.2}],
	['mobilenetv3-small', {stem: 'imagenet', input: [3, 96, 96], width: 0.75}],
	['sensor-cnn', {input: [1, 100]}],
	['gru', {input: [5, 3], units: 7}],
	['tiny-transformer', {input: [9], vocabulary: 11, width: 0.5, dropout: 0.1}],
];

for (const [name, options] of cases) {
	test(`${name} ${JSON.stringify(options)} is sound ONNX and runs in onnxruntime with any batch`, async t => {
		const model = buildModel(name, {seed: 1, ...options});
		verify(model.graph);
		const types = typesOf(infer(model.graph));
		const input = model.graph.inputs[0]!;
		const classes = options.classes ?? zoo[name].classes;
		t.deepEqual(types('logits')?.shape, ['N', classes]);
		const session = await InferenceSession.create(exportModel(model), {intraOpNumThreads: 1, logSeverityLevel: 3});
		t.teardown(() => session.release());
		for (const batch of [1, 3]) {
			const shape = [batch, ...(options.input ?? zoo[name].input)];
			const size = sizeOf(shape);
			const feed =
				input.dtype === 'int64'
					? new OrtTensor(
							'int64',
							BigInt64Array.from({length: size}, (_, index) => BigInt(index % 11)),
							shape,
						)
					: new OrtTensor(
							'float32',
							Float32Array.from({length: size}, (_, index) => Math.sin(index)),
							shape,
						);
			const logits = (await session.run({[input.name]: feed}))['logits']!;
			t.deepEqual(logits.dims, [batch, classes]);
			t.true((logits.data as Float32Array).every(Number.isFinite));
		}
	});
}
