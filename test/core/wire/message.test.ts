import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import {isFplError} from '../../../core/errors.js';
import {runId} from '../../../core/ids.js';
import {type Kind, kinds, maxJsonLength, maxMessageBytes} from '../../../core/wire/bodies.js';
import {decode, encode, protocolVersion} from '../../../core/wire/message.js';
import {descriptor} from '../../../core/wire/messages_pb.js';
import {sampleBodies, sampleMessage} from './samples.js';

const fixtures = path.resolve(import.meta.dirname, '../../../../test/fixtures/wire');
const fixture = (kind: Kind) => path.join(fixtures, `${kind}.hex`);
const envelope = protobuf.Root.fromJSON(descriptor).lookupType('fpl.Envelope');

for (const kind of kinds) {
	test(`a ${kind} has the golden bytes and is read back from them`, t => {
		const message = sampleMessage(sampleBodies[kind]);
		const hex = Buffer.from(encode(message)).toString('hex');
		if (process.env['FPL_UPDATE_FIXTURES'] && !existsSync(fixture(kind))) {
			writeFileSync(fixture(kind), `${hex}\n`);
		}
		const golden = readFileSync(fixture(kind), 'utf8').trim();
		t.is(hex, golden);
		t.deepEqual(normal(decode(Buffer.from(golden, 'hex'))), normal(message));
	});
}

/** Byte fields as hex, since views of different classes compare as different. */
const normal = (message: object): unknown =>
	JSON.parse(
		JSON.stringify(message, (_, value) => (isBytes(value) ? Buffer.from(toBytes(value)).toString('hex') : value)),
	);
