/** Models exported from PyTorch train: loss and gradients are PyTorch's. */
import test from 'ava';
import {int64} from '../../../core/tensor/tensor.js';
import {compileTraining} from '../../../models/compile/training.js';
import {importModel} from '../../../models/import/model.js';
import {verify} from '../../../models/onnx/verify.js';
import {initialState, runProgram} from '../../support/graphs/run-program.js';
import {fixtureFile, fixtureNames, loadFixture} from '../fixtures.js';

const tolerance = 1e-4;

/** Fixtures whose training PyTorch and the file see differently. */
const others: Readonly<Record<string, string>> = {
	'mobilenet-dynamo': 'the exporter folded batch norm into the convolutions',
	'sensor-dynamo': 'the exporter folded batch norm into the convolutions',
	'perceptron-script': 'importing takes its final softmax off, PyTorch trained it with one',
};

for (const name of fixtureNames) {
	const fixture = loadFixture(name);
	const names = Object.keys(fixture.gradients);
	if (name in others || name.endsWith('-folded') || names.length === 0) {
		continue;
	}
	test(`${name} has PyTorch's loss and gradients`, async t => {
		const model = importModel(fixtureFile(name));
		const batch = Object.values(fixture.inputs)[0]!.shape[0]!;
		const programs = compileTraining(model, {
			batch,
			loss: 'softmax-cross-entropy',
			optimizer: {kind: 'sgd', lr: 0.1, momentum: 0, nesterov: false, weightDecay: 0},
		});
		const state = initialState(model, programs);
		const program = programs.gradient();
		verify(program.graph, {static: true});
		const data = fixture.inputs;
		const targets = int64([batch], fixture.targets);
		const result = await runProgram(program, {programs, state, data, targets});
		t.true(Math.abs(result.scalar('loss')! - fixture.loss) <= tolerance * Math.abs(fixture.loss), 'loss');
		const checked = new Set<string>();
		for (const entry of programs.parameters.entries) {
			const expected = fixture.gradients[entry.name];
			if (expected === undefined) {
				// The exporter wrote this parameter under another name or in another layout.
				continue;
			}
			const {norm, sum} = expected;
			checked.add(entry.name);
			const values = [...state.gradient.subarray(entry.offset, entry.offset + entry.length)];
			const gotNorm = Math.hypot(...values);
			const gotSum = values.reduce((total, value) => total + value, 0);
			// The sum of many rounding errors is measured against the norm, which does not cancel.
			const scale = Math.max(norm * Math.sqrt(values.length), 1e-3);
			t.true(Math.abs(gotNorm - norm) <= tolerance * Math.max(norm, 1e-3), `${entry.name}: norm ${gotNorm}, ${norm}`);
			t.true(Math.abs(gotSum - sum) <= tolerance * scale, `${entry.name}: sum ${gotSum}, ${sum}`);
		}
		t.deepEqual([...checked].sort(), names.sort());
	});
}
