import {randomBytes} from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import {deviceId} from '../../../../core/ids.js';
import {
	chunkEncoder,
	chunkEnvelope,
	chunkOverheadBytes,
	crc32,
	readChunk,
} from '../../../../core/wire/link/chunk-codec.js';
import {ChunkSet} from '../../../../core/wire/link/chunk-set.js';
import {defaultPacing, Pacing} from '../../../../core/wire/link/pacing.js';
import {maxSpan, Schedule} from '../../../../core/wire/link/schedule.js';
import {decode, protocolVersion} from '../../../../core/wire/message.js';
import {descriptor} from '../../../../core/wire/messages_pb.js';

const envelope = protobuf.Root.fromJSON(descriptor).lookupType('fpl.Envelope');
const name = (maxLength: number) =>
	fc.stringMatching(/^[a-z0-9]+$/u, {maxLength}).filter(text => text.length <= maxLength);

test('the checksum is the standard one', t => {
	t.is(crc32(Buffer.from('123456789')), 0xcbf4_3926);
});

test('chunks have the bytes that protobufjs would write, and are read back', t => {
	fc.assert(
		fc.property(
			name(64),
			name(64),
			fc.string({minLength: 1, maxLength: 128}),
			fc.nat(0xffff_ffff),
			fc.uint8Array({maxLength: 300}),
			fc.boolean(),
			(from, to, transfer, sequence, data, ask) => {
				const bytes = Buffer.concat(chunkEncoder(deviceId(from), deviceId(to), transfer)(sequence, data, ask));
				const chunk = {transfer, sequence, crc: crc32(data), ask, data};
				const expected = envelope.encode({version: protocolVersion, from, to, chunk}).finish();
				t.true(bytes.equals(expected));
				const {body} = decode(bytes);
				t.true(body.kind === 'chunk' && body.sequence === sequence && Buffer.from(data).equals(body.data));
				const read = readChunk(bytes, chunkEnvelope(deviceId(from), deviceId(to)));
				t.deepEqual(read && {...read, data: [...read.data]}, {
					kind: 'chunk',
					transfer,
					sequence,
					crc: crc32(data),
					ask,
					data: [...data],
				});
			},
		),
		{numRuns: 300},
	);
});

test('the quick reading of chunks finds what the general one finds, or leaves it alone', t => {
	const [from, to] = [deviceId('a'), deviceId('b')];
	const envelopeBytes = chunkEnvelope(from, to);
	const chunk = Buffer.concat(chunkEncoder(from, to, 'transfer')(300, randomBytes(40), true));
	let quick = 0;
	fc.assert(
		fc.property(fc.array(fc.nat(), {maxLength: 4}), fc.nat(chunk.length), (flips, keep) => {
			const bytes = Buffer.from(chunk);
			for (const flip of flips) {
				const bit = flip % (bytes.length * 8);
				bytes[bit >> 3]! ^= 1 << (bit & 7);
			}
			const given = keep % 3 === 0 ? bytes.subarray(0, keep) : bytes;
			const read = readChunk(given, envelopeBytes);
			if (read) {
				quick++;
				const {body, ...rest} = decode(given);
				t.deepEqual([rest.from, rest.to], [from, to]);
				t.true(body.kind === 'chunk' && Buffer.from(read.data).equals(body.data));
				t.deepEqual({...body, data: 0}, {...read, data: 0});
			}
		}),
		{numRuns: 3000},
	);
	t.true(quick > 100, `${quick}`);
	// As another implementation may write it: the fields in another order.
	t.is(readChunk(Buffer.concat([Buffer.from([0x12, 1, 0x78]), chunk]), envelopeBytes), undefined);
});

test('a chunk needs no more than the overhead that is reserved for it', t => {
	const long = deviceId('x'.repeat(64));
	// 128 characters may take three bytes each.
	const [header] = chunkEncoder(long, long, '€'.repeat(128))(0xffff_ffff, new Uint8Array(1024 * 1024), true);
	t.true(header.length > 500 && header.length <= chunkOverheadBytes);
});

test('a snapshot of a chunk set, merged into another, carries everything within the span', t => {
	fc.assert(
		fc.property(fc.nat(3000), fc.array(fc.nat(3000), {maxLength: 300}), fc.nat(400), (size, indices, prefix) => {
			const set = new ChunkSet(size);
			for (let index = 0; index < Math.min(prefix, size); index++) {
				set.add(index);
			}
			const model = new Set(Array.from({length: Math.min(prefix, size)}, (_, index) => index));
			for (const index of indices) {
				t.is(set.add(index), index < size && !model.has(index));
				if (index < size) {
					model.add(index);
				}
			}
			t.is(set.count, model.size);
			t.is(set.complete, model.size === size);
			const copy = new ChunkSet(size);
			const added = copy.merge(set.snapshot(maxSpan));
			t.is(new Set(added).size, added.length);
			const expected = [...model].filter(index => index < set.cumulative + 1 + maxSpan).length;
			t.is(copy.count, expected);
			t.true(set.snapshot(maxSpan).bitmap.length <= maxSpan / 8);
		}),
	);
});

test('a hostile acknowledgment cannot leave the set', t => {
	const set = new ChunkSet(10);
	set.merge({cumulative: 0xffff_ffff, bitmap: randomBytes(200)});
	t.is(set.count, 10);
	t.true(set.complete);
});

