/**
 * The bytes of a chunk's message, written by hand so that the data need not be copied: a header, which is the same for
 * all chunks of a transfer but for number, checksum and length, and the data behind it as they are.
 * `messages.proto` is the specification, and a test compares the bytes with protobufjs'.
 */
import zlib from 'node:zlib';
import type {DeviceId} from '../../ids.js';
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

/** Makes the messages of one transfer's chunks, each in two pieces: header and data. */
export function chunkEncoder(
	from: DeviceId,
	to: DeviceId,
	transfer: string,
): (sequence: number, data: Uint8Array) => readonly [Buffer, Uint8Array] {
	const envelope = Buffer.concat([
		Buffer.from([tags.version, protocolVersion]),
		field(tags.from, from),
		field(tags.to, to),
		Buffer.from(tags.chunk),
	]);
	const name = field(tags.transfer, transfer);
	return (sequence, data) => {
		const crc = crc32(data);
		// Fields with their default value are left out, as proto3 does.
		const rest =
			name.length +
			(sequence === 0 ? 0 : 1 + varintSize(sequence)) +
			(crc === 0 ? 0 : 5) +
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
		if (data.length > 0) {
			header[at++] = tags.data;
			writeVarint(header, at, data.length);
		}
		return [header, data];
	};
}
