/** Files exported from PyTorch: outputs, loss and gradients are those of the module they came from. */
import {int64} from '../../../core/tensor/tensor.js';
import {importModel} from '../../../models/import/model.js';
import {type Fixture, fixtureFile, fixtureNames, loadFixture} from '../../models/fixtures.js';
import type {Suite} from '../engine.js';
import {options, sgd} from './examples.js';
import {tolerance} from './golden.js';

const folded = 'the exporter folded batch norms into convolutions, so the file trains otherwise than the module';
const stripped = 'importing takes the final softmax off, so that outputs and loss are of the logits';

/** What cannot be compared with PyTorch's training, and why; outputs are compared all the same where they can be. */
const trainsOtherwise: Readonly<Record<string, string>> = {
	'mobilenet-dynamo': folded,
	'resnet-dynamo-folded': folded,
	'resnet-script-folded': folded,
	'sensor-dynamo': folded,
	'perceptron-script': stripped,
};
const outputsOtherwise: ReadonlySet<string> = new Set(['perceptron-dynamo', 'perceptron-script']);

/** Gradients below this are zero in exact arithmetic: biases before a batch norm. */
const zero = 1e-6;

function worstGradient(gradient: Float32Array, entries: readonly Entry[], expected: Fixture['gradients']) {
	let worst = {error: 0, name: 'none'};
	for (const {name, offset, length} of entries) {
		const known = expected[name];
		if (known === undefined) {
			continue;
		}
		const values = [...gradient.subarray(offset, offset + length)];
		const norm = Math.hypot(...values);
		const sum = values.reduce((total, value) => total + value, 0);
		const error =
			known.norm < zero
				? norm
				: // The rounding errors of a sum are measured against the norm, which does not cancel.
					Math.max(
						Math.abs(norm - known.norm) / known.norm,
						Math.abs(sum - known.sum) / (known.norm * Math.sqrt(length)),
					);
		worst = error <= worst.error ? worst : {error, name};
	}
	return worst;
}

interface Entry {
	readonly name: string;
	readonly offset: number;
	readonly length: number;
}

export function exported({check}: Suite): void {
	for (const name of fixtureNames) {
		if (!outputsOtherwise.has(name)) {
			check(`the outputs of the exported ${name} are PyTorch's`, async (t, engine) => {
				const {inputs, outputs} = loadFixture(name);
				const predictor = await engine.predictor(importModel(fixtureFile(name)));
				const results = await predictor.predict(inputs);
				await predictor.close();
				for (const [output, {data, shape}] of Object.entries(outputs)) {
					const expected = Array.from(data as Float32Array);
					const got = results[output]!;
					t.deepEqual([...got.shape], [...shape]);
					const largest = Math.max(...expected.map(Math.abs));
					const error = Math.max(...expected.map((value, at) => Math.abs(value - Number(got.data[at]))));
					t.true(error <= tolerance * largest, `${output}: off by ${error} of ${largest}`);
				}
			});
		}
		if (!(name in trainsOtherwise)) {
			check(`the loss and gradients of the exported ${name} are PyTorch's`, async (t, engine) => {
				const {inputs, targets, loss, gradients} = loadFixture(name);
				const trainer = await engine.trainer(importModel(fixtureFile(name)), options(sgd(0.1)));
				const result = await trainer.gradient({inputs, targets: int64([targets.length], targets)});
				t.true(Math.abs(result.loss - loss) <= tolerance * Math.abs(loss), `loss ${result.loss}, ${loss}`);
				const {entries} = trainer.parameters;
				t.true(entries.some(entry => entry.name in gradients));
				const worst = worstGradient(result.gradient, entries, gradients);
				t.true(worst.error <= tolerance, `${worst.name}: ${worst.error}`);
				await trainer.close();
			});
		}
	}
}
