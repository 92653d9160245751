/** Takes chosen frames out of a stream of MQTT frames, each whole and as it came, in pieces where it came in pieces. */
import {maxHeadBytes, readHead} from '../../core/wire/transports/publish-head.js';

export interface DividerOptions<To> {
	/** Where a plain PUBLISH to this topic goes; undefined: it stays in the stream. */
	readonly route: (topic: string) => To | undefined;
	readonly take: (to: To, frame: readonly Buffer[]) => void;
}

export class FrameDivider<To> {
	readonly #options: DividerOptions<To>;
	/** The beginning of a frame that is too short to be understood. */
	#head: Buffer = Buffer.alloc(0);
	/** Bytes of the current frame that stay in the stream. */
	#staying = 0;
	/** The frame that is being taken out. */
	#taken: {readonly to: To; readonly pieces: Buffer[]; missing: number} | undefined;

	constructor(options: DividerOptions<To>) {
		this.#options = options;
	}

	/** @returns what stays, in order, as views of the chunk. The chunk must not be written over afterwards. */
	push(read: Buffer): Buffer[] {
		const chunk = this.#head.length > 0 ? Buffer.concat([this.#head, read]) : read;
		this.#head = chunk.subarray(0, 0);
		const rest: Buffer[] = [];
		let at = 0;
		/** Where the bytes that stay, and lie side by side, begin. */
		let from = 0;
		const keep = (to: number) => {
			if (to > from) {
				rest.push(chunk.subarray(from, to));
			}
		};
		while (at < chunk.length) {
			if (this.#staying > 0) {
				const end = Math.min(chunk.length, at + this.#staying);
				this.#staying -= end - at;
				at = end;
			} else if (this.#taken) {
				const end = Math.min(chunk.length, at + this.#taken.missing);
				keep(at);
				this.#taken.pieces.push(chunk.subarray(at, end));
				this.#taken.missing -= end - at;
				at = end;
				from = end;
				this.#deliver(this.#taken);
			} else {
				const head = readHead(chunk.subarray(at, at + maxHeadBytes));
				if (head.kind === 'short') {
					this.#head = Buffer.from(chunk.subarray(at));
					break;
				}
				const to = head.kind === 'publish' ? this.#options.route(head.topic) : undefined;
				if (to === undefined) {
					this.#staying = head.bytes;
				} else {
					this.#taken = {to, pieces: [], missing: head.bytes};
				}
			}
		}
		keep(at);
		return rest;
	}

	#deliver({to, pieces, missing}: {readonly to: To; readonly pieces: Buffer[]; readonly missing: number}): void {
		if (missing === 0) {
			this.#taken = undefined;
			this.#options.take(to, pieces);
		}
	}
}
