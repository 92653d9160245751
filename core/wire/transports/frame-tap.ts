/**
 * Takes the messages of chosen topics out of a stream of MQTT frames before mqtt.js sees it. mqtt.js makes a new buffer
 * for every payload; with tensors these buffers are most of the work of receiving (allocation, page faults, collection).
 * Here the payload lies in one buffer that is used again and again, and the handler sees it during its call: in the buffer that
 * the socket was read into, or in one of the tap's own where the stream hands out pieces.
 */
import type {Duplex, Writable} from 'node:stream';
import {maxHeadBytes, readHead} from './publish-head.js';
import {ReadSpace} from './read-space.js';

export interface TapOptions {
	/** Whether messages to this topic are taken out. Only QoS 0, not retained, not repeated ones are asked for. */
	readonly wants: (topic: string) => boolean;
	/** `payload` is valid during the call only. */
	readonly onMessage: (topic: string, payload: Uint8Array) => void;
	/** Larger messages are left to mqtt.js. */
	readonly maxPayloadBytes: number;
}

/** What is known of the frame at the head of the stream. */
type Frame =
	| {readonly kind: 'short'}
	| {readonly kind: 'pass'; readonly bytes: number}
	| {readonly kind: 'take'; readonly topic: string; readonly headBytes: number; readonly payloadBytes: number};

export class FrameTap {
	readonly #options: TapOptions;
	/** The beginning of a frame that is too short to be understood. */
	readonly #head = Buffer.alloc(maxHeadBytes);
	#headBytes = 0;
	/** Bytes of the current frame that go on to mqtt.js. */
	#passing = 0;
	/** The message being put together. */
	#topic: string | undefined;
	#payload: Buffer = Buffer.alloc(0);
	#filled = 0;
	#wanted = 0;

	constructor(options: TapOptions) {
		this.#options = options;
	}

	/**
	 * @param passOn gets what is not taken, in order, as views of the chunk or of an inner buffer: to be copied or used at once.
	 * @param keep whether the next chunk begins with what this one leaves over: then incomplete messages are left there.
	 * @returns bytes that are done with; and bytes that the message left over will have when it is complete.
	 */
	push(chunk: Buffer, passOn: (bytes: Buffer) => void, keep = false): {readonly done: number; readonly wanted: number} {
		let at = 0;
		while (at < chunk.length) {
			if (this.#passing > 0) {
				const end = Math.min(chunk.length, at + this.#passing);
				passOn(chunk.subarray(at, end));
				this.#passing -= end - at;
				at = end;
			} else if (this.#topic !== undefined) {
				at = this.#fill(this.#topic, chunk, at);
			} else {
				const wanted = keep ? this.#incomplete(chunk, at) : 0;
				if (wanted > 0) {
					return {done: at, wanted};
				}
				at = this.#begin(chunk, at, passOn);
			}
		}
		return {done: at, wanted: 0};
	}

	/** Bytes of the frame there, if it is to be taken, or may be, and its end is still to come; else 0. */
	#incomplete(chunk: Buffer, at: number): number {
		const frame = this.#read(chunk.subarray(at, at + maxHeadBytes));
		if (frame.kind === 'short') {
			return maxHeadBytes;
		}
		const bytes = frame.kind === 'take' ? frame.headBytes + frame.payloadBytes : 0;
		return at + bytes > chunk.length ? bytes : 0;
	}

	/** Adds to the message being put together; returns where the rest begins. */
	#fill(topic: string, chunk: Buffer, at: number): number {
		const end = Math.min(chunk.length, at + this.#wanted - this.#filled);
		chunk.copy(this.#payload, this.#filled, at, end);
		this.#filled += end - at;
		if (this.#filled === this.#wanted) {
			this.#topic = undefined;
			this.#options.onMessage(topic, this.#payload.subarray(0, this.#wanted));
		}
		return end;
	}

	/** Looks at the beginning of a frame; returns where the rest begins. */
	#begin(chunk: Buffer, at: number, passOn: (bytes: Buffer) => void): number {
		const before = this.#headBytes;
		// The head is gathered only where a chunk ends within it.
		const room = Math.min(maxHeadBytes - before, chunk.length - at);
		if (before > 0) {
			chunk.copy(this.#head, before, at, at + room);
		}
		const head = before > 0 ? this.#head.subarray(0, before + room) : chunk.subarray(at, at + room);
		const frame = this.#read(head);
		switch (frame.kind) {
			case 'short':
				if (before === 0) {
					head.copy(this.#head);
				}
				this.#headBytes = before + room;
				return at + room;
			case 'pass':
				this.#headBytes = 0;
				if (before > 0) {
					passOn(Buffer.from(this.#head.subarray(0, before)));
				}
				this.#passing = frame.bytes - before;
				return at;
			case 'take': {
				this.#headBytes = 0;
				const start = at + frame.headBytes - before;
				const end = start + frame.payloadBytes;
				if (end <= chunk.length) {
					this.#options.onMessage(frame.topic, chunk.subarray(start, end));
					return end;
				}
				if (this.#payload.length < frame.payloadBytes) {
					this.#payload = Buffer.allocUnsafeSlow(frame.payloadBytes);
				}
				this.#topic = frame.topic;
				this.#wanted = frame.payloadBytes;
				this.#filled = 0;
				return start;
			}
			default:
				return frame satisfies never;
		}
	}

	#read(bytes: Buffer): Frame {
		const head = readHead(bytes);
		if (head.kind === 'short') {
			return head;
		}
		const {maxPayloadBytes, wants} = this.#options;
		return head.kind === 'publish' && head.bytes - head.headBytes <= maxPayloadBytes && wants(head.topic)
			? {kind: 'take', topic: head.topic, headBytes: head.headBytes, payloadBytes: head.bytes - head.headBytes}
			: {kind: 'pass', bytes: head.bytes};
	}
}

/** How a socket is read: into memory of ours that is used again. `net.connect` takes it as `onread`. */
export interface ReusedRead {
	/** Asked before every read. */
	readonly buffer: () => Buffer;
	readonly callback: (count: number, buffer: Uint8Array) => boolean;
}

/** Opens a stream that reads as it is told, when it can, and says whether it does. */
export type StreamOpener = (read: ReusedRead) => {readonly stream: Duplex; readonly reuses: boolean};

/** Opens a stream with a tap between it and mqtt.js, which takes what comes in through `pipe` alone. */
export function tapped(open: StreamOpener, options: TapOptions): Duplex {
	const tap = new FrameTap(options);
	let destination: Writable | undefined;

	/** Stops reading while mqtt.js has more than it can work through. */
	function checkRoom(): boolean {
		if (!destination?.writableNeedDrain) {
			return true;
		}
		destination.once('drain', () => stream.resume());
		return false;
	}

	const space = new ReadSpace();
	const {stream, reuses} = open({
		buffer: () => space.room(),
		callback(count) {
			// The space is written over by later reads, and mqtt.js keeps what it gets.
			const {done, wanted} = tap.push(space.filled(count), bytes => destination?.write(Buffer.from(bytes)), true);
			space.release(done, wanted);
			return checkRoom();
		},
	});
	stream.pipe = <T extends NodeJS.WritableStream>(target: T): T => {
		destination = target as unknown as Writable;
		if (!reuses) {
			stream.on('data', (chunk: Buffer) => {
				tap.push(chunk, bytes => destination?.write(bytes));
				if (!checkRoom()) {
					stream.pause();
				}
			});
		}
		return target;
	};
	return stream;
}
