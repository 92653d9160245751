import test from 'ava';
import {seededRandom} from '../../../core/random.js';
import type {Shape, Tensor} from '../../../core/tensor/tensor.js';
import {float, int} from '../../../models/graph.js';
import {checkOp, type OpCase, tolerance, uniform} from '../../support/graphs/gradient-check.js';

const random = seededRandom(53);
const values = (...shape: Shape): Tensor => uniform(random, shape, -2, 2);
const positive = (...shape: Shape): Tensor => uniform(random, shape, 0.5, 2);

const cases: Record<string, OpCase> = {
	'BatchNormalization with fixed statistics': {
		op: 'BatchNormalization',
		inputs: [values(3, 4, 5, 2), values(4), values(4), values(4), positive(4)],
		attributes: {epsilon: float(1e-3)},
	},
	'BatchNormalization of vectors': {
		op: 'BatchNormalization',
		inputs: [values(6, 4), values(4), values(4), values(4), positive(4)],
	},
	'LayerNormalization over the last axis': {
		op: 'LayerNormalization',
		inputs: [values(2, 3, 8), values(8), values(8)],
		attributes: {axis: int(-1)},
	},
	'LayerNormalization over two axes without bias': {
		op: 'LayerNormalization',
		inputs: [values(4, 3, 5), values(3, 5)],
		attributes: {axis: int(1), epsilon: float(1e-2)},
	},
	InstanceNormalization: {
		op: 'InstanceNormalization',
		inputs: [values(2, 3, 4, 4), values(3), values(3)],
	},
	'GroupNormalization scaled by group': {
		op: 'GroupNormalization',
		opset: 18,
		inputs: [values(2, 6, 3, 3), values(3), values(3)],
		attributes: {num_groups: int(3)},
	},
	'GroupNormalization scaled by channel': {
		op: 'GroupNormalization',
		opset: 21,
		inputs: [values(2, 6, 5), values(6), values(6)],
		attributes: {num_groups: int(2)},
	},
};

for (const [what, example] of Object.entries(cases)) {
	test(`${what} has the gradients that finite differences show`, async t => {
		const error = await checkOp(random, example);
		t.true(error < tolerance, `${error}`);
	});
}
