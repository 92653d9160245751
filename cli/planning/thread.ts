/** A search in a thread of its own: searching takes all of a thread, and signals reach only one that has time for them. */
import {Worker} from 'node:worker_threads';
import {asFplError, FplError} from '../../core/errors.js';
import type {SearchAnswer, Searched, SearchOrder} from './search.js';
import type {SearchThread} from './worker.js';

/**
 * @param signal ends the search early: the answer is what was found until then.
 * @throws FplError what searching throws; `INTERNAL` when the thread dies.
 */
export function searchAside(order: SearchOrder, signal: AbortSignal): Promise<Searched> {
	const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
	const data: SearchThread = {order, stop};
	// Options of the process may only make sense for its own script, such as --input-type.
	const worker = new Worker(new URL('./worker.js', import.meta.url), {execArgv: [], workerData: data});
	const onAbort = () => void Atomics.store(stop, 0, 1);
	signal.addEventListener('abort', onAbort, {once: true});
	if (signal.aborted) {
		onAbort();
	}
	return new Promise<Searched>((resolve, reject) => {
		const died = (problem: string, cause?: unknown) =>
			reject(new FplError('INTERNAL', {where: 'planning', problem}, {cause}));
		worker.once('message', (answer: SearchAnswer) => {
			switch (answer.kind) {
				case 'searched':
					resolve(answer.searched);
					return;
				case 'failed':
					reject(new FplError(answer.code, answer.facts, {cause: answer.cause}));
					return;
				default:
					answer satisfies never;
			}
		});
		worker.once('error', error => died(asFplError(error).message, error));
		worker.once('messageerror', error => died(error.message, error));
		worker.once('exit', code => died(`the thread ended with exit status ${code}`));
	}).finally(() => signal.removeEventListener('abort', onAbort));
}
