/**
 * An MQTT PUBLISH whose payload comes in pieces. mqtt.js takes a payload as one buffer only, and joining the header and
 * the data of a tensor's chunk would copy every tensor once more. mqtt.js writes each packet in one go, so a packet
 * written between two of its own is in its place.
 */
import type {Writable} from 'node:stream';
import {payloadBytes} from './common.js';

/** QoS 0 (MQTT 3.1.1, 3.3): type and flags, remaining length, topic, and no packet identifier. */
export function publishHeader(topic: string, bytes: number, retain: boolean): Buffer {
	const name = Buffer.from(topic);
	const head = [0x30 | (retain ? 1 : 0)];
	let rest = 2 + name.length + bytes;
	do {
		const digit = rest % 128;
		rest = Math.floor(rest / 128);
		head.push(rest > 0 ? digit | 0x80 : digit);
	} while (rest > 0);
	head.push(name.length >> 8, name.length & 0xff);
	return Buffer.concat([Buffer.from(head), name]);
}

/** Calls back when the stream has room again. */
export function writePieces(
	stream: Writable,
	topic: string,
	pieces: readonly Uint8Array[],
	retain: boolean,
	callback: () => void,
): void {
	stream.cork();
	let room = stream.write(publishHeader(topic, payloadBytes(pieces), retain));
	for (const piece of pieces) {
		room = stream.write(piece);
	}
	stream.uncork();
	if (room) {
		callback();
	} else {
		stream.once('drain', callback);
	}
}
