import test from 'ava';
import fc from 'fast-check';
import {FplError} from '../../../core/errors.js';
import {type DType, int64, sizeOf, type Tensor} from '../../../core/tensor/tensor.js';
import type {Attribute, Attributes, Graph} from '../../../models/graph.js';
import type {AttributeKind} from '../../../models/infer/signature.js';
import {domains} from '../../../models/infer/table.js';
import {analyse} from '../../../models/infer.js';

const operators = Object.entries(domains).flatMap(([domain, table]) =>
	Object.entries(table).map(([op, operator]) => ({domain, op, operator})),
);

const odd = fc.oneof(fc.integer({min: -4, max: 8}), fc.constantFrom(0, -1, 2 ** 31, -(2 ** 53), 2 ** 62, 33));

const attributeOf = (kind: AttributeKind): fc.Arbitrary<Attribute> => {
	switch (kind) {
		case 'int':
			return odd.map(value => ({kind, value}));
		case 'ints':
			return fc.array(odd, {maxLength: 5}).map(value => ({kind, value}));
		case 'float':
			return fc.double().map(value => ({kind, value}));
		case 'floats':
			return fc.array(fc.double(), {maxLength: 3}).map(value => ({kind, value}));
		case 'string':
			return fc.constantFrom('', 'SAME_UPPER', 'VALID', 'bidirectional', 'none', 'x').map(value => ({kind, value}));
		case 'strings':
			return fc.constant({kind, value: ['Tanh']});
		case 'tensor':
			return fc.constant({kind, value: int64([1], [3])});
		default:
			return kind satisfies never;
	}
};

const attributesOf = (kinds: Readonly<Record<string, AttributeKind>>): fc.Arbitrary<Attributes> =>
	fc
		.tuple(
			...Object.entries(kinds).map(([name, kind]) =>
				fc.option(
					attributeOf(kind).map(value => [name, value]),
					{freq: 1},
				),
			),
		)
		.map(entries => Object.fromEntries(entries.filter(entry => entry !== null)));

const dim = fc.oneof({weight: 8, arbitrary: fc.nat(6)}, fc.constantFrom('N', '?', 2 ** 40));
const dims = fc.oneof(fc.array(dim, {maxLength: 5}), fc.constantFrom([2, 4, 6, 6], [4, 4, 3, 3], [4], [2, 4, 4]));
const dtype = fc.oneof(
	{weight: 6, arbitrary: fc.constant<DType>('float32')},
	fc.constantFrom<DType>('int64', 'bool', 'int32'),
);

/** An input: only its type is known, or its integers too. */
const operand = fc.oneof(
	{weight: 3, arbitrary: fc.record({dtype, shape: fc.option(dims, {nil: undefined})})},
	fc.array(odd, {maxLength: 5}).map((values): Tensor => int64([values.length], values)),
	odd.map((value): Tensor => int64([], [value])),
);

test('no operator is thrown off its feet by odd shapes, attributes and constants', t => {
	let inferred = 0;
	const call = fc.constantFrom(...operators).chain(({domain, op, operator}) =>
		fc.record({
			domain: fc.constant(domain),
			op: fc.constant(op),
			attributes: attributesOf(operator.attributes),
			operands: fc.array(operand, {
				minLength: operator.inputs.filter(({optional}) => !optional).length,
				maxLength: operator.inputs.length + 1,
			}),
			outputs: fc.oneof({weight: 5, arbitrary: fc.constant(1)}, fc.constantFrom(2, 3)),
		}),
	);
	fc.assert(
		fc.property(call, ({operands, outputs, ...rest}) => {
			const names = operands.map((_, index) => `i${index}`);
			const graph: Graph = {
				name: 'odd',
				nodes: [{name: 'n', ...rest, inputs: names, outputs: Array.from({length: outputs}, (_, i) => `o${i}`)}],
				inputs: operands.flatMap((type, index) => ('data' in type ? [] : [{name: names[index]!, ...type}])),
				outputs: [],
				initializers: new Map(
					operands.flatMap((type, index) => ('data' in type ? [[names[index]!, type] as const] : [])),
				),
				values: new Map(),
				opsets: {'': 21, 'com.microsoft': 1},
			};
			try {
				const {types, known} = analyse(graph);
				for (const {shape} of types.values()) {
					t.true(shape?.every(dim => typeof dim === 'string' || (Number.isSafeInteger(dim) && dim >= 0)) ?? true);
				}
				for (const {shape, data} of known.values()) {
					t.is(data.length, sizeOf(shape));
				}
				inferred++;
			} catch (error) {
				t.true(error instanceof FplError && error.code !== 'INTERNAL', `${rest.op}: ${error}`);
			}
		}),
		{numRuns: 6000},
	);
	t.true(inferred > 300, `only ${inferred} calls made sense`);
});
