/** The thread in which `fpl plan` looks for a plan, so that the one that started it hears signals meanwhile. */
import {parentPort, workerData} from 'node:worker_threads';
import {asFplError} from '../../core/errors.js';
import {type SearchAnswer, type SearchOrder, search} from './search.js';

/** What the thread begins with. */
export interface SearchThread {
	readonly order: SearchOrder;
	/** Its first element is 0; anything else ends the search. Memory that both threads see. */
	readonly stop: Int32Array;
}

const {order, stop} = workerData as SearchThread;

function answer(): SearchAnswer {
	try {
		const searched = search(
			order,
			() => performance.now(),
			() => Atomics.load(stop, 0) !== 0,
		);
		return {kind: 'searched', searched};
	} catch (error) {
		const {code, facts, cause} = asFplError(error);
		return {kind: 'failed', code, facts, ...(cause instanceof Error ? {cause} : {})};
	}
}

parentPort?.postMessage(answer());
