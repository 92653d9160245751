/** Whole payloads that others send to this party: models, weights, files, kept until somebody takes them. */
import type {Clock} from '../clock.js';
import {FplError} from '../errors.js';
import {formatSi} from '../units.js';
import type {Acceptance, IncomingTransfer} from './tensor-link.js';

export interface InboxOptions {
	readonly clock: Clock;
	/** Largest payload taken, in bytes. */
	readonly maxBytes: number;
	/** Finished payloads that nobody has taken; the oldest goes when there are more. */
	readonly maxKept: number;
}

export interface Received {
	readonly data: Uint8Array;
	/** From the transfer's beginning to its last chunk. */
	readonly seconds: number;
}

interface Waiter {
	readonly resolve: (received: Received) => void;
	readonly reject: (error: FplError) => void;
}

export class Inbox {
	readonly #options: InboxOptions;
	readonly #finished = new Map<string, Received>();
	readonly #waiters = new Map<string, Set<Waiter>>();

	constructor(options: InboxOptions) {
		this.#options = options;
	}

	accept({id, bytes}: IncomingTransfer): Acceptance {
		if (this.#finished.has(id)) {
			return 'already';
		}
		if (bytes > this.#options.maxBytes) {
			return {refuse: `expected at most ${formatSi(this.#options.maxBytes, 'B')}, got ${formatSi(bytes, 'B')}`};
		}
		// On a multiple of four, so that float32 views of it need no copy.
		const data = new Uint8Array(new ArrayBuffer(bytes));
		const {clock} = this.#options;
		const began = clock.monotonic();
		return {
			chunk: (_sequence, offset, chunk) => data.set(chunk, offset),
			done: () => this.#finish(id, {data, seconds: (clock.monotonic() - began) / 1000}),
			abort: () => {},
		};
	}

	/**
	 * The payload of a transfer, now or when it has come. It is handed out once.
	 * @throws FplError `WIRE_TIMEOUT`, or `INTERRUPTED` when the signal aborts.
	 */
	take(id: string, deadlineMs: number, signal?: AbortSignal): Promise<Received> {
		const received = this.#finished.get(id);
		if (received) {
			this.#finished.delete(id);
			return Promise.resolve(received);
		}
		return new Promise((resolve, reject) => {
			const waiters = this.#waiters.get(id) ?? new Set();
			this.#waiters.set(id, waiters);
			const stop = () => {
				cancel();
				signal?.removeEventListener('abort', interrupted);
				waiters.delete(waiter);
				if (waiters.size === 0) {
					this.#waiters.delete(id);
				}
			};
			const waiter: Waiter = {
				resolve: received => {
					stop();
					resolve(received);
				},
				reject: error => {
					stop();
					reject(error);
				},
			};
			const interrupted = () => waiter.reject(new FplError('INTERRUPTED', {where: `waiting for ${id}`}));
			const cancel = this.#options.clock.after(deadlineMs, () =>
				waiter.reject(
					new FplError('WIRE_TIMEOUT', {where: id, expected: `the payload within ${deadlineMs} ms`, got: 'none'}),
				),
			);
			waiters.add(waiter);
			if (signal?.aborted) {
				interrupted();
			} else {
				signal?.addEventListener('abort', interrupted, {once: true});
			}
		});
	}

	#finish(id: string, received: Received): void {
		const waiters = this.#waiters.get(id);
		const [first] = waiters ?? [];
		if (first) {
			first.resolve(received);
			return;
		}
		this.#finished.set(id, received);
		const [oldest] = this.#finished.keys();
		if (this.#finished.size > this.#options.maxKept && oldest !== undefined) {
			this.#finished.delete(oldest);
		}
	}
}
