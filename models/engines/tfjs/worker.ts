/** The thread in which tfjs computes, so that the caller's event loop stays free. */
import {parentPort, workerData} from 'node:worker_threads';
import {asFplError, FplError} from '../../../core/errors.js';
import {type Backend, startBackend} from './backend.js';
import {TfjsPredictor} from './predictor.js';
import type {Answer, Numbered, Request, WorkerSetup} from './protocol.js';
import {TfjsTrainer} from './trainer.js';

const trainers = new Map<number, TfjsTrainer>();
const predictors = new Map<number, TfjsPredictor>();

function held<T>(map: ReadonlyMap<number, T>, handle: number): T {
	const found = map.get(handle);
	if (found === undefined) {
		throw new FplError('WIRE_CLOSED', {where: `tfjs executable ${handle}`});
	}
	return found;
}

function perform({tf, description, passedOver}: Backend, request: Request): unknown {
	switch (request.kind) {
		case 'describe':
			return {description, passedOver};
		case 'trainer': {
			const trainer = new TfjsTrainer(tf, request.model, request.options);
			trainers.set(request.handle, trainer);
			return {parameters: trainer.parameters, buffers: trainer.buffers};
		}
		case 'predictor':
			predictors.set(request.handle, new TfjsPredictor(tf, request.model));
			return undefined;
		case 'save':
			return held(trainers, request.handle).save(request.parts);
		case 'load':
			return held(trainers, request.handle).load(request.state);
		case 'step':
			return held(trainers, request.handle).step(request.batch, request.lrScale);
		case 'gradient':
			return held(trainers, request.handle).gradient(request.batch);
		case 'apply':
			return held(trainers, request.handle).apply(request.gradient, request.lrScale);
		case 'evaluate':
			return held(trainers, request.handle).evaluate(request.batch);
		case 'predict':
			return held(predictors, request.handle).predict(request.inputs);
		case 'close':
			trainers.get(request.handle)?.close();
			predictors.get(request.handle)?.close();
			trainers.delete(request.handle);
			predictors.delete(request.handle);
			return undefined;
		default:
			return request satisfies never;
	}
}

/** Buffers that are only for the caller and may move instead of being copied. */
function movable(value: unknown): ArrayBuffer[] {
	const found = new Set<ArrayBuffer>();
	const look = (part: unknown): void => {
		if (ArrayBuffer.isView(part)) {
			if (part.buffer instanceof ArrayBuffer && part.byteLength === part.buffer.byteLength) {
				found.add(part.buffer);
			}
		} else if (typeof part === 'object' && part !== null) {
			Object.values(part).forEach(look);
		}
	};
	look(value);
	return [...found];
}

const setup = workerData as WorkerSetup;
const starting = startBackend(setup.threads, setup.backend);
// Every request reports the failure; without this it would end the thread before the first one comes.
starting.catch(() => {});
const answer = (message: Answer, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(message, transfer);

parentPort?.on('message', ({id, request}: Numbered) => {
	// Everything after `await starting` is synchronous and the promise's callbacks run in the order they were added, so
	// requests are performed in the order they were made.
	void starting
		.then(backend => {
			const value = perform(backend, request);
			answer({id, ok: true, value}, movable(value));
		})
		.catch((error: unknown) => {
			const {code, facts} = asFplError(error);
			answer({id, ok: false, code, facts});
		});
});
