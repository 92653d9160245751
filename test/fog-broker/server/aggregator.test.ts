import test from 'ava';
import fc from 'fast-check';
import {bytesOf} from '../../../core/tensor/tensor.js';
import {blockBytes, MeanAggregator} from '../../../fog-broker/server/aggregator.js';

const bytes = (values: Float32Array) => bytesOf({data: values});

/** The same vector cut into pieces of whole blocks. */
function pieces(values: Float32Array, blocks: number): Array<{offset: number; data: Uint8Array}> {
	const all = bytes(values);
	const size = blocks * blockBytes;
	return Array.from({length: Math.ceil(all.length / size)}, (_, index) => ({
		offset: index * size,
		data: all.subarray(index * size, (index + 1) * size),
	}));
}

test('the weighted mean does not depend on how the vectors were cut nor on the order of the pieces', t => {
	fc.assert(
		fc.property(
			fc.array(fc.tuple(fc.integer({min: 1, max: 100}), fc.integer({min: 1, max: 3})), {minLength: 1, maxLength: 4}),
			fc.integer({min: 1, max: 5000}),
			fc.infiniteStream(fc.nat()),
			(senders, length, order) => {
				const vectors = senders.map(([weight], s) =>
					Float32Array.from({length}, (_, i) => Math.sin(i * 7 + s * weight)),
				);
				const aggregator = new MeanAggregator(length);
				const parcels = senders
					.flatMap(([weight, blocks], s) =>
						pieces(vectors[s]!, blocks).map(piece => ({sender: `s${s}`, weight, ...piece, rank: order.next().value})),
					)
					.sort((a, b) => a.rank - b.rank);
				for (const {sender, weight, offset, data} of [...parcels, ...parcels.slice(0, 2)]) {
					aggregator.add(sender, weight, offset, data);
				}
				const mean = new Float32Array(length);
				aggregator.mean(mean);
				const total = senders.reduce((sum, [weight]) => sum + weight, 0);
				for (let index = 0; index < length; index++) {
					const expected = senders.reduce((sum, [weight], s) => sum + weight * vectors[s]![index]!, 0) / total;
					t.true(Math.abs(mean[index]! - expected) <= 1e-6);
				}
				t.true(senders.every((_, s) => aggregator.complete(`s${s}`)));
			},
		),
		{numRuns: 60},
	);
});

test('a sender that stops half-way counts in the blocks that arrived and nowhere else', t => {
	const aggregator = new MeanAggregator(2048);
	aggregator.add('whole', 1, 0, bytes(new Float32Array(2048).fill(1)));
	aggregator.add('half', 3, 0, bytes(new Float32Array(1024).fill(5)));
	const mean = new Float32Array(2048);
	aggregator.mean(mean);
	t.is(mean[0], 4);
	t.is(mean[2047], 1);
	t.false(aggregator.complete('half'));
});

test('blocks that nobody sent keep what was there', t => {
	const aggregator = new MeanAggregator(2048);
	aggregator.add('half', 1, 4096, bytes(new Float32Array(1024).fill(5)));
	const out = new Float32Array(2048).fill(9);
	aggregator.mean(out);
	t.is(out[0], 9);
	t.is(out[1024], 5);
});

test('pieces off the block borders, beyond the end or without weight are refused', t => {
	const aggregator = new MeanAggregator(2000);
	const piece = new Uint8Array(4096);
	t.throws(() => aggregator.add('x', 1, 100, piece), {code: 'WIRE_INVALID'});
	t.throws(() => aggregator.add('x', 1, 4096, piece), {code: 'WIRE_INVALID'});
	t.throws(() => aggregator.add('x', 0, 0, piece), {code: 'WIRE_INVALID'});
	t.throws(() => aggregator.add('x', Number.NaN, 0, piece), {code: 'WIRE_INVALID'});
	t.notThrows(() => aggregator.add('x', 1, 4096, new Uint8Array(8000 - 4096)));
});

test('unaligned pieces are read right', t => {
	const aggregator = new MeanAggregator(1024);
	const shifted = Buffer.alloc(4097);
	shifted.set(bytes(new Float32Array(1024).fill(2.5)), 1);
	aggregator.add('x', 1, 0, shifted.subarray(1));
	const mean = new Float32Array(1024);
	aggregator.mean(mean);
	t.true(mean.every(value => value === 2.5));
});
