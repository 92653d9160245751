/** Planning in a thread of its own, since a search may take seconds, in which messages are to be answered all the same. */
import {Worker} from 'node:worker_threads';
import type {Clock} from '../../../core/clock.js';
import {asFplError, FplError} from '../../../core/errors.js';
import type {Numbered, PlannedRun, PlanningAnswer, PlanningOrder} from './order.js';

/** What starting the thread, counting the model's work and comparing with other schemes may take besides the search. */
const besidesMs = 60_000;
/** The thread ends after so long without an order. */
const idleMs = 30_000;

interface Waiting {
	readonly id: number;
	resolve(answer: PlanningAnswer): void;
	reject(error: FplError): void;
}

export class Planner {
	readonly #clock: Clock;
	#worker: Worker | undefined;
	#waiting: Waiting | undefined;
	#last: Promise<unknown> = Promise.resolve();
	#orders = 0;
	#cancelIdle = () => {};

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/**
	 * One order after the other.
	 * @throws FplError what planning throws; `PLAN_INFEASIBLE` when it takes too long; `INTERRUPTED` when the signal aborts;
	 * `INTERNAL` when the thread dies.
	 */
	plan(order: PlanningOrder, signal: AbortSignal): Promise<PlannedRun> {
		const answer = this.#last.then(() => this.#ask(order, signal));
		this.#last = answer.catch(() => {});
		return answer;
	}

	/** Ends the thread; a later order starts another one. */
	async close(): Promise<void> {
		this.#cancelIdle();
		const worker = this.#worker;
		this.#worker = undefined;
		this.#waiting?.reject(new FplError('INTERRUPTED', {where: 'planning'}));
		await worker?.terminate();
	}

	#start(): Worker {
		// Options of the process may only make sense for its own script, such as --input-type.
		const worker = new Worker(new URL('./worker.js', import.meta.url), {execArgv: []});
		const died = (problem: string, cause?: unknown) => {
			if (this.#worker === worker) {
				this.#worker = undefined;
				this.#waiting?.reject(new FplError('INTERNAL', {where: 'planning', problem}, {cause}));
			}
		};
		worker.on('message', ({id, body}: Numbered<PlanningAnswer>) => {
			if (this.#waiting?.id === id) {
				this.#waiting.resolve(body);
			}
		});
		worker.on('error', error => died(asFplError(error).message, error));
		worker.on('messageerror', error => died(error.message, error));
		worker.on('exit', code => died(`the thread ended with exit status ${code}`));
		return worker;
	}

	async #ask(order: PlanningOrder, signal: AbortSignal): Promise<PlannedRun> {
		if (signal.aborted) {
			throw new FplError('INTERRUPTED', {where: 'planning'});
		}
		this.#cancelIdle();
		this.#worker ??= this.#start();
		const worker = this.#worker;
		const limitMs = order.job.planning.limit * 1000 + besidesMs;
		// A search that is not wanted any more is ended with its thread.
		const stop = () => void this.close();
		const cancelLimit = this.#clock.after(limitMs, () => {
			this.#waiting?.reject(
				new FplError('PLAN_INFEASIBLE', {
					where: 'planning',
					problem: `no answer within ${limitMs / 1000} s`,
					fix: 'Name a scheme in the job, or give a plan.',
				}),
			);
			stop();
		});
		signal.addEventListener('abort', stop, {once: true});
		// The thread keeps the process alive only while somebody waits for it.
		worker.ref();
		try {
			const answer = await new Promise<PlanningAnswer>((resolve, reject) => {
				this.#waiting = {id: ++this.#orders, resolve, reject};
				worker.postMessage({id: this.#orders, body: order} satisfies Numbered<PlanningOrder>);
			});
			if (answer.kind === 'failed') {
				throw new FplError(answer.code, answer.facts);
			}
			return answer;
		} finally {
			this.#waiting = undefined;
			cancelLimit();
			signal.removeEventListener('abort', stop);
			worker.unref();
			this.#cancelIdle = this.#clock.after(idleMs, stop);
		}
	}
}