type JsonBuffer = {type: 'Buffer'; data: number[]};
const isBytes = (value: unknown): value is Uint8Array | JsonBuffer =>
	value instanceof Uint8Array ||
	(typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer');
const toBytes = (value: Uint8Array | JsonBuffer) => (value instanceof Uint8Array ? value : Uint8Array.from(value.data));

test('every purpose of a transfer survives the round trip', t => {
	const run = runId('r');
	for (const purpose of [
		{kind: 'model', run, digest: 'd'},
		{kind: 'weights', run, round: 4},
		{kind: 'file', run, name: 'ledger.json', digest: 'd'},
		{kind: 'boundary', run, attempt: 2, step: 4, key: 'f0:0.1>1.0', digest: 'd'},
		{kind: 'state', run, attempt: 2, key: '0@cam-1'},
	] as const) {
		const body = {...sampleBodies.begin, purpose};
		t.deepEqual(decode(encode(sampleMessage(body))).body, body);
	}
});

test('a loss that is no number reaches the reader', t => {
	for (const loss of [Number.NaN, Number.POSITIVE_INFINITY]) {
		const {body} = decode(encode(sampleMessage({...sampleBodies.roundReport, loss})));
		t.is(body.kind === 'roundReport' && body.loss, loss);
	}
});

test('numbers and texts of any size survive the round trip', t => {
	fc.assert(
		fc.property(
			fc.record({
				items: fc.maxSafeNat(),
				round: fc.nat(0xffff_ffff),
				radioJoules: fc.double({min: 0, noNaN: true, noDefaultInfinity: true}),
				energySource: fc.string({maxLength: 64, unit: 'grapheme-composite'}).filter(text => text.length <= 64),
			}),
			fields => {
				const body = {...sampleBodies.roundReport, ...fields};
				t.deepEqual(decode(encode(sampleMessage(body))).body, body);
			},
		),
	);
});

test('a sender that breaks the schema is told so, with the field', t => {
	const error = t.throws(() => encode(sampleMessage({...sampleBodies.ready, items: -1})));
	t.true(isFplError(error, 'WIRE_INVALID'));
	t.regex(error.message, /ready.*items/u);
});

test('a report of an agent that knows no gaps of meters is read', t => {
	const old = Buffer.from(
		'080112066162632d31371a0563616d2d31220b636f6f7264696e61746f7228fbd095ffbc31320578797a2d34aa039e010a11323032342d30352d30312d6c656e6574351003180721000000000000c03f28c00c306438dc0b42520a12090000000000000040110000000000002040121209000000000000e03f11000000000000f03f1a1209000000000000d03f11000000000000f03f221209000000000000c03f11000000000000d03f2a0049000000000000e03f52047261706c5890a10f60a0ef0f6880808080207203632d37',
		'hex',
	);
	const {body} = decode(old);
	t.like(body, {kind: 'roundReport', energySource: 'rapl', meterNote: '', bytesSent: 250_000});
	t.is(body.kind === 'roundReport' ? body.meteredSeconds : 0, undefined);
	t.is(body.kind === 'roundReport' ? body.batteryJoules : 0, undefined);
});

test('another protocol version is refused by name', t => {
	const bytes = envelope.encode({version: protocolVersion + 1, id: 'a', from: 'cam-1', ping: {}}).finish();
	const error = t.throws(() => decode(bytes));
	t.true(isFplError(error, 'WIRE_VERSION'));
	t.regex(error.message, /cam-1.*version 1, got 2/u);
});

test('a message that is too large is refused on both sides', t => {
	t.true(
		isFplError(
			t.throws(() => decode(new Uint8Array(maxMessageBytes + 1))),
			'WIRE_TOO_LARGE',
		),
	);
	const job = '€'.repeat(maxJsonLength);
	t.true(
		isFplError(
			t.throws(() => encode(sampleMessage({...sampleBodies.submit, job}))),
			'WIRE_TOO_LARGE',
		),
	);
});

test('no body, a bad party and a bad time are refused', t => {
	const base = {version: protocolVersion, id: 'a', from: 'cam-1', to: '', sentAtMs: 1};
	for (const fields of [
		base,
		{...base, from: 'a/b', ping: {}},
		{...base, to: '#', ping: {}},
		{...base, id: 'x'.repeat(65), ping: {}},
		{...base, begin: {transfer: 'a', bytes: 1, chunkBytes: 1}},
		{...base, fetch: {run: 'r', what: 9}},
	]) {
		const bytes = envelope.encode(fields).finish();
		t.true(
			isFplError(
				t.throws(() => decode(bytes)),
				'WIRE_INVALID',
			),
			JSON.stringify(fields),
		);
	}
});

/** Decoding must give a message or an FplError of the wire; anything else is a crash. */
function survives(bytes: Uint8Array): boolean {
	try {
		decode(bytes);
		return true;
	} catch (error) {
		return isFplError(error) && error.code.startsWith('WIRE_');
	}
}

test('random bytes never crash the decoder', t => {
	fc.assert(
		fc.property(fc.uint8Array({maxLength: 4096}), bytes => survives(bytes)),
		{numRuns: 3000},
	);
	t.pass();
});

test('flipped bits and cut ends never crash the decoder', t => {
	const encoded = kinds.map(kind => encode(sampleMessage(sampleBodies[kind])));
	fc.assert(
		fc.property(
			fc.nat(encoded.length - 1),
			fc.array(fc.nat(), {maxLength: 8}),
			fc.double({min: 0, max: 1, noNaN: true}),
			(which, flips, keep) => {
				const bytes = Uint8Array.from(encoded[which]!);
				for (const flip of flips) {
					const bit = flip % (bytes.length * 8);
					bytes[bit >> 3]! ^= 1 << (bit & 7);
				}
				return survives(bytes.subarray(0, Math.ceil(keep * bytes.length)));
			},
		),
		{numRuns: 5000},
	);
	t.pass();
});

test('hostile nesting and long lists of nothing are refused without much memory', t => {
	// Field 2000, wire type 3: groups that open and never close.
	const groups = Buffer.alloc(maxMessageBytes, Buffer.from([0x83, 0x7d]));
	const emptyEngines = Buffer.alloc(1_000_000, Buffer.from([0x4a, 0]));
	const birth = Buffer.concat([Buffer.from([0x08, 1, 0x1a, 1, 0x61, 0x52, 0xc0, 0x84, 0x3d]), emptyEngines]);
	const before = process.memoryUsage().rss;
	for (const bytes of [groups, birth]) {
		const error = t.throws(() => decode(bytes));
		t.true(isFplError(error, 'WIRE_INVALID'), String(error));
	}
	t.true(process.memoryUsage().rss - before < 200e6);
});
