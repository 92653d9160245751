/**
 * Operator by operator: the outputs of tfjs against ONNX Runtime's, and its gradients, which tfjs finds on its own, against
 * the gradient graphs that we make, run by ONNX Runtime.
 */
import test from 'ava';
import {float32, sizeOf, toNumbers} from '../../../core/tensor/tensor.js';
import {compileTraining} from '../../../models/compile/training.js';
import {startBackend} from '../../../models/engines/tfjs/backend.js';
import {tfjsOps} from '../../../models/engines/tfjs/ops/table.js';
import {TfjsPredictor} from '../../../models/engines/tfjs/predictor.js';
import {TfjsTrainer} from '../../../models/engines/tfjs/trainer.js';
import {specialise} from '../../../models/specialise.js';
import {options, sgd} from '../../contracts/engine/examples.js';
import {uniform} from '../../support/graphs/formula.js';
import {worstBetween} from '../../support/graphs/golden.js';
import {runGraph} from '../../support/graphs/run-graph.js';
import {initialState, runProgram} from '../../support/graphs/run-program.js';
import {items, type OpCase} from '../../support/op-cases/build.js';
import {elementwise} from '../../support/op-cases/elementwise.js';
import {moving} from '../../support/op-cases/moving.js';
import {sliding} from '../../support/op-cases/sliding.js';
import {summing} from '../../support/op-cases/summing.js';

/** Single ops, float32 on both sides: a hundred roundings. */
const tolerance = 2e-5;

const cases: readonly OpCase[] = [...elementwise, ...moving, ...summing, ...sliding];

for (const {title, model, inputs} of cases) {
	test.serial(`${title}: outputs and gradients are ONNX Runtime's`, async t => {
		const {tf} = await startBackend(1, 'wasm');
		const graph = specialise(model.graph, {N: items});
		const expected = (await runGraph(graph, inputs))['y']!;
		const predictor = new TfjsPredictor(tf, model);
		const got = predictor.predict(inputs)['y']!;
		predictor.close();
		t.deepEqual([...got.shape], [...expected.shape]);
		const numbers = toNumbers(expected);
		const largest = Math.max(...numbers.map(Math.abs));
		t.true(largest > 0 && largest < 1e7, `an output of ${largest} shows nothing`);
		const error = Math.max(...toNumbers(got).map((value, at) => Math.abs(value - numbers[at]!)));
		t.true(error <= tolerance * largest, `output: off by ${error} of ${largest}`);

		const targets = float32(expected.shape, uniform('targets', sizeOf(expected.shape)));
		const trainer = new TfjsTrainer(tf, model, options(sgd(0.1), {loss: 'mse'}));
		const result = trainer.gradient({inputs, targets});
		trainer.close();
		const programs = compileTraining(model, {batch: items, loss: 'mse', optimizer: sgd(0.1)});
		const state = initialState(model, programs);
		await runProgram(programs.gradient(), {programs, state, data: inputs, targets, seed: 7});
		t.true(state.gradient.some(value => value !== 0));
		const worst = worstBetween(result.gradient, state.gradient, programs.parameters);
		t.true(worst.error <= tolerance, `gradient of ${worst.name}: ${worst.error}`);
	});
}

test('every operator of the table is among these', t => {
	const met = new Set(cases.flatMap(({model}) => model.graph.nodes.map(({op}) => op)));
	t.deepEqual(
		tfjsOps.filter(op => !met.has(op)),
		[],
	);
});
