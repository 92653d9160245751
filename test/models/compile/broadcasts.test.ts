import test from 'ava';
import fc from 'fast-check';
import {seededRandom} from '../../../core/random.js';
import {scalar} from '../../../core/tensor/tensor.js';
import {Emitter} from '../../../models/autodiff/emitter.js';
import {easyBroadcasts} from '../../../models/compile/broadcasts.js';
import type {Graph} from '../../../models/graph.js';
import {ownOpsets} from '../../../models/graph.js';
import {uniform} from '../../support/graphs/gradient-check.js';
import {runGraph} from '../../support/graphs/run-graph.js';

const random = seededRandom(41);

function graphOf(op: string, a: readonly number[], b: readonly number[]): Graph {
	const emitter = new Emitter('pair', ownOpsets);
	const output = emitter.emit(op, [emitter.input('a', 'float32', a), emitter.input('b', 'float32', b)]);
	return emitter.finish(['a', 'b'], [output]);
}

const shapes = fc
	.array(fc.tuple(fc.integer({min: 1, max: 5}), fc.constantFrom('both', 'a', 'b')), {maxLength: 4})
	.chain(axes =>
		fc.nat(axes.length).map(dropped => ({
			a: axes.map(([dim, where]) => (where === 'b' ? 1 : dim)),
			b: axes.map(([dim, where]) => (where === 'a' ? 1 : dim)).slice(dropped),
		})),
	);

test('what is computed stays the same, whatever is broadcast', async t => {
	await fc.assert(
		fc.asyncProperty(shapes, fc.constantFrom('Add', 'Sub', 'Mul', 'Div'), async ({a, b}, op) => {
			const graph = graphOf(op, a, b);
			const feeds = {a: uniform(random, a), b: uniform(random, b, 0.5, 1)};
			const [before] = Object.values(await runGraph(graph, feeds));
			const [after] = Object.values(await runGraph(easyBroadcasts(graph), feeds));
			if (after!.shape.join() !== before!.shape.join() || after!.data.some((value, at) => value !== before!.data[at])) {
				throw new Error('another result');
			}
		}),
		{numRuns: 40},
	);
	t.pass();
});

const ops = (graph: Graph) => graph.nodes.map(({op}) => op);

test('a few trailing elements are repeated beforehand, many are not', t => {
	t.deepEqual(ops(easyBroadcasts(graphOf('Mul', [8, 96, 2, 2], [96, 1, 1]))), ['Reshape', 'MatMul', 'Reshape', 'Mul']);
	t.deepEqual(ops(easyBroadcasts(graphOf('Mul', [8, 96, 32, 32], [96, 1, 1]))), ['Mul']);
	t.deepEqual(ops(easyBroadcasts(graphOf('Mul', [8, 96], [96]))), ['Mul']);
});

test('a scalar gets the rank of a partner with trailing axes of length 1', t => {
	const emitter = new Emitter('scaled', ownOpsets);
	const output = emitter.emit('Mul', [emitter.input('a', 'float32', [8, 96, 1, 1]), emitter.constant(scalar(2))]);
	const graph = easyBroadcasts(emitter.finish(['a'], [output]));
	t.deepEqual(ops(graph), ['Mul']);
	t.deepEqual(graph.initializers.get(graph.nodes[0]!.inputs[1]!)!.shape, [1, 1, 1, 1]);
});
