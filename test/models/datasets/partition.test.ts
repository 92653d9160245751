import test from 'ava';
import fc from 'fast-check';
import {isFplError} from '../../../core/errors.js';
import {seededRandom} from '../../../core/random.js';
import {memoryDataset} from '../../../models/datasets/memory.js';
import {type Division, partition} from '../../../models/datasets/partition.js';

const labelled = (labels: Int32Array) =>
	memoryDataset('labels', [{name: 'input', shape: [1], data: new Uint8Array(labels.length)}], {
		kind: 'classes',
		classes: Math.max(1, ...labels) + 1,
		labels,
	});

const ten = (items: number) => {
	const random = seededRandom(1);
	return labelled(Int32Array.from({length: items}, () => random.integer(10)));
};

const division: fc.Arbitrary<Division> = fc.oneof(
	fc.constant({kind: 'iid'} as const),
	fc.record({kind: fc.constant('dirichlet' as const), alpha: fc.constantFrom(1e-3, 0.1, 0.5, 1, 10, 1e4)}),
	fc.record({kind: fc.constant('shards' as const), perDevice: fc.integer({min: 1, max: 4})}),
);

test('every item goes to exactly one device, and each gets its minimum', t => {
	const cases = fc.record({
		labels: fc.array(fc.nat(5), {minLength: 12, maxLength: 200}),
		division,
		devices: fc.integer({min: 1, max: 6}),
		minimum: fc.integer({min: 0, max: 2}),
		seed: fc.nat(),
	});
	fc.assert(
		fc.property(cases, ({labels, division: kind, ...options}) => {
			const dataset = labelled(Int32Array.from(labels));
			const parts = partition(dataset, kind, options);
			t.is(parts.length, options.devices);
			t.true(parts.every(part => part.length >= options.minimum));
			const all = parts.flatMap(part => [...part]).sort((a, b) => a - b);
			t.deepEqual(
				all,
				labels.map((_, item) => item),
			);
			t.deepEqual(partition(dataset, kind, options), parts);
		}),
		{numRuns: 150},
	);
});

/** How far class shares per device are from those of the whole: 0 for equal ones, near 1 for one class per device. */
function skew(labels: Int32Array, parts: readonly Uint32Array[]): number {
	const shares = (items: Iterable<number>) => {
		const counts = new Array<number>(10).fill(0);
		let total = 0;
		for (const item of items) {
			counts[labels[item]!]! += 1;
			total += 1;
		}
		return counts.map(count => count / total);
	};
	const whole = shares(labels.keys());
	const distances = parts.map(part => {
		const own = shares(part);
		return 0.5 * own.reduce((sum, share, index) => sum + Math.abs(share - whole[index]!), 0);
	});
	return distances.reduce((a, b) => a + b, 0) / parts.length;
}

test('a small alpha makes devices unlike, a large one alike', t => {
	const dataset = ten(5000);
	const at = (kind: Division) => skew(dataset.labels!, partition(dataset, kind, {devices: 8, seed: 3}));
	const [rare, half, many] = [0.05, 0.5, 1000].map(alpha => at({kind: 'dirichlet', alpha})) as [number, number, number];
	t.log({rare, half, many, iid: at({kind: 'iid'})});
	t.true(rare > half && half > 0.25 && many < 0.08);
	t.true(at({kind: 'iid'}) < 0.08);
});

test('proportions of a class follow the Dirichlet distribution', t => {
	// The share of one of two devices is Beta(α, α): its variance is 1 / (4 (2α + 1)).
	const dataset = labelled(new Int32Array(1000));
	for (const alpha of [0.2, 1, 5]) {
		const shares = Array.from(
			{length: 400},
			(_, seed) => partition(dataset, {kind: 'dirichlet', alpha}, {devices: 2, seed, minimum: 0})[0]!.length / 1000,
		);
		const mean = shares.reduce((a, b) => a + b, 0) / shares.length;
		const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length;
		t.true(Math.abs(mean - 0.5) < 0.06, `${alpha}: mean ${mean}`);
		t.true(Math.abs(variance * 4 * (2 * alpha + 1) - 1) < 0.25, `${alpha}: variance ${variance}`);
	}
});

test('shards give each device few classes and equal sizes', t => {
	const dataset = ten(4000);
	const parts = partition(dataset, {kind: 'shards', perDevice: 2}, {devices: 10, seed: 5});
	for (const part of parts) {
		t.true(new Set([...part].map(item => dataset.labels![item])).size <= 4);
		t.is(part.length, 400);
	}
});

test('the seed decides', t => {
	const dataset = ten(300);
	for (const kind of [{kind: 'iid'}, {kind: 'dirichlet', alpha: 1}, {kind: 'shards', perDevice: 2}] as const) {
		t.notDeepEqual(partition(dataset, kind, {devices: 3, seed: 1}), partition(dataset, kind, {devices: 3, seed: 2}));
	}
});

test('an alpha near zero still ends and gives everybody something', t => {
	const parts = partition(ten(50), {kind: 'dirichlet', alpha: 1e-6}, {devices: 40, seed: 1});
	t.true(parts.every(part => part.length >= 1));
});

test('impossible divisions are refused', t => {
	const dataset = ten(10);
	const values = memoryDataset('values', [{name: 'input', shape: [1], data: new Uint8Array(9)}], {
		kind: 'values',
		shape: [1],
		data: new Float32Array(9),
	});
	for (const [make, code, text] of [
		[() => partition(dataset, {kind: 'iid'}, {devices: 11, seed: 1}), 'DATA_SHAPE', /at least 11 items.*got 10/u],
		[() => partition(dataset, {kind: 'iid'}, {devices: 0, seed: 1}), 'CONFIG_VALUE', /0 devices/u],
		[() => partition(dataset, {kind: 'dirichlet', alpha: 0}, {devices: 2, seed: 1}), 'CONFIG_VALUE', /alpha 0/u],
		[() => partition(dataset, {kind: 'shards', perDevice: 0.5}, {devices: 2, seed: 1}), 'CONFIG_VALUE', /0\.5 shards/u],
		[() => partition(values, {kind: 'dirichlet', alpha: 1}, {devices: 2, seed: 1}), 'DATA_SHAPE', /no classes.*«iid»/u],
	] as const) {
		const error = t.throws(make);
		t.true(isFplError(error, code), `${error}`);
		t.regex(error!.message, text);
	}
	t.is(partition(values, {kind: 'iid'}, {devices: 2, seed: 1})[0]?.length, 5);
});
