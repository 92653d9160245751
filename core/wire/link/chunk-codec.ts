/**
 * The bytes of a chunk's message, written by hand: protobufjs would copy the data into a buffer of its own size guess.
 * The header is the same for all chunks of a transfer but for number, checksum and length; the data are copied once.
 * `messages.proto` is the specification, and a test compares the bytes with protobufjs'.
 */
import zlib from 'node:zlib';
import type {DeviceId} from '../../ids.js';
import {protocolVersion} from '../message.js';

/** CRC-32 as in IEEE 802.3, zlib, PNG. */
export const crc32 = (data: Uint8Array): number => zlib.crc32(data);

/** Bytes that a chunk's message needs besides its data, at most: three names of up to 64, 64 and 128 bytes and tags. */
export const chunkOverheadBytes = 512;

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

/** Makes the messages of one transfer's chunks. */
export function chunkEncoder(
	from: DeviceId,
	to: DeviceId,
	transfer: string,
): (sequence: number, data: Uint8Array) => Buffer {
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
		const inner =
			name.length +
			(sequence === 0 ? 0 : 1 + varintSize(sequence)) +
			(crc === 0 ? 0 : 5) +
			(data.length === 0 ? 0 : 1 + varintSize(data.length) + data.length);
		const message = Buffer.allocUnsafe(envelope.length + varintSize(inner) + inner);
		let at = envelope.copy(message, 0);
		at = writeVarint(message, at, inner);
		at += name.copy(message, at);
		if (sequence !== 0) {
			message[at++] = tags.sequence;
			at = writeVarint(message, at, sequence);
		}
		if (crc !== 0) {
			message[at++] = tags.crc;
			at = message.writeUInt32LE(crc, at);
		}
		if (data.length > 0) {
			message[at++] = tags.data;
			at = writeVarint(message, at, data.length);
			message.set(data, at);
		}
		return message;
	};
}