test('the schedule sends everything once when nothing is lost, and no more than the window at a time', t => {
	const acked = new ChunkSet(100);
	const schedule = new Schedule(acked);
	const sent: number[] = [];
	while (!acked.complete) {
		for (let next = schedule.pick(7); next !== undefined; next = schedule.pick(7)) {
			schedule.sent(next, 0, 7);
			sent.push(next);
		}
		t.true(schedule.flying <= 7);
		const first = sent.find(index => !acked.has(index))!;
		schedule.acknowledged(acked.merge({cumulative: first + 1, bitmap: new Uint8Array(0)}), 1);
	}
	t.deepEqual(
		sent,
		Array.from({length: 100}, (_, index) => index),
	);
	t.is(schedule.repeats, 0);
});

test('a chunk overtaken by many later ones is sent again before new ones', t => {
	const acked = new ChunkSet(100);
	const schedule = new Schedule(acked);
	for (let index = 0; index < 20; index++) {
		schedule.sent(schedule.pick(64)!, index, 64);
	}
	// All but chunk 3 have come.
	const added = acked.merge({cumulative: 3, bitmap: Buffer.from([0xff, 0xff, 0])});
	const {lost, sample} = schedule.acknowledged(added, 30);
	t.true(lost);
	t.is(typeof sample, 'number');
	t.is(schedule.pick(64), 3);
	schedule.sent(3, 31, 64);
	t.is(schedule.pick(64), 20);
	t.is(schedule.repeats, 1);
});

test('acknowledgments are asked for a few times per window, and not for the last window', t => {
	const acked = new ChunkSet(100);
	const schedule = new Schedule(acked);
	const asked: number[] = [];
	for (let done = 0; done < 100; done++) {
		const next = schedule.pick(16)!;
		if (schedule.sent(next, 0, 16)) {
			asked.push(next);
		}
		if (schedule.flying === 16) {
			schedule.acknowledged(acked.merge({cumulative: next - 7, bitmap: new Uint8Array(0)}), 0);
		}
	}
	t.deepEqual(
		asked,
		Array.from({length: asked.length}, (_, index) => 3 + 4 * index),
	);
	t.true(asked.at(-1)! >= 80 && asked.at(-1)! < 96, `${asked.at(-1)}`);
});

test('the time that a chunk waits on this machine for others is no delay of its own', t => {
	const schedule = new Schedule(new ChunkSet(2));
	schedule.sent(0, 0, 8);
	schedule.sent(1, 0, 8);
	schedule.left(0, 1000);
	t.true(schedule.expire(500), 'chunk 1 left at 0');
	t.is(schedule.oldest, 1000);
	t.deepEqual(schedule.acknowledged([0], 1030), {sample: 30, lost: false});
});

test('silence expires chunks, and new ones do not run further ahead than acknowledgments can show', t => {
	const acked = new ChunkSet(5000);
	const schedule = new Schedule(acked);
	for (let next = schedule.pick(1e9); next !== undefined; next = schedule.pick(1e9)) {
		schedule.sent(next, next, 1e9);
	}
	t.is(schedule.flying, maxSpan);
	t.is(schedule.oldest, 0);
	t.true(schedule.expire(9));
	t.is(schedule.flying, maxSpan - 10);
	t.is(schedule.pick(1e9), 0);
});

test('the window grows with acknowledgments, halves once per round trip, and timeouts back off', t => {
	const pacing = new Pacing(defaultPacing);
	t.is(pacing.window, defaultPacing.firstWindow);
	t.is(pacing.rtoMs, defaultPacing.firstRtoMs);
	pacing.acknowledged(8, 100, 64);
	t.is(pacing.window, 16);
	t.is(pacing.rtoMs, 300);
	for (let index = 0; index < 10; index++) {
		pacing.acknowledged(16, 100, 64);
	}
	t.is(pacing.window, 64);
	pacing.lost(1000, true);
	pacing.lost(1050, true);
	t.is(pacing.window, 32);
	t.is(pacing.rtoMs, 600);
	pacing.acknowledged(1, 100, 20);
	t.is(pacing.window, 20);
	t.is(pacing.rtoMs, 300);
});

test('round trips that are all alike and long leave as much patience again', t => {
	const pacing = new Pacing(defaultPacing);
	for (let index = 0; index < 100; index++) {
		pacing.acknowledged(2, 900, 64);
	}
	t.true(pacing.rtoMs >= 1799 && pacing.rtoMs <= 1801, `${pacing.rtoMs}`);
});

test('what was learnt about a party is kept for the next transfer', t => {
	const before = new Pacing(defaultPacing);
	before.acknowledged(8, 900, 64);
	before.acknowledged(16, 900, 64);
	const next = new Pacing(defaultPacing, before);
	t.is(next.window, 32);
	t.is(next.rtoMs, before.rtoMs);
	before.acknowledged(8, 100, 4);
	t.is(new Pacing(defaultPacing, before).window, defaultPacing.firstWindow);
});

test('the window stops growing when chunks begin to queue, and shrinks when they queue for long', t => {
	const pacing = new Pacing(defaultPacing);
	pacing.acknowledged(8, 100, 64);
	pacing.acknowledged(8, 240, 64);
	t.is(pacing.window, 24);
	pacing.acknowledged(8, 260, 64);
	t.is(pacing.window, 24);
	pacing.acknowledged(8, 600, 64);
	t.is(pacing.window, 23);
	for (let index = 0; index < 100; index++) {
		pacing.acknowledged(8, 900, 64);
	}
	t.is(pacing.window, 2);
	pacing.acknowledged(8, 100, 64);
	t.is(pacing.window, 10);
});
