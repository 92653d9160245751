import test from 'ava';
import {isFplError} from '../../core/errors.js';
import {float32, int64} from '../../core/tensor/tensor.js';
import {differentiate, emitGradients} from '../../models/autodiff/differentiate.js';
import {Emitter} from '../../models/autodiff/emitter.js';
import {differentiableOps, gradientRule} from '../../models/gradients/index.js';
import {int, ownOpsets} from '../../models/graph.js';
import {domains} from '../../models/infer/table.js';
import {runGraph} from '../support/graphs/run-graph.js';

const emitterWith = (...inputs: readonly string[]): Emitter => {
	const emitter = new Emitter('model', ownOpsets);
	for (const name of inputs) {
		emitter.input(name, 'float32', [2]);
	}
	return emitter;
};

/** Values of the gradients of Σ output for the inputs x = [1, 2] and y = [3, 5]. */
async function gradientsOf(emitter: Emitter, output: string, wrt: readonly string[]): Promise<number[][]> {
	const seeds = new Map([[output, emitter.constant(float32([2], [1, 1]))]]);
	const gradients = emitGradients(emitter, {seeds, wrt});
	const names = wrt.map(name => emitter.copy(gradients.get(name)!));
	const results = await runGraph(emitter.finish(['x', 'y'], names), {x: float32([2], [1, 2]), y: float32([2], [3, 5])});
	return names.map(name => Array.from(results[name]!.data, Number));
}

test('a value that is used several times gets the sum of what comes back', async t => {
	const emitter = emitterWith('x', 'y');
	// x·x·y + x + x
	const cube = emitter.emit('Mul', [emitter.emit('Mul', ['x', 'x']), 'y']);
	const output = emitter.emit('Sum', [cube, 'x', 'x']);
	t.deepEqual(await gradientsOf(emitter, output, ['x', 'y']), [
		[2 * 3 + 2, 2 * 2 * 5 + 2],
		[1, 4],
	]);
});

test('what the loss does not depend on has gradient zero', async t => {
	const emitter = emitterWith('x', 'y');
	const output = emitter.emit('Exp', ['x']);
	const [, dy] = await gradientsOf(emitter, output, ['x', 'y']);
	t.deepEqual(dy, [0, 0]);
});

test('gradients stop at integers and comparisons', async t => {
	const emitter = emitterWith('x', 'y');
	const whole = emitter.emit('Cast', [emitter.emit('Cast', ['x'], {to: int(7)})], {to: int(1)});
	const sign = emitter.emit('Cast', [emitter.emit('Greater', ['x', 'y'])], {to: int(1)});
	const output = emitter.emit('Sum', [emitter.emit('Mul', [whole, 'y']), sign]);
	t.deepEqual(await gradientsOf(emitter, output, ['x', 'y']), [
		[0, 0],
		[1, 2],
	]);
});

test('nodes that lead to no wanted value cost nothing', t => {
	const emitter = emitterWith('x', 'y');
	const output = emitter.emit('Mul', [emitter.emit('Exp', ['x']), emitter.emit('Sin', ['y'])]);
	const before = emitter.allNodes.length;
	emitGradients(emitter, {seeds: new Map([[output, emitter.input('seed', 'float32', [2])]]), wrt: ['x']});
	const added = emitter.allNodes.slice(before).map(({op}) => op);
	t.deepEqual(added, ['Mul', 'Mul']);
});

test('a graph is mapped to one that also computes gradients, and stays as it was', async t => {
	const emitter = emitterWith('x', 'y');
	const graph = emitter.finish(['x', 'y'], [emitter.emit('Mul', ['x', 'y'])]);
	const before = structuredClone(graph);
	const [output] = graph.outputs;
	const {graph: both, gradients} = differentiate(graph, {seeds: new Map([[output!.name, 'seed']]), wrt: ['y', 'x']});
	t.deepEqual(graph, before);
	const feeds = {x: float32([2], [1, 2]), y: float32([2], [3, 5]), seed: float32([2], [1, 10])};
	const results = await runGraph(both, feeds);
	const numbers = (name: string) => [...(results[name]!.data as Float32Array)];
	t.deepEqual(numbers(output!.name), [3, 10]);
	t.deepEqual(numbers(gradients.get('x')!), [3, 50]);
	t.deepEqual(numbers(gradients.get('y')!), [1, 20]);
});

