/** The worker's side: performs requests one after the other, in the order they came. */
import {parentPort, workerData} from 'node:worker_threads';
import {asFplError, FplError} from '../../../core/errors.js';
import {type Latch, latched} from './latch.js';
import type {Answer, Host, HostedPredictor, HostedStage, HostedTrainer, Numbered, Request} from './protocol.js';
import {performOnStage} from './stage-calls.js';

class Executables {
	readonly #trainers = new Map<number, HostedTrainer>();
	readonly #predictors = new Map<number, HostedPredictor>();
	readonly #stages = new Map<number, HostedStage>();
	readonly #host: Host;

	constructor(host: Host) {
		this.#host = host;
	}

	async perform(request: Exclude<Request, {readonly kind: 'end'}>): Promise<unknown> {
		switch (request.kind) {
			case 'describe':
				return this.#host.describe();
			case 'trainer': {
				const trainer = await this.#host.trainer(request.model, request.options);
				this.#trainers.set(request.handle, trainer);
				return {parameters: trainer.parameters, buffers: trainer.buffers};
			}
			case 'predictor':
				this.#predictors.set(request.handle, await this.#host.predictor(request.model));
				return undefined;
			case 'stage': {
				const stage = await this.#host.stage(request.model, request.options);
				this.#stages.set(request.handle, stage);
				return stage.info;
			}
			case 'of-stage':
				return await performOnStage(held(this.#stages, request.handle), request.call, request.batch);
			case 'save':
				return held(this.#trainers, request.handle).save(request.parts);
			case 'load':
				return held(this.#trainers, request.handle).load(request.state);
			case 'step':
				return await held(this.#trainers, request.handle).step(request.batch, request.lrScale);
			case 'gradient':
				return await held(this.#trainers, request.handle).gradient(request.batch);
			case 'apply':
				return await held(this.#trainers, request.handle).apply(request.gradient, request.lrScale);
			case 'evaluate':
				return await held(this.#trainers, request.handle).evaluate(request.batch);
			case 'predict':
				return await held(this.#predictors, request.handle).predict(request.inputs);
			case 'close':
				await this.#trainers.get(request.handle)?.close();
				await this.#predictors.get(request.handle)?.close();
				await this.#stages.get(request.handle)?.close();
				this.#stages.delete(request.handle);
				this.#trainers.delete(request.handle);
				this.#predictors.delete(request.handle);
				return undefined;
			default:
				return request satisfies never;
		}
	}

	/** What may go back of the memory that was lent with a request, or with one before it. */
	settle(request: Request, loan: ArrayBuffer | undefined): readonly ArrayBuffer[] {
		const stage = request.kind === 'of-stage' ? this.#stages.get(request.handle) : undefined;
		return stage?.settle(loan) ?? (loan === undefined ? [] : [loan]);
	}
}

function held<T>(executables: ReadonlyMap<number, T>, handle: number): T {
	const found = executables.get(handle);
	if (found === undefined) {
		throw new FplError('WIRE_CLOSED', {where: `executable ${handle}`});
	}
	return found;
}

/** Buffers of an answer, which nobody here needs any more: they move instead of being copied. */
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

/** Answers the engine's requests from now on. Call once, in the worker. */
export function serve(starting: Promise<Host>): void {
	const executables = starting.then(host => new Executables(host));
	// Every answer tells of a failed start; unhandled it would end the thread before the first request is read.
	executables.catch(() => {});
	const answer = (message: Answer, transfer: readonly ArrayBuffer[] = []) =>
		parentPort?.postMessage(message, [...transfer, ...message.loans]);
	const {latch} = workerData as {readonly latch: Latch};
	const handle = async ({id, request, loan}: Numbered): Promise<void> => {
		if (request.kind === 'end') {
			// With its port closed the thread has nothing left to wait for, also where the engine did not start.
			parentPort?.close();
			return;
		}
		const loans = async () => (await executables).settle(request, loan);
		try {
			const value = await (await executables).perform(request);
			answer({id, loans: await loans(), ok: true, value}, movable(value));
		} catch (error) {
			const {code, facts} = asFplError(error);
			answer({id, loans: await loans().catch(() => []), ok: false, code, facts});
		}
	};
	let last: Promise<void> = Promise.resolve();
	parentPort?.on('message', (message: Numbered) => {
		last = last.then(() => latched(latch, () => handle(message)));
	});
}
