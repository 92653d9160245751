import test from 'ava';
import {seededRandom} from '../../../core/random.js';
import type {Shape} from '../../../core/tensor/tensor.js';
import {float, int} from '../../../models/graph.js';
import {checkOp, tolerance, uniform} from '../../support/graphs/gradient-check.js';

const random = seededRandom(12);

const matMuls: readonly (readonly [Shape, Shape])[] = [
	[
		[3, 4],
		[4, 2],
	],
	[[4], [4, 2]],
	[[3, 4], [4]],
	[[4], [4]],
	[[4], [2, 4, 3]],
	[[2, 3, 4], [4]],
	[
		[2, 3, 4],
		[4, 2],
	],
	[
		[2, 3, 4],
		[2, 4, 2],
	],
	[
		[3, 4],
		[2, 4, 2],
	],
	[
		[2, 1, 3, 4],
		[3, 4, 2],
	],
	[
		[1, 3, 4],
		[2, 4, 2],
	],
	[
		[2, 3, 1, 4],
		[1, 3, 4, 1],
	],
];

for (const [a, b] of matMuls) {
	test(`MatMul of [${a}] and [${b}] has the gradient that finite differences show`, async t => {
		const error = await checkOp(random, {op: 'MatMul', inputs: [uniform(random, a), uniform(random, b)]});
		t.true(error < tolerance, `${error}`);
	});
}

for (const transA of [0, 1]) {
	for (const transB of [0, 1]) {
		for (const bias of [[], [2], [3, 1], [3, 2], [1, 2]]) {
			test(`Gemm with transA ${transA}, transB ${transB} and a bias [${bias}] has the right gradient`, async t => {
				const error = await checkOp(random, {
					op: 'Gemm',
					inputs: [
						uniform(random, transA ? [4, 3] : [3, 4]),
						uniform(random, transB ? [2, 4] : [4, 2]),
						uniform(random, bias),
					],
					attributes: {alpha: float(0.7), beta: float(1.3), transA: int(transA), transB: int(transB)},
				});
				t.true(error < tolerance, `${error}`);
			});
		}
		test(`FusedMatMul with transA ${transA}, transB ${transB} has the right gradient`, async t => {
			const error = await checkOp(random, {
				op: 'FusedMatMul',
				domain: 'com.microsoft',
				inputs: [uniform(random, transA ? [2, 4, 3] : [2, 3, 4]), uniform(random, transB ? [2, 2, 4] : [2, 4, 2])],
				attributes: {alpha: float(0.7), transA: int(transA), transB: int(transB)},
			});
			t.true(error < tolerance, `${error}`);
		});
	}
}

test('Gemm without a bias has the right gradient', async t => {
	const error = await checkOp(random, {op: 'Gemm', inputs: [uniform(random, [3, 4]), uniform(random, [4, 2])]});
	t.true(error < tolerance, `${error}`);
});
