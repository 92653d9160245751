import test from 'ava';
import fc from 'fast-check';
import {seededRandom} from '../../../../core/random.js';
import {type Attributes, int, ints, string} from '../../../../models/graph.js';
import {checkOp, tolerance, uniform} from '../../../support/graphs/gradient-check.js';

const random = seededRandom(31);

interface Case {
	readonly items: number;
	readonly group: number;
	readonly perGroup: number;
	readonly filters: number;
	readonly bias: boolean;
	readonly axes: readonly {
		readonly kernel: number;
		readonly stride: number;
		readonly dilation: number;
		readonly begin: number;
		readonly end: number;
		/** Elements beyond the smallest input that gives an output. */
		readonly more: number;
	}[];
}

const axis = fc.record({
	kernel: fc.integer({min: 1, max: 3}),
	stride: fc.integer({min: 1, max: 3}),
	dilation: fc.integer({min: 1, max: 2}),
	begin: fc.nat(2),
	end: fc.nat(2),
	more: fc.nat(6),
});

const cases = (rank: fc.Arbitrary<number>): fc.Arbitrary<Case> =>
	rank.chain(length =>
		fc.record({
			items: fc.integer({min: 1, max: 3}),
			group: fc.constantFrom(1, 1, 2, 3),
			perGroup: fc.integer({min: 1, max: 3}),
			filters: fc.integer({min: 1, max: 3}),
			bias: fc.boolean(),
			axes: fc.array(axis, {minLength: length, maxLength: length}),
		}),
	);

const lengthOf = ({kernel, dilation, begin, end, more}: Case['axes'][number]): number =>
	Math.max((kernel - 1) * dilation + 1 - begin - end, 1) + more;

function check({items, group, perGroup, filters, bias, axes}: Case, attributes: Attributes = {}): Promise<number> {
	const kernel = axes.map(each => each.kernel);
	return checkOp(random, {
		op: 'Conv',
		inputs: [
			uniform(random, [items, group * perGroup, ...axes.map(lengthOf)]),
			uniform(random, [group * filters, perGroup, ...kernel]),
			...(bias ? [uniform(random, [group * filters])] : []),
		],
		attributes: {
			strides: ints(axes.map(each => each.stride)),
			dilations: ints(axes.map(each => each.dilation)),
			group: int(group),
			...(attributes['auto_pad'] === undefined
				? {pads: ints([...axes.map(each => each.begin), ...axes.map(each => each.end)])}
				: {}),
			...attributes,
		},
	});
}

const holds = (arbitrary: fc.Arbitrary<Case>, attributes: Attributes = {}, numRuns = 40) =>
	fc.assert(
		fc.asyncProperty(arbitrary, async example => {
			const error = await check(example, attributes);
			if (!(error < tolerance)) {
				throw new Error(`relative error ${error}`);
			}
		}),
		{numRuns, seed: 5},
	);

test('Conv has the gradients that finite differences show, in one and two axes', async t => {
	await t.notThrowsAsync(holds(cases(fc.constantFrom(1, 2)), {}, 80));
});

test('Conv has the right gradients in three axes', async t => {
	await t.notThrowsAsync(holds(cases(fc.constant(3)), {}, 10));
});

for (const mode of ['SAME_UPPER', 'SAME_LOWER', 'VALID']) {
	test(`Conv has the right gradients with auto_pad ${mode}`, async t => {
		const undilated = cases(fc.constantFrom(1, 2)).map(each => ({
			...each,
			// ONNX Runtime refuses SAME padding with dilations.
			axes: each.axes.map(one => ({...one, dilation: 1, begin: 0, end: 0})),
		}));
		await t.notThrowsAsync(holds(undilated, {auto_pad: string(mode)}, 25));
	});
}

test('A depthwise Conv has the right gradients, whatever stride, padding and rest', async t => {
	const depthwise = cases(fc.constantFrom(1, 2)).map(each => ({...each, group: 3, perGroup: 1, filters: 1}));
	await t.notThrowsAsync(holds(depthwise));
});

/** Shapes on both sides of the limits where the weight gradient changes its arrangement. */
for (const [what, example] of Object.entries({
	'many positions, wide channels': {size: 14, perGroup: 16, group: 1},
	'many positions, wide channels in groups': {size: 14, perGroup: 16, group: 2},
	'few positions, wide channels': {size: 5, perGroup: 16, group: 1},
	'many positions, narrow channels': {size: 14, perGroup: 3, group: 1},
})) {
	test(`Conv has the right gradients with ${what}`, async t => {
		const {size, perGroup, group} = example;
		const each = {kernel: 3, stride: 1, dilation: 1, begin: 1, end: 1, more: size - 1};
		const error = await check({items: 2, group, perGroup, filters: 5, bias: true, axes: [each, each]});
		t.true(error < tolerance, `${error}`);
	});
}

test('ConvTranspose has the gradients that finite differences show', async t => {
	await t.notThrowsAsync(
		fc.assert(
			fc.asyncProperty(cases(fc.constantFrom(1, 2)), fc.boolean(), async (example, more) => {
				const {items, group, perGroup, filters, bias, axes} = example;
				const small = axes.map(each => each.more + 1);
				const pads = axes.map((each, index) => {
					const reach = (small[index]! - 1) * each.stride + (each.kernel - 1) * each.dilation + 1;
					return Math.min(each.begin, Math.floor((reach - 1) / 2));
				});
				const error = await checkOp(random, {
					op: 'ConvTranspose',
					inputs: [
						uniform(random, [items, group * perGroup, ...small]),
						uniform(random, [group * perGroup, filters, ...axes.map(each => each.kernel)]),
						...(bias ? [uniform(random, [group * filters])] : []),
					],
					attributes: {
						strides: ints(axes.map(each => each.stride)),
						dilations: ints(axes.map(each => each.dilation)),
						output_padding: ints(axes.map(each => (more ? each.stride - 1 : 0))),
						pads: ints([...pads, ...pads]),
						group: int(group),
					},
				});
				if (!(error < tolerance)) {
					throw new Error(`relative error ${error}`);
				}
			}),
			{numRuns: 40, seed: 6},
		),
	);
});
