/**
 * The bytes of a chunk's message, written by hand so that the data need not be copied: a header, which is the same for
 * all chunks of a transfer but for number, checksum and length, and the data behind it as they are. Reading is by hand
 * as well, since most of the traffic is chunks; whatever is laid out otherwise is left to the general decoder.
 * `messages.proto` is the specification, and tests compare the bytes with protobufjs'.
 */
import zlib from 'node:zlib';
import type {DeviceId} from '../../ids.js';
import type {BodyOf} from '../bodies.js';
import {protocolVersion} from '../message.js';

/** CRC-32 as in IEEE 802.3, zlib, PNG. */
export const crc32 = (data: Uint8Array): number => zlib.crc32(data);

/** Bytes that a chunk's message needs besides its data, at most: names of 64, 64 and 3 × 128 bytes, numbers and tags. */
export const chunkOverheadBytes = 600;

/** Protobuf tag bytes: field number × 8 + wire type, as varints. */
const tags = {
	version: 0x08,
	from: 0x1a,
	to: 0x22,
	chunk: [0xaa, 0x06],
	transfer: 0x0a,
	sequence: 0x10,
	crc: 0x1d,
	ask: 0x20,
	data: 0x7a,
};

function varintSize(value: number): number {
	let size = 1;
	for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) {
		size++;
	}
	return size;
}

function writeVarint(target: Uint8Array, at: number, value: number): number {
	let rest = value;
	while (rest > 0x7f) {
		target[at++] = (rest % 128) | 0x80;
		rest = Math.floor(rest / 128);
	}
	target[at++] = rest;
	return at;
}

function field(tag: number, text: string): Buffer {
	const bytes = Buffer.from(text);
	const head = Buffer.alloc(1 + varintSize(bytes.length), tag);
	writeVarint(head, 1, bytes.length);
	return Buffer.concat([head, bytes]);
}

/** What every chunk's message from one party to another begins with. */
export const chunkEnvelope = (from: DeviceId, to: DeviceId): Buffer =>
	Buffer.concat([
		Buffer.from([tags.version, protocolVersion]),
		field(tags.from, from),
		field(tags.to, to),
		Buffer.from(tags.chunk),
	]);

/** Makes the messages of one transfer's chunks, each in two pieces: header and data. */
export function chunkEncoder(
	from: DeviceId,
	to: DeviceId,
	transfer: string,
): (sequence: number, data: Uint8Array, ask: boolean) => readonly [Buffer, Uint8Array] {
	const envelope = chunkEnvelope(from, to);
	const name = field(tags.transfer, transfer);
	return (sequence, data, ask) => {
		const crc = crc32(data);
		// Fields with their default value are left out, as proto3 does.
		const rest =
			name.length +
			(sequence === 0 ? 0 : 1 + varintSize(sequence)) +
			(crc === 0 ? 0 : 5) +
			(ask ? 2 : 0) +
			(data.length === 0 ? 0 : 1 + varintSize(data.length));
		const chunk = rest + data.length;
		const header = Buffer.allocUnsafe(envelope.length + varintSize(chunk) + rest);
		let at = envelope.copy(header, 0);
		at = writeVarint(header, at, chunk);
		at += name.copy(header, at);
		if (sequence !== 0) {
			header[at++] = tags.sequence;
			at = writeVarint(header, at, sequence);
		}
		if (crc !== 0) {
			header[at++] = tags.crc;
			at = header.writeUInt32LE(crc, at);
		}
		if (ask) {
			header[at++] = tags.ask;
			header[at++] = 1;
		}
		if (data.length > 0) {
			header[at++] = tags.data;
			writeVarint(header, at, data.length);
		}
		return [header, data];
	};
}

/** A cursor over bytes; a value beyond the end is undefined. */
class Reader {
	readonly bytes: Buffer;
	at: number;

	constructor(bytes: Buffer, at: number) {
		this.bytes = bytes;
		this.at = at;
	}

	/** Whether the next byte is this tag, which is then behind. */
	takes(tag: number): boolean {
		if (this.bytes[this.at] !== tag) {
			return false;
		}
		this.at++;
		return true;
	}

	/** An unsigned number of up to 32 bits. */
	varint(): number | undefined {
		let value = 0;
		for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
			const byte = this.bytes[this.at++];
			if (byte === undefined) {
				return undefined;
			}
			value += (byte & 0x7f) * scale;
			if (byte < 0x80) {
				return value <= 0xffff_ffff ? value : undefined;
			}
		}
		return undefined;
	}

	/** So many bytes, as a view. */
	slice(length: number | undefined): Buffer | undefined {
		const from = this.at;
		if (length === undefined || from + length > this.bytes.length) {
			return undefined;
		}
		this.at += length;
		return this.bytes.subarray(from, this.at);
	}
}

const nothing = Buffer.alloc(0);

/**
 * Reads a chunk's message laid out as `chunkEncoder` does.
 * @param envelope `chunkEnvelope` of the parties that the topic names.
 * @returns undefined for anything else: the general decoder says what it is.
 */
export function readChunk(payload: Uint8Array, envelope: Buffer): BodyOf<'chunk'> | undefined {
	const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
	if (bytes.length < envelope.length || envelope.compare(bytes, 0, envelope.length) !== 0) {
		return undefined;
	}
	const reader = new Reader(bytes, envelope.length);
	const size = reader.varint();
	if (size === undefined || reader.at + size !== bytes.length || !reader.takes(tags.transfer)) {
		return undefined;
	}
	const name = reader.slice(reader.varint());
	// Only ASCII is read here: decoders differ in what they make of invalid UTF-8.
	const transfer = name?.every(byte => byte < 0x80) ? name.toString('latin1') : undefined;
	const sequence = reader.takes(tags.sequence) ? reader.varint() : 0;
	const crc = reader.takes(tags.crc) ? reader.slice(4)?.readUInt32LE() : 0;
	// Nobody writes a false one; if somebody does, the general decoder reads it.
	const ask = reader.takes(tags.ask) && reader.takes(1);
	const data = reader.takes(tags.data) ? reader.slice(reader.varint()) : nothing;
	const complete = transfer !== undefined && sequence !== undefined && crc !== undefined && data !== undefined;
	return complete && reader.at === bytes.length && transfer.length > 0 && transfer.length <= 128
		? {kind: 'chunk', transfer, sequence, crc, ask, data}
		: undefined;
}
