/** Waiting for a message: by what it must look like, with a deadline, and a text that says what did not come. */
import type {Clock} from '../clock.js';
import {FplError} from '../errors.js';
import type {DeviceId} from '../ids.js';
import type {Kind} from './bodies.js';
import type {Message} from './message.js';

/** All given fields must fit. */
export interface Matcher {
	readonly inReplyTo?: string;
	readonly from?: DeviceId;
	readonly kinds?: readonly Kind[];
	/** A further condition, with the words that describe it. */
	readonly where?: {readonly text: string; readonly holds: (message: Message) => boolean};
}

export function describeMatcher({inReplyTo, from, kinds, where}: Matcher): string {
	const parts = [
		kinds ? kinds.join(' or ') : 'any message',
		from && `from ${from}`,
		inReplyTo && `in reply to ${inReplyTo}`,
		where && `where ${where.text}`,
	];
	return parts.filter(Boolean).join(' ');
}

const matches = ({inReplyTo, from, kinds, where}: Matcher, message: Message): boolean =>
	(inReplyTo === undefined || message.inReplyTo === inReplyTo) &&
	(from === undefined || message.from === from) &&
	(kinds === undefined || kinds.includes(message.body.kind)) &&
	(where === undefined || where.holds(message));

interface Entry {
	readonly matcher: Matcher;
	readonly resolve: (message: Message) => void;
	readonly reject: (error: FplError) => void;
}

export class Waiter {
	readonly #clock: Clock;
	readonly #maxPending: number;
	readonly #entries = new Set<Entry>();

	constructor(clock: Clock, maxPending = 10_000) {
		this.#clock = clock;
		this.#maxPending = maxPending;
	}

	get pending(): number {
		return this.#entries.size;
	}

	/**
	 * @throws FplError `WIRE_TIMEOUT` after `deadlineMs`, `INTERRUPTED` when the signal aborts, `WIRE_CLOSED` by `refuse`.
	 */
	async wait(matcher: Matcher, deadlineMs: number, signal?: AbortSignal): Promise<Message> {
		const where = describeMatcher(matcher);
		if (signal?.aborted) {
			throw new FplError('INTERRUPTED', {where});
		}
		if (this.#entries.size >= this.#maxPending) {
			throw new FplError('WIRE_TIMEOUT', {where, problem: `${this.#maxPending} others are waited for already`});
		}
		let cleanUp = () => {};
		try {
			return await new Promise<Message>((resolve, reject) => {
				const entry: Entry = {matcher, resolve, reject};
				this.#entries.add(entry);
				const late = () =>
					reject(new FplError('WIRE_TIMEOUT', {expected: `${where} within ${deadlineMs} ms`, got: 'none'}));
				const cancelTimer = this.#clock.after(deadlineMs, late);
				const abort = () => reject(new FplError('INTERRUPTED', {where}));
				signal?.addEventListener('abort', abort, {once: true});
				cleanUp = () => {
					this.#entries.delete(entry);
					cancelTimer();
					signal?.removeEventListener('abort', abort);
				};
			});
		} finally {
			cleanUp();
		}
	}

	/** Gives a message to the first who waits for one like it; false when nobody does. */
	offer(message: Message): boolean {
		for (const entry of this.#entries) {
			if (matches(entry.matcher, message)) {
				this.#entries.delete(entry);
				entry.resolve(message);
				return true;
			}
		}
		return false;
	}

	/** Ends all waiting. */
	refuse(error: FplError): void {
		for (const {reject} of this.#entries) {
			reject(error);
		}
		this.#entries.clear();
	}
}
