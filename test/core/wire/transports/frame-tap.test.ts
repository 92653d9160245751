import {randomBytes} from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import {FrameTap} from '../../../../core/wire/transports/frame-tap.js';
import {publishHeader} from '../../../../core/wire/transports/pieces.js';
import {ReadSpace} from '../../../../core/wire/transports/read-space.js';

const maxPayloadBytes = 2000;

function tapOf() {
	const taken: string[] = [];
	const tap = new FrameTap({
		wants: topic => topic.startsWith('tensor/'),
		onMessage: (topic, payload) => taken.push(`${topic} ${Buffer.from(payload).toString('hex')}`),
		maxPayloadBytes,
	});
	return {tap, taken};
}

const publish = (topic: string, payload: Buffer, flags = 0) => {
	const header = publishHeader(topic, payload.length, false);
	header[0]! |= flags;
	return Buffer.concat([header, payload]);
};

/** A frame, and whether the tap should take it. */
const frame = fc
	.record({
		topic: fc.constantFrom(
			'tensor/a',
			'tensor/bob',
			'control/a',
			`tensor/${'x'.repeat(300)}`,
			`tensor/${'x'.repeat(600)}`,
		),
		size: fc.oneof(fc.nat(20), fc.nat(maxPayloadBytes + 100)),
		flags: fc.constantFrom(0, 0, 0, 1, 2, 8),
		other: fc.boolean(),
	})
	.map(({topic, size, flags, other}) => {
		if (other) {
			// PINGRESP and PUBACK.
			return {bytes: size % 2 ? Buffer.from([0xd0, 0]) : Buffer.from([0x40, 2, 0, 7]), message: undefined};
		}
		const payload = randomBytes(size);
		const wanted = topic.startsWith('tensor/') && topic.length < 500 && flags === 0 && size <= maxPayloadBytes;
		return {
			bytes: publish(topic, payload, flags),
			message: wanted ? `${topic} ${payload.toString('hex')}` : undefined,
		};
	});

test('wanted messages are taken out, all else passes unchanged and in order, however the stream is cut', t => {
	fc.assert(
		fc.property(
			fc.array(frame, {maxLength: 12}),
			fc.array(fc.oneof(fc.integer({min: 1, max: 9}), fc.integer({min: 1, max: 4000})), {minLength: 1, maxLength: 20}),
			(frames, cuts) => {
				const stream = Buffer.concat(frames.map(({bytes}) => bytes));
				const {tap, taken} = tapOf();
				const passed: Buffer[] = [];
				// One buffer for all reads, as a socket would use it.
				const reused = Buffer.alloc(4000);
				for (let at = 0, index = 0; at < stream.length; index++) {
					const size = Math.min(cuts[index % cuts.length]!, stream.length - at);
					stream.copy(reused, 0, at, at + size);
					tap.push(reused.subarray(0, size), bytes => passed.push(Buffer.from(bytes)));
					at += size;
				}
				const messages = frames.flatMap(({message}) => message ?? []);
				t.deepEqual(taken, messages);
				const rest = frames.filter(({message}) => message === undefined).map(({bytes}) => bytes);
				t.true(Buffer.concat(passed).equals(Buffer.concat(rest)));
			},
		),
		{numRuns: 500},
	);
});

test('nothing changes when frames are left where they were read until they are whole, whatever room there is', t => {
	fc.assert(
		fc.property(
			fc.array(frame, {maxLength: 12}),
			fc.array(fc.oneof(fc.integer({min: 1, max: 9}), fc.integer({min: 1, max: 4000})), {minLength: 1, maxLength: 20}),
			fc.integer({min: 1, max: 5000}),
			(frames, cuts, room) => {
				const stream = Buffer.concat(frames.map(({bytes}) => bytes));
				const {tap, taken} = tapOf();
				const passed: Buffer[] = [];
				const space = new ReadSpace(room);
				for (let at = 0, index = 0; at < stream.length; index++) {
					const target = space.room();
					const size = Math.min(cuts[index % cuts.length]!, target.length, stream.length - at);
					t.true(size > 0, 'there must be room for every read');
					stream.copy(target, 0, at, at + size);
					at += size;
					const {done, wanted} = tap.push(space.filled(size), bytes => passed.push(Buffer.from(bytes)), true);
					space.release(done, wanted);
				}
				t.deepEqual(
					taken,
					frames.flatMap(({message}) => message ?? []),
				);
				const rest = frames.filter(({message}) => message === undefined).map(({bytes}) => bytes);
				t.true(Buffer.concat(passed).equals(Buffer.concat(rest)));
			},
		),
		{numRuns: 500},
	);
});

test('garbage goes on to mqtt.js, which knows what to do with it', t => {
	fc.assert(
		fc.property(fc.uint8Array({maxLength: 2000}), garbage => {
			const {tap} = tapOf();
			let passed = 0;
			tap.push(Buffer.from(garbage), bytes => {
				passed += bytes.length;
			});
			t.true(passed <= garbage.length);
		}),
	);
});
