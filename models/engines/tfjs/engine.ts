/**
 * The second engine: tfjs in a worker thread. It executes the forward graph by tfjs ops and differentiates by tfjs' own
 * tape, so it owes nothing to our gradient rules and checks them.
 */
import {Worker} from 'node:worker_threads';
import {asFplError, FplError} from '../../../core/errors.js';
import type {Tensor} from '../../../core/tensor/tensor.js';
import type {Layout, Model} from '../../graph.js';
import {
	type Engine,
	type EngineOptions,
	type GradientResult,
	type Predictor,
	type StepResult,
	stateParts,
	type Trainer,
	type TrainerOptions,
	type TrainerState,
} from '../engine.js';
import type {BackendName} from './backend.js';
import type {Answer, Numbered, Request, WorkerSetup} from './protocol.js';

/** Calls that may wait for the worker at a time; more are refused rather than piled up. */
const maxPending = 1024;

interface Waiting {
	resolve(value: unknown): void;
	reject(error: FplError): void;
}

/** Requests to the worker and who waits for the answers. */
class Channel {
	readonly #worker: Worker;
	readonly #waiting = new Map<number, Waiting>();
	#next = 1;
	#ended: FplError | undefined;

	constructor(setup: WorkerSetup) {
		this.#worker = new Worker(new URL('./worker.js', import.meta.url), {workerData: setup});
		this.#worker.on('message', (answer: Answer) => {
			const waiting = this.#waiting.get(answer.id);
			this.#waiting.delete(answer.id);
			this.#hold();
			if (answer.ok) {
				waiting?.resolve(answer.value);
			} else {
				waiting?.reject(new FplError(answer.code, answer.facts));
			}
		});
		this.#worker.on('error', error =>
			this.#end(new FplError('ENGINE_FAILED', {where: 'tfjs', problem: error.message}, {cause: error})),
		);
		this.#worker.on('exit', code => this.#end(new FplError('ENGINE_FAILED', {where: 'tfjs', got: `exit ${code}`})));
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

	async call<T>(request: Request): Promise<T> {
		if (this.#ended !== undefined) {
			throw this.#ended;
		}
		if (this.#waiting.size >= maxPending) {
			throw new FplError('ENGINE_FAILED', {where: 'tfjs', problem: `more than ${maxPending} calls are waiting`});
		}
		const id = this.#next++;
		return await new Promise<T>((resolve, reject) => {
			try {
				this.#worker.postMessage({id, request} satisfies Numbered);
			} catch (error) {
				reject(asFplError(error));
				return;
			}
			this.#waiting.set(id, {resolve: value => resolve(value as T), reject});
			this.#hold();
		});
	}

	#end(error: FplError): void {
		this.#ended ??= error;
		for (const {reject} of this.#waiting.values()) {
			reject(this.#ended);
		}
		this.#waiting.clear();
	}

	async close(): Promise<void> {
		this.#end(new FplError('WIRE_CLOSED', {where: 'engine tfjs'}));
		await this.#worker.terminate();
	}
}

/** One executable in the worker. Calls after `close` reject. */
class Executable {
	protected readonly channel: Channel;
	protected readonly handle: number;
	readonly #name: string;
	#closed = false;

	constructor(channel: Channel, handle: number, name: string) {
		this.channel = channel;
		this.handle = handle;
		this.#name = name;
	}

	protected async call<T>(request: Request): Promise<T> {
		if (this.#closed) {
			throw new FplError('WIRE_CLOSED', {where: `«${this.#name}» in engine tfjs`});
		}
		return await this.channel.call<T>(request);
	}

	/** Calls under way end first. Closing again does nothing. */
	async close(): Promise<void> {
		if (this.#closed) {
			return;
		}
		this.#closed = true;
		await this.channel.call<void>({kind: 'close', handle: this.handle}).catch((error: unknown) => {
			// The engine was closed, or its thread died: nothing is left to free.
			if (!['WIRE_CLOSED', 'ENGINE_FAILED'].includes(asFplError(error).code)) {
				throw error;
			}
		});
	}
}

interface Layouts {
	readonly parameters: Layout;
	readonly buffers: Layout;
}

class RemoteTrainer extends Executable implements Trainer {
	readonly parameters: Layout;
	readonly buffers: Layout;

	constructor(channel: Channel, handle: number, name: string, layouts: Layouts) {
		super(channel, handle, name);
		this.parameters = layouts.parameters;
		this.buffers = layouts.buffers;
	}

	save(parts = stateParts as Parameters<Trainer['save']>[0]): Promise<TrainerState> {
		return this.call({kind: 'save', handle: this.handle, parts: parts ?? stateParts});
	}

	load(state: Partial<TrainerState>): Promise<void> {
		return this.call({kind: 'load', handle: this.handle, state});
	}

	step(batch: Parameters<Trainer['step']>[0], lrScale = 1): Promise<StepResult> {
		return this.call({kind: 'step', handle: this.handle, batch, lrScale});
	}

	gradient(batch: Parameters<Trainer['gradient']>[0]): Promise<GradientResult> {
		return this.call({kind: 'gradient', handle: this.handle, batch});
	}

	apply(gradient: Float32Array, lrScale = 1): Promise<void> {
		return this.call({kind: 'apply', handle: this.handle, gradient, lrScale});
	}

	evaluate(batch: Parameters<Trainer['evaluate']>[0]): Promise<StepResult> {
		return this.call({kind: 'evaluate', handle: this.handle, batch});
	}
}

class RemotePredictor extends Executable implements Predictor {
	predict(inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>> {
		return this.call({kind: 'predict', handle: this.handle, inputs});
	}
}

class TfjsEngine implements Engine {
	readonly name = 'tfjs';
	readonly description: string;
	/** Why better backends were passed over, one sentence each. */
	readonly passedOver: readonly string[];
	readonly #channel: Channel;
	#handles = 0;

	constructor(channel: Channel, description: string, passedOver: readonly string[]) {
		this.#channel = channel;
		this.description = description;
		this.passedOver = passedOver;
	}

	async trainer(model: Model, options: TrainerOptions): Promise<Trainer> {
		const handle = ++this.#handles;
		const layouts = await this.#channel.call<Layouts>({kind: 'trainer', handle, model, options});
		return new RemoteTrainer(this.#channel, handle, model.name, layouts);
	}

	async predictor(model: Model): Promise<Predictor> {
		const handle = ++this.#handles;
		await this.#channel.call({kind: 'predictor', handle, model});
		return new RemotePredictor(this.#channel, handle, model.name);
	}

	close(): Promise<void> {
		return this.#channel.close();
	}
}

export interface TfjsOptions extends EngineOptions {
	/** Only this backend; by default the best that works here. */
	readonly backend?: BackendName;
}

/**
 * Starts the worker and its backend.
 * @throws FplError `ENGINE_UNAVAILABLE` with the reasons when no backend works.
 */
export async function tfjsEngine({
	threads,
	backend,
}: TfjsOptions): Promise<Engine & {readonly passedOver: readonly string[]}> {
	const channel = new Channel({threads, backend});
	try {
		const {description, passedOver} = await channel.call<{description: string; passedOver: readonly string[]}>({
			kind: 'describe',
		});
		return new TfjsEngine(channel, description, passedOver);
	} catch (error) {
		await channel.close();
		throw error;
	}
}
