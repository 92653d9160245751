/** The caller's side of a worker thread: who waits for which answer. */
import {Worker} from 'node:worker_threads';
import {systemClock} from '../../../core/clock.js';
import {asFplError, FplError} from '../../../core/errors.js';
import type {EngineName} from '../engine.js';
import {forget, type Latch, newLatch} from './latch.js';
import {Loans} from './loans.js';
import type {Answer, Numbered, Request} from './protocol.js';

/** Calls that may wait for the worker at a time; more are refused rather than piled up. */
const maxPending = 1024;

/** How long `close` waits for the thread to end. */
const closeWithinMs = 5000;

interface Waiting {
	resolve(value: unknown): void;
	reject(error: FplError): void;
}

export class Channel {
	readonly engine: EngineName;
	readonly #worker: Worker;
	readonly #waiting = new Map<number, Waiting>();
	readonly #loans = new Loans();
	readonly #exited: Promise<void>;
	#next = 1;
	#ended: FplError | undefined;

	/** @param script the worker's module; @param setup structured-cloneable data for it, which finds them in `workerData`. */
	constructor(engine: EngineName, script: URL, setup: object) {
		this.engine = engine;
		const latch: Latch = newLatch();
		this.#worker = new Worker(script, {
			workerData: {...setup, latch},
			// Options of the process may only make sense for its own script, such as --input-type.
			execArgv: [],
		});
		this.#worker.on('message', (answer: Answer) => this.#take(answer));
		this.#worker.on('messageerror', error => this.#end(this.#failed(error.message, error)));
		this.#worker.on('error', error => this.#end(this.#failed(error.message, error)));
		this.#exited = new Promise(resolve => {
			this.#worker.once('exit', code => {
				forget(latch);
				this.#end(this.#failed(`the worker thread ended with exit status ${code}`));
				resolve();
			});
		});
		this.#hold();
	}

	/**
	 * @throws FplError what the worker answered; `ENGINE_FAILED` when its thread has died or too many calls wait;
	 * `WIRE_CLOSED` after `close`.
	 */
	async call<T>(request: Request): Promise<T> {
		if (this.#ended !== undefined) {
			throw this.#ended;
		}
		if (this.#waiting.size >= maxPending) {
			throw this.#failed(`more than ${maxPending} calls are waiting`);
		}
		const id = this.#next++;
		return await new Promise<T>((resolve, reject) => {
			try {
				this.#post(id, request);
			} catch (error) {
				reject(asFplError(error));
				return;
			}
			this.#waiting.set(id, {resolve: value => resolve(value as T), reject});
			this.#hold();
		});
	}

	/**
	 * Calls that wait are rejected with `WIRE_CLOSED`. The thread is not torn down in the middle of native code, which would
	 * end the whole process: it is asked to end, and leaves when the call it is in returns. Resolves then, or after five
	 * seconds. Closing again does nothing more.
	 */
	async close(): Promise<void> {
		if (this.#ended === undefined) {
			this.#end(new FplError('WIRE_CLOSED', {where: `engine ${this.engine}`}));
			this.#worker.postMessage({id: this.#next++, request: {kind: 'end'}, loan: undefined} satisfies Numbered);
		}
		const patience = new AbortController();
		await Promise.race([this.#exited, systemClock.sleep(closeWithinMs, patience.signal)]);
		patience.abort();
	}

	#post(id: number, request: Request): void {
		if ('batch' in request && request.batch !== undefined) {
			const {batch, loan} = this.#loans.lend(request.batch);
			this.#worker.postMessage({id, request: {...request, batch} as Request, loan} satisfies Numbered, [loan]);
		} else {
			this.#worker.postMessage({id, request, loan: undefined} satisfies Numbered);
		}
	}

	#take(answer: Answer): void {
		const waiting = this.#waiting.get(answer.id);
		this.#waiting.delete(answer.id);
		this.#hold();
		for (const loan of answer.loans) {
			this.#loans.giveBack(loan);
		}
		if (answer.ok) {
			waiting?.resolve(answer.value);
		} else {
			waiting?.reject(new FplError(answer.code, answer.facts));
		}
	}

	#end(error: FplError): void {
		this.#ended ??= error;
		for (const {reject} of this.#waiting.values()) {
			reject(this.#ended);
		}
		this.#waiting.clear();
		this.#hold();
	}

	/** The thread keeps the process alive only while somebody waits for it. */
	#hold(): void {
		if (this.#waiting.size === 0) {
			this.#worker.unref();
		} else {
			this.#worker.ref();
		}
	}

	readonly #failed = (problem: string, cause?: unknown): FplError =>
		new FplError('ENGINE_FAILED', {where: `engine ${this.engine}`, problem}, {cause});
}
