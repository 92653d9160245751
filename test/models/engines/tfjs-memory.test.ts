import test from 'ava';
import {startBackend} from '../../../models/engines/tfjs/backend.js';
import {TfjsPredictor} from '../../../models/engines/tfjs/predictor.js';
import {TfjsStage} from '../../../models/engines/tfjs/stage.js';
import {TfjsTrainer} from '../../../models/engines/tfjs/trainer.js';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {batchFor, dropping, normalised, options, part, plain, sgd} from '../../contracts/engine/examples.js';
import {rangesAt} from '../../contracts/stage/drive.js';

const models = {
	'a plain model': plain(),
	'batch norms': normalised(),
	dropout: dropping(),
	'depthwise convolutions': buildModel('mobilenetv3-small', {input: [3, 16, 16], width: 0.1}),
	'a recurrent net': buildModel('gru', {input: [5, 4], classes: 10, units: 6}),
};

for (const [what, model] of Object.entries(models)) {
	test.serial(`training leaves no tensors behind: ${what}`, async t => {
		const {tf} = await startBackend(1, 'wasm');
		const count = () => tf.memory().numTensors;
		const empty = count();
		const trainer = new TfjsTrainer(tf, model, options(sgd(0.01, 0.9)));
		const batch = batchFor(model, 4);
		trainer.step(batch);
		const after = count();
		for (let step = 0; step < 3; step++) {
			trainer.step(batch);
			trainer.gradient(batch);
			trainer.evaluate(batch);
		}
		t.is(count(), after);
		t.throws(() => trainer.step({...batch, inputs: {}}));
		t.throws(() => trainer.step({...batch, targets: part(batch, 0, 2).targets}));
		t.is(count(), after, 'after failed steps');
		trainer.close();
		t.is(count(), empty, 'after closing');
	});
}

test.serial('stages leave no tensors behind', async t => {
	const {tf} = await startBackend(1, 'wasm');
	const empty = tf.memory().numTensors;
	const model = dropping();
	const {inputs, targets} = batchFor(model, 4);
	const where = {offset: 0, total: 4};
	const {loss, optimizer, seed} = options(sgd(0.01, 0.9));
	const ranges = rangesAt([4], unitsOf(model).units.length);
	const [first, last] = [0, 1].map(
		index => new TfjsStage(tf, model, {ranges, index, loss, optimizer, seed, stash: 'keep'}),
	) as [TfjsStage, TfjsStage];
	const step = () => {
		const {values} = first.forward(0, inputs, where);
		first.backward(0, last.learn(0, values, targets, where).gradients);
		last.evaluate(first.predict(inputs).values, targets);
		for (const stage of [first, last]) {
			stage.apply({scale: 0.25, lrScale: 1});
		}
	};
	step();
	const after = tf.memory().numTensors;
	step();
	step();
	t.throws(() => last.learn(0, inputs, targets, where));
	t.is(tf.memory().numTensors, after);
	first.close();
	last.close();
	t.is(tf.memory().numTensors, empty, 'after closing');
});

test.serial('plans for many batch sizes do not pile up', async t => {
	const {tf} = await startBackend(1, 'wasm');
	const model = buildModel('tiny-transformer', {input: [4], classes: 10, vocabulary: 8, width: 0.25});
	const empty = tf.memory().numTensors;
	const predictor = new TfjsPredictor(tf, model);
	const predict = (items: number) => predictor.predict(batchFor(model, items).inputs);
	for (let items = 1; items <= 8; items++) {
		predict(items);
	}
	const full = tf.memory().numTensors;
	for (let items = 9; items <= 20; items++) {
		predict(items);
	}
	t.is(tf.memory().numTensors, full);
	predictor.close();
	t.is(tf.memory().numTensors, empty);
});
