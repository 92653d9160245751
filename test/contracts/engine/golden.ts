/** Numbers: what PyTorch 2 computed in float64 for every model of the zoo. */
import type {Optimizer} from '../../../models/training.js';
import {valuesOf} from '../../support/graphs/formula.js';
import {golden as fixture, goldenCase, goldenNames, worstOf} from '../../support/graphs/golden.js';
import type {Suite} from '../engine.js';
import {options, sgd} from './examples.js';

/**
 * Largest relative error, tensor by tensor: max |a − b| / max |b|. PyTorch's own float32 gradients are between 2e-7 (gru) and
 * 2e-5 (resnet50) away from these, so that float32 leaves a factor of five at worst, and no model needs a looser one. That
 * holds because the cases stay away from the edges of relu and max-pool (see make.py); on one of those any two engines differ.
 */
export const tolerance = 1e-4;

const relative = (a: number, b: number) => Math.abs(a - b) / Math.abs(b);

const adamLike = {lr: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8};
const optimizers: Readonly<Record<string, {optimizer: Optimizer; clipNorm?: number}>> = {
	sgd: {optimizer: sgd(0.05)},
	momentum: {optimizer: {...sgd(0.05, 0.9), weightDecay: 0.01}},
	nesterov: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01}},
	adam: {optimizer: {kind: 'adam', ...adamLike, weightDecay: 0.01}},
	adamw: {optimizer: {kind: 'adamw', ...adamLike, weightDecay: 0.1}},
	clipped: {optimizer: sgd(0.05, 0.9), clipNorm: 0.5},
};

export function golden({check}: Suite): void {
	for (const name of goldenNames) {
		check(`the loss, gradients and running statistics of ${name} are PyTorch's`, async (t, engine) => {
			const {model, batch, expected} = goldenCase(name);
			const trainer = await engine.trainer(model, options(sgd(0.1)));
			const {loss, correct, gradient} = await trainer.gradient(batch);
			t.true(relative(loss, expected.loss) <= tolerance, `loss ${loss}, expected ${expected.loss}`);
			t.is(correct, expected.correct);
			const worst = worstOf(gradient, trainer.parameters, expected.gradients);
			t.true(worst.error <= tolerance, `gradient of ${worst.name}: ${worst.error}`);
			const {buffers} = await trainer.save(['buffers']);
			const moved = worstOf(buffers, trainer.buffers, expected.buffers);
			t.true(moved.error <= tolerance, `running statistic ${moved.name}: ${moved.error}`);
			await trainer.close();
		});

		check(`the outputs of ${name} in inference mode are PyTorch's`, async (t, engine) => {
			const {model, batch, expected} = goldenCase(name);
			const predictor = await engine.predictor(model);
			const outputs = await predictor.predict(batch.inputs);
			await predictor.close();
			const {shape, data} = outputs[model.graph.outputs[0]!.name]!;
			t.deepEqual(shape, [expected.batch, expected.options.classes]);
			const largest = Math.max(...expected.predicted.map(Math.abs));
			const error = Math.max(...expected.predicted.map((value, at) => Math.abs(value - Number(data[at])))) / largest;
			t.true(error <= tolerance, `${error}`);
			const trainer = await engine.trainer(model, options(sgd(0.1)));
			const {loss, correct} = await trainer.evaluate(batch);
			t.true(relative(loss, expected.evaluated) <= tolerance, `loss ${loss}, expected ${expected.evaluated}`);
			t.true(correct !== undefined && correct >= 0 && correct <= expected.batch);
			await trainer.close();
		});

		check(`three steps of ${name} follow PyTorch's`, async (t, engine) => {
			const {model, batch, expected} = goldenCase(name);
			const trainer = await engine.trainer(model, options(sgd(expected.lr, 0.9)));
			for (const [index, wanted] of expected.steps.entries()) {
				const {loss} = await trainer.step(batch);
				t.true(relative(loss, wanted) <= tolerance, `step ${index}: loss ${loss}, expected ${wanted}`);
			}
			await trainer.close();
		});
	}

	for (const [kind, {losses, parameters}] of Object.entries(fixture.optimisers)) {
		check(`three updates by ${kind} leave PyTorch's weights`, async (t, engine) => {
			const {model, batch} = goldenCase('mlp');
			const {optimizer, ...more} = optimizers[kind]!;
			const trainer = await engine.trainer(model, options(optimizer, more));
			for (const wanted of losses) {
				const {loss} = await trainer.step(batch);
				t.true(relative(loss, wanted) <= tolerance, `loss ${loss}, expected ${wanted}`);
			}
			const worst = worstOf((await trainer.save()).parameters, trainer.parameters, parameters);
			t.true(worst.error <= tolerance, `${worst.name}: ${worst.error}`);
			await trainer.close();
		});
	}

	for (const loss of ['mse', 'bce'] as const) {
		check(`${loss} and its gradients are PyTorch's`, async (t, engine) => {
			const {model, batch, expected} = goldenCase('mlp');
			const {loss: wanted, gradients} = fixture.losses[loss]!;
			const trainer = await engine.trainer(model, options(sgd(0.1), {loss}));
			const targets = valuesOf([expected.batch, expected.options.classes]);
			const result = await trainer.gradient({inputs: batch.inputs, targets});
			t.true(relative(result.loss, wanted) <= tolerance, `loss ${result.loss}, expected ${wanted}`);
			const worst = worstOf(result.gradient, trainer.parameters, gradients);
			t.true(worst.error <= tolerance, `gradient of ${worst.name}: ${worst.error}`);
			t.is(result.correct, undefined);
			await trainer.close();
		});
	}
}
