import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {seededRandom} from '../../../core/random.js';
import {type Attributes, int, string} from '../../../models/graph.js';
import {checkOp, tolerance, uniform} from '../../support/graphs/gradient-check.js';

const random = seededRandom(15);
const [steps, items, inputs, hidden] = [4, 2, 3, 5];
/** Small enough that finite differences of a few chained steps are exact to the tolerance. */
const x = (shape: readonly number[]) => uniform(random, shape, -0.5, 0.5);
/** For relu: every unit is far from its kink, the even ones above it, the odd ones (with the bias) below. */
const positive = (shape: readonly number[]) => uniform(random, shape, 0.05, 0.3);
const biases = (shape: readonly number[]) => {
	const values = positive(shape);
	for (const index of values.data.keys()) {
		values.data[index] = (index % hidden) % 2 === 0 ? 0.3 : -4;
	}
	return values;
};

const cells: readonly {
	readonly op: string;
	readonly title?: string;
	readonly gates: number;
	readonly attributes?: Attributes;
}[] = [
	{op: 'RNN', gates: 1},
	{op: 'RNN', title: 'with relu', gates: 1, attributes: {activations: {kind: 'strings', value: ['Relu', 'Relu']}}},
	{op: 'GRU', gates: 3, attributes: {linear_before_reset: int(1)}},
	{op: 'GRU', title: 'that resets before the product', gates: 3},
	{op: 'LSTM', gates: 4},
];

for (const {op, title = '', gates, attributes = {}} of cells) {
	for (const direction of ['forward', 'reverse', 'bidirectional']) {
		const d = direction === 'bidirectional' ? 2 : 1;
		const specific =
			attributes['activations']?.kind === 'strings'
				? {activations: {kind: 'strings', value: attributes['activations'].value.slice(0, d)} as const}
				: {};
		const common: Attributes = {...attributes, ...specific, hidden_size: int(hidden), direction: string(direction)};
		const draw = title === 'with relu' ? positive : x;
		const states = op === 'LSTM' ? [x([d, items, hidden]), x([d, items, hidden])] : [draw([d, items, hidden])];
		const weights = [draw([d, gates * hidden, inputs]), draw([d, gates * hidden, hidden])];
		const bias = (title === 'with relu' ? biases : x)([d, 2 * gates * hidden]);

		test(`${op} ${title} ${direction} has the gradient that finite differences show`.replace('  ', ' '), async t => {
			const error = await checkOp(random, {
				op,
				inputs: [draw([steps, items, inputs]), ...weights, bias, '', ...states],
				attributes: common,
				outputs: op === 'LSTM' ? 3 : 2,
			});
			t.true(error < tolerance, `${error}`);
		});

		test(`${op} ${title} ${direction} without bias and states has the right gradient`.replace('  ', ' '), async t => {
			const error = await checkOp(random, {op, inputs: [draw([steps, items, inputs]), ...weights], attributes: common});
			t.true(error < tolerance, `${error}`);
		});
	}
}

test('a layer of one step has the right gradient', async t => {
	const error = await checkOp(random, {
		op: 'LSTM',
		inputs: [x([1, items, inputs]), x([1, 4 * hidden, inputs]), x([1, 4 * hidden, hidden])],
		attributes: {hidden_size: int(hidden)},
		outputs: 3,
	});
	t.true(error < tolerance, `${error}`);
});

test('what PyTorch never writes is refused by name', async t => {
	const error = await t.throwsAsync(
		checkOp(random, {
			op: 'GRU',
			inputs: [x([steps, items, inputs]), x([1, 3 * hidden, inputs]), x([1, 3 * hidden, hidden])],
			attributes: {hidden_size: int(hidden), clip: {kind: 'float', value: 3}},
		}),
	);
	t.true(isFplError(error, 'MODEL_GRADIENT'), error.message);
});
