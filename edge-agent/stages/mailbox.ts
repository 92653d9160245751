/**
 * Boundary tensors on their way into the passes of a step: what peers send waits here until a pass takes it, and a pass waits
 * here until it has come. Holds a bounded number of bytes; what belongs to no step of now is refused.
 */
import type {Clock} from '../../core/clock.js';
import {FplError} from '../../core/errors.js';
import {formatSi} from '../../core/units.js';
import type {Acceptance, IncomingTransfer} from '../../core/wire/tensor-link.js';

/** Tensors by name, or the bytes of a bundle that is not yet read. */
export interface Letter<T> {
	readonly content: T;
	/** Bytes that it holds. */
	readonly bytes: number;
	/** Seconds from the first chunk to the last; 0 when it never travelled. */
	readonly seconds: number;
}

export interface MailboxOptions<T> {
	readonly clock: Clock;
	/** Bytes of letters that wait, those that are just arriving included. */
	readonly maxBytes: number;
	/** Steps beyond the one of now whose letters are taken; 1 by default. */
	readonly ahead?: number;
	/** Reads what came. @throws FplError `WIRE_INVALID`. */
	readonly open: (bytes: Uint8Array) => T;
	/** Waits as long as the device that is played goes on reading; undefined: it is done. */
	readonly opened?: (bytes: Uint8Array, seconds: number) => Promise<void> | undefined;
}

interface Waiter<T> {
	readonly resolve: (letter: Letter<T>) => void;
	readonly reject: (error: FplError) => void;
}

const keyOf = (step: number, key: string): string => `${step}/${key}`;

export class Mailbox<T> {
	readonly #options: MailboxOptions<T>;
	readonly #letters = new Map<string, Letter<T>>();
	readonly #waiters = new Map<string, Waiter<T>>();
	/** A letter that cannot be read, and nobody waited for yet: the step fails with the first who does. */
	#damaged: {readonly name: string; readonly damage: FplError} | undefined;
	#arriving = 0;
	#kept = 0;
	/** Letters of earlier steps come too late. */
	#step = 0;
	#closed = false;

	constructor(options: MailboxOptions<T>) {
		this.#options = options;
	}

	/** Bytes held and arriving. */
	get bytes(): number {
		return this.#kept + this.#arriving;
	}

	/** A boundary transfer announces itself. */
	accept({bytes}: IncomingTransfer, step: number, key: string): Acceptance {
		const {clock, maxBytes, ahead = 1} = this.#options;
		if (this.#closed || step < this.#step) {
			return {refuse: `step ${step} is over`};
		}
		if (step > this.#step + ahead) {
			return {refuse: `step ${step} is too early: this device works on step ${this.#step}`};
		}
		if (this.#letters.has(keyOf(step, key))) {
			return 'already';
		}
		if (this.bytes + bytes > maxBytes) {
			return {
				refuse: `expected at most ${formatSi(maxBytes, 'B')} waiting, got ${formatSi(this.bytes + bytes, 'B')}`,
			};
		}
		const data = new Uint8Array(new ArrayBuffer(bytes));
		const began = clock.monotonic();
		this.#arriving += bytes;
		let open = true;
		const close = () => {
			this.#arriving -= open ? bytes : 0;
			open = false;
		};
		return {
			chunk: (_sequence, offset, chunk) => data.set(chunk, offset),
			done: () => {
				close();
				this.#deliver(step, key, data, (clock.monotonic() - began) / 1000);
			},
			abort: close,
		};
	}

	/** Puts something into the box that did not travel. */
	put(step: number, key: string, content: T): void {
		this.#settle(keyOf(step, key), {content, bytes: 0, seconds: 0});
	}

	/** Takes a letter out, now or when it has come. @throws FplError `WIRE_TIMEOUT`, `INTERRUPTED`, `WIRE_INVALID`. */
	take(step: number, key: string, deadlineMs: number, signal: AbortSignal): Promise<Letter<T>> {
		const name = keyOf(step, key);
		const letter = this.#letters.get(name);
		if (letter) {
			this.#letters.delete(name);
			this.#kept -= letter.bytes;
			return Promise.resolve(letter);
		}
		if (this.#damaged?.name === name) {
			const {damage} = this.#damaged;
			this.#damaged = undefined;
			return Promise.reject(damage);
		}
		if (signal.aborted) {
			return Promise.reject(new FplError('INTERRUPTED', {where: `waiting for ${name}`}));
		}
		return new Promise((resolve, reject) => {
			const stop = () => {
				cancel();
				signal.removeEventListener('abort', interrupted);
				this.#waiters.delete(name);
			};
			const waiter: Waiter<T> = {
				resolve: arrived => {
					stop();
					resolve(arrived);
				},
				reject: error => {
					stop();
					reject(error);
				},
			};
			const interrupted = () => waiter.reject(new FplError('INTERRUPTED', {where: `waiting for ${name}`}));
			const cancel = this.#options.clock.after(deadlineMs, () =>
				waiter.reject(
					new FplError('WIRE_TIMEOUT', {
						where: name,
						expected: `the tensors of this cut within ${deadlineMs} ms`,
						got: 'none',
					}),
				),
			);
			signal.addEventListener('abort', interrupted, {once: true});
			this.#waiters.set(name, waiter);
		});
	}

	/** The step that is worked on now: what belongs to earlier ones goes. */
	begin(step: number): void {
		this.#step = step;
		for (const [name, letter] of this.#letters) {
			if (Number.parseInt(name, 10) < step) {
				this.#letters.delete(name);
				this.#kept -= letter.bytes;
			}
		}
	}

	/** Throws everything away; what is awaited or arrives later is refused. */
	close(): void {
		this.#closed = true;
		this.#letters.clear();
		this.#kept = 0;
		for (const waiter of [...this.#waiters.values()]) {
			waiter.reject(new FplError('INTERRUPTED', {where: 'mailbox'}));
		}
	}

	#deliver(step: number, key: string, data: Uint8Array, seconds: number): void {
		if (this.#closed || step < this.#step) {
			return;
		}
		const name = keyOf(step, key);
		const {clock, opened} = this.#options;
		const began = clock.monotonic();
		let content: T;
		try {
			content = this.#options.open(data);
		} catch (error) {
			const damage = error instanceof FplError ? error : new FplError('WIRE_INVALID', {where: name});
			const waiter = this.#waiters.get(name);
			if (waiter) {
				waiter.reject(damage);
			} else {
				this.#damaged = {name, damage};
			}
			return;
		}
		const settle = () => {
			if (!this.#closed && step >= this.#step) {
				this.#settle(name, {content, bytes: data.length, seconds: seconds + (clock.monotonic() - began) / 1000});
			}
		};
		const reading = opened?.(data, (clock.monotonic() - began) / 1000);
		if (reading) {
			void reading.then(settle);
		} else {
			settle();
		}
	}

	#settle(name: string, letter: Letter<T>): void {
		const waiter = this.#waiters.get(name);
		if (waiter) {
			waiter.resolve(letter);
			return;
		}
		this.#letters.set(name, letter);
		this.#kept += letter.bytes;
	}
}
