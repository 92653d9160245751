/**
 * A limit on MQTT frames in front of the broker, which has none of its own: it would buffer whatever a client announces,
 * up to 256 MiB each. The fixed header (MQTT 3.1.1, section 2.2) says how long a frame is before its content comes.
 */
import type {Duplex} from 'node:stream';

const connectType = 1;

export interface FrameLimits {
	/** Largest frame, fixed header excluded. */
	readonly maxFrameBytes: number;
	/** Largest CONNECT, which comes from somebody still unknown. */
	readonly maxConnectBytes: number;
}

/** Follows the frames in a stream of bytes, looking at their headers only. */
export class FrameScanner {
	readonly #limits: FrameLimits;
	/** Content of the current frame that is still to come. */
	#remaining = 0;
	/** Header being read: its type, and its length field so far. */
	#type: number | undefined;
	#length = 0;
	#shift = 0;
	#first = true;

	constructor(limits: FrameLimits) {
		this.#limits = limits;
	}

	/** Whether a frame has begun and is not complete. */
	get within(): boolean {
		return this.#remaining > 0 || this.#type !== undefined;
	}

	/** What is wrong with the bytes, or undefined. After a violation the stream must not be used any more. */
	scan(chunk: Uint8Array): string | undefined {
		let at = 0;
		while (at < chunk.length) {
			if (this.#remaining > 0) {
				const step = Math.min(this.#remaining, chunk.length - at);
				this.#remaining -= step;
				at += step;
				continue;
			}
			const byte = chunk[at++]!;
			if (this.#type === undefined) {
				this.#type = byte >> 4;
				this.#length = 0;
				this.#shift = 0;
				if (this.#first && this.#type !== connectType) {
					return 'the first packet is no CONNECT';
				}
				continue;
			}
			// Remaining length: seven bits per byte, least significant first, at most four bytes (2.2.3).
			this.#length += (byte & 0x7f) * 2 ** this.#shift;
			this.#shift += 7;
			const limit = this.#first ? this.#limits.maxConnectBytes : this.#limits.maxFrameBytes;
			if (this.#length > limit) {
				return `a frame of ${this.#length} bytes or more, the limit is ${limit}`;
			}
			if (byte & 0x80) {
				if (this.#shift === 28) {
					return 'a length field of more than four bytes';
				}
				continue;
			}
			this.#type = undefined;
			this.#first = false;
			this.#remaining = this.#length;
		}
		return undefined;
	}
}

export interface LimitedStream {
	/** Milliseconds (monotonic) since when the client owes the rest of a frame; undefined when it owes nothing. */
	readonly owesSince: number | undefined;
}

/**
 * Puts the limit in front of whoever reads the stream. The bytes themselves are not copied: `read` is the only way by
 * which the broker takes them, so it is there that they are looked at.
 */
export function limitFrames(
	stream: Duplex,
	limits: FrameLimits,
	now: () => number,
	onViolation: (what: string) => void,
): LimitedStream {
	const scanner = new FrameScanner(limits);
	const read = stream.read.bind(stream);
	let owesSince: number | undefined;
	stream.read = (size?: number) => {
		const chunk: unknown = read(size);
		if (!(chunk instanceof Uint8Array)) {
			return chunk;
		}
		const violation = scanner.scan(chunk);
		if (violation !== undefined) {
			onViolation(violation);
			stream.destroy();
			return null;
		}
		owesSince = scanner.within ? (owesSince ?? now()) : undefined;
		return chunk;
	};
	return {
		get owesSince() {
			return owesSince;
		},
	};
}
