/** A sequence classifier: one GRU (Cho et al. 2014) whose last state feeds a dense layer. */
import {int64} from '../../core/tensor/tensor.js';
import type {Model} from '../graph.js';
import {int} from '../graph.js';
import {graphBuilder} from './builder.js';
import {uniform} from './initialise.js';
import {linear, transpose} from './layers.js';
import {type BuildOptions, widened} from './options.js';

/**
 * Takes sequences [steps, features]. One fused ONNX `GRU` computes what PyTorch's `GRU(batch_first=True)` does
 * (`linear_before_reset` 1). Its weights are in ONNX form: `gru.W` [1, 3H, F] and `gru.R` [1, 3H, H] hold the gates in the
 * order update, reset, hidden (PyTorch: reset, update, hidden), `gru.B` [1, 6H] the input biases, then the recurrent ones.
 * All are uniform in ±1/√H, as PyTorch draws them.
 */
export function gru({input, classes, seed, width, units = 64}: BuildOptions): Model {
	const b = graphBuilder('gru', seed);
	const hidden = widened(units, width);
	const [steps, features] = input as [number, number];
	const initialise = uniform(1 / Math.sqrt(hidden));
	const x = b.input('input', 'float32', input);
	const turned = transpose(b, 'steps_first', x, [1, 0, 2], [steps, features]);
	const last = b.node(
		'gru',
		'GRU',
		[
			turned.name,
			b.parameter('gru.W', [1, 3 * hidden, features], initialise),
			b.parameter('gru.R', [1, 3 * hidden, hidden], initialise),
			b.parameter('gru.B', [1, 6 * hidden], initialise),
		],
		{hidden_size: int(hidden), linear_before_reset: int(1)},
		{outputs: ['', 'gru.last']},
	);
	const state = b.node('last_state', 'Squeeze', [last, b.constant('last_state.axes', int64([1], [0]))]);
	return b.finish(linear(b, 'fc', {name: state, shape: [hidden]}, classes));
}
