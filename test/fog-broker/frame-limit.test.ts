import test from 'ava';
import fc from 'fast-check';
import {FrameScanner} from '../../fog-broker/frame-limit.js';

const limits = {maxFrameBytes: 1000, maxConnectBytes: 100};

/** An MQTT frame of a type with so many bytes of content. */
function frame(type: number, length: number): Buffer {
	const head = [type << 4];
	let rest = length;
	do {
		head.push(rest > 127 ? (rest % 128) | 0x80 : rest);
		rest = Math.floor(rest / 128);
	} while (rest > 0);
	return Buffer.concat([Buffer.from(head), Buffer.alloc(length, 0xff)]);
}

const connect = frame(1, 30);

test('frames within the limit pass, however the stream is cut', t => {
	fc.assert(
		fc.property(
			fc.array(fc.record({type: fc.integer({min: 2, max: 14}), length: fc.nat(1000)}), {maxLength: 8}),
			fc.array(fc.integer({min: 1, max: 300}), {minLength: 1}),
			(frames, cuts) => {
				const bytes = Buffer.concat([connect, ...frames.map(({type, length}) => frame(type, length))]);
				const scanner = new FrameScanner(limits);
				for (let at = 0, cut = 0; at < bytes.length; cut++) {
					const step = cuts[cut % cuts.length]!;
					t.is(scanner.scan(bytes.subarray(at, at + step)), undefined);
					at += step;
				}
				t.false(scanner.within);
			},
		),
	);
});

test('a frame beyond the limit is refused at its header, before its content comes', t => {
	const scanner = new FrameScanner(limits);
	t.is(scanner.scan(connect), undefined);
	t.regex(scanner.scan(frame(3, 1001).subarray(0, 3)) ?? '', /1001 bytes or more, the limit is 1000/u);
});

test('a giant is refused as soon as its length cannot be small any more', t => {
	const scanner = new FrameScanner(limits);
	scanner.scan(connect);
	t.is(scanner.scan(Buffer.from([0x30, 0xff])), undefined);
	t.truthy(scanner.scan(Buffer.from([0xff])));
});

test('a length field of more than four bytes is refused', t => {
	const scanner = new FrameScanner({maxFrameBytes: 2 ** 30, maxConnectBytes: 2 ** 30});
	scanner.scan(connect);
	t.regex(scanner.scan(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01])) ?? '', /four bytes/u);
});

test('a stranger must present itself, briefly', t => {
	t.regex(new FrameScanner(limits).scan(frame(3, 10)) ?? '', /no CONNECT/u);
	t.regex(new FrameScanner(limits).scan(frame(1, 101)) ?? '', /101 bytes/u);
	t.regex(new FrameScanner(limits).scan(Buffer.from('GET / HTTP/1.1\r\n')) ?? '', /no CONNECT/u);
});

test('it knows whether a frame has begun and not ended', t => {
	const scanner = new FrameScanner(limits);
	t.false(scanner.within);
	scanner.scan(connect.subarray(0, 1));
	t.true(scanner.within);
	scanner.scan(connect.subarray(1));
	t.false(scanner.within);
	scanner.scan(frame(3, 10).subarray(0, 5));
	t.true(scanner.within);
});
