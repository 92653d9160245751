/**
 * Drawn datasets, made in a thread of their own: drawing takes seconds on a small board, and whoever waits for the data has
 * a connection to keep alive meanwhile. Who asks for what is still held in this process gets the same data.
 */
import {Worker} from 'node:worker_threads';
import {FplError} from '../../../core/errors.js';
import type {Dataset, Split} from '../dataset.js';
import {type Drawing, type DrawingOrder, splitOf} from './painters.js';

const underWay = new Map<string, Promise<Split>>();
/** What was drawn, as long as somebody holds a part of it. */
const held = new Map<string, WeakRef<Split>>();
const whole = new WeakMap<Dataset, Split>();

function drawInThread(order: DrawingOrder): Promise<Drawing> {
	const failed = (problem: string, cause?: unknown) =>
		new FplError('INTERNAL', {where: `drawing «${order.kind}»`, problem}, {cause});
	return new Promise((resolve, reject) => {
		// Options of the process may only make sense for its own script, such as --input-type.
		const worker = new Worker(new URL('./worker.js', import.meta.url), {workerData: {order}, execArgv: []});
		worker.once('message', resolve);
		worker.once('error', error => reject(failed(error.message, error)));
		worker.once('messageerror', error => reject(failed(error.message, error)));
		worker.once('exit', code => reject(failed(`the thread ended with exit status ${code}`)));
	});
}

async function draw(key: string, order: DrawingOrder): Promise<Split> {
	const split = splitOf(await drawInThread(order));
	whole.set(split.train, split);
	whole.set(split.test, split);
	for (const [other, reference] of held) {
		if (reference.deref() === undefined) {
			held.delete(other);
		}
	}
	held.set(key, new WeakRef(split));
	return split;
}

/** The same order gives the same data. @throws FplError `INTERNAL` when the thread dies, for instance of a lack of memory. */
export function drawnSplit(order: DrawingOrder): Promise<Split> {
	const key = JSON.stringify(order);
	const before = held.get(key)?.deref();
	if (before) {
		return Promise.resolve(before);
	}
	const begun = underWay.get(key);
	if (begun) {
		return begun;
	}
	const drawing = draw(key, order).finally(() => underWay.delete(key));
	underWay.set(key, drawing);
	return drawing;
}
