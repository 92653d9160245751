/** Time as a parameter: the system's, or one that tests turn by hand. */
import {performance} from 'node:perf_hooks';
import {FplError} from './errors.js';

export interface Clock {
	/** Milliseconds since 1970, for timestamps that people read. */
	now(): number;
	/** Milliseconds from an arbitrary origin, never going back, for durations. */
	monotonic(): number;
	/** Resolves after `ms` milliseconds (24 days at most), or at once when the signal aborts (it never rejects). */
	sleep(ms: number, signal?: AbortSignal): Promise<void>;
	/** Calls back once after `ms`; the returned function cancels. Does not keep the process alive. */
	after(ms: number, callback: () => void): () => void;
}

/** A timer of Node fires at once when it is set further than 2³¹ − 1 ms (24 days) ahead. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
	now: () => Date.now(),
	monotonic: () => performance.now(),
	sleep: (ms, signal) =>
		new Promise(resolve => {
			if (signal?.aborted) {
				resolve();
				return;
			}
			const done = () => {
				clearTimeout(timer);
				signal?.removeEventListener('abort', done);
				resolve();
			};
			const timer = setTimeout(done, Math.min(ms, longestTimerMs));
			signal?.addEventListener('abort', done, {once: true});
		}),
	after(ms, callback) {
		const timer = setTimeout(callback, Math.min(ms, longestTimerMs));
		timer.unref();
		return () => clearTimeout(timer);
	},
};

/** A clock that stands still until `advance` is called. Timers fire in order of their time. */
export class ManualClock implements Clock {
	#time: number;
	#timers: Array<{at: number; callback: () => void}> = [];

	constructor(startMs = 1_700_000_000_000) {
		this.#time = startMs;
	}

	now(): number {
		return this.#time;
	}

	monotonic(): number {
		return this.#time;
	}

	after(ms: number, callback: () => void): () => void {
		const timer = {at: this.#time + ms, callback};
		this.#timers.push(timer);
		return () => {
			this.#timers = this.#timers.filter(other => other !== timer);
		};
	}

	sleep(ms: number, signal?: AbortSignal): Promise<void> {
		return new Promise(resolve => {
			if (signal?.aborted) {
				resolve();
				return;
			}
			const cancel = this.after(ms, resolve);
			signal?.addEventListener(
				'abort',
				() => {
					cancel();
					resolve();
				},
				{once: true},
			);
		});
	}

	/** Lets `ms` milliseconds pass, firing what falls due; promises that timers resolve are awaited in between. */
	async advance(ms: number): Promise<void> {
		const end = this.#time + ms;
		for (;;) {
			const next = this.#timers.filter(timer => timer.at <= end).sort((a, b) => a.at - b.at)[0];
			if (!next) {
				break;
			}
			this.#timers = this.#timers.filter(timer => timer !== next);
			this.#time = Math.max(this.#time, next.at);
			next.callback();
			await new Promise(resolve => setImmediate(resolve));
		}
		this.#time = end;
		await new Promise(resolve => setImmediate(resolve));
	}
}

/**
 * Waits for a promise, but no longer than `ms`.
 * @throws FplError `WIRE_TIMEOUT` naming `what` was waited for.
 */
export async function withDeadline<T>(clock: Clock, ms: number, what: string, promise: Promise<T>): Promise<T> {
	let cancel = () => {};
	const late = new Promise<never>((_, reject) => {
		cancel = clock.after(ms, () =>
			reject(new FplError('WIRE_TIMEOUT', {where: what, expected: `an answer within ${ms} ms`, got: 'none'})),
		);
	});
	try {
		return await Promise.race([promise, late]);
	} finally {
		cancel();
	}
}