test('a segment with several outputs takes a gradient for each', async t => {
	const emitter = emitterWith('x', 'y');
	const product = emitter.emit('Mul', ['x', 'y']);
	const square = emitter.emit('Mul', [product, product]);
	const seeds = new Map([
		[product, emitter.constant(float32([2], [1, 1]))],
		[square, emitter.constant(float32([2], [10, 10]))],
	]);
	const gradient = emitGradients(emitter, {seeds, wrt: ['x']}).get('x')!;
	const results = await runGraph(emitter.finish(['x', 'y'], [gradient]), {
		x: float32([2], [1, 2]),
		y: float32([2], [3, 5]),
	});
	// y·(1 + 10·2·x·y)
	t.deepEqual([...(results[gradient]!.data as Float32Array)], [3 * 61, 5 * 201]);
});

test('an operator without a rule is named, with its node and model', t => {
	const emitter = new Emitter('my model', ownOpsets);
	emitter.input('x', 'float32', [2, 3]);
	const names = ['top', 'places'];
	emitter.add({
		name: 'search',
		op: 'TopK',
		domain: '',
		inputs: ['x', emitter.constant(int64([1], [2]))],
		outputs: names,
		attributes: {},
	});
	const seeds = new Map([['top', emitter.input('seed', 'float32', [2, 2])]]);
	const error = t.throws(() => emitGradients(emitter, {seeds, wrt: ['x']}));
	t.true(isFplError(error, 'MODEL_GRADIENT'));
	t.regex(error.message, /search/u);
	t.regex(error.message, /TopK/u);
	t.regex(error.message, /my model/u);
});

test('a rule that answers the wrong shape is caught and named', t => {
	const emitter = emitterWith('x', 'y');
	const output = emitter.emit('Exp', ['x']);
	const seeds = new Map([[output, emitter.input('seed', 'float32', [3, 2])]]);
	const error = t.throws(() => emitGradients(emitter, {seeds, wrt: ['x']}));
	t.true(isFplError(error, 'INTERNAL'));
	t.regex(error.message, /Exp.*float32\[2\].*float32\[3, 2\]/u);
});

/** Operators that inference knows and that cannot be trained through. */
const withoutRule = new Set([
	// Turned into a product with a mask before gradients are asked for.
	'Dropout',
	// Losses are chosen by the job and written by the compiler.
	'NegativeLogLikelihoodLoss',
	'SoftmaxCrossEntropyLoss',
	// Made by ONNX Runtime or by our own compiler from operators that have rules.
	'FusedConv',
	'FusedGemm',
	'MaxUnpool',
	// Not written by PyTorch for modules that are trained.
	'Col2Im',
	'LRN',
	'LpNormalization',
	'MeanVarianceNormalization',
	'Mod',
	'ReverseSequence',
	'TopK',
]);

test('every operator that is known has a gradient rule, or says that its gradient stops, or is listed here', t => {
	const missing = Object.entries(domains).flatMap(([domain, table]) =>
		Object.keys(table).filter(op => gradientRule({domain, op}) === undefined && !withoutRule.has(op)),
	);
	t.deepEqual(missing.sort(), []);
});

test('every operator with a rule is known to inference', t => {
	const unknown = differentiableOps.filter(name => {
		const [op = '', ...domain] = name.split('.').toReversed();
		return !Object.hasOwn(domains[domain.toReversed().join('.')] ?? {}, op);
	});
	t.deepEqual(unknown, []);
});
