/** An engine whose executables live in a worker thread behind a channel. */
import {asFplError, FplError} from '../../../core/errors.js';
import type {Tensor} from '../../../core/tensor/tensor.js';
import type {Layout, Model} from '../../graph.js';
import {
	type Batch,
	type Engine,
	type GradientResult,
	type Predictor,
	type StatePart,
	type StepResult,
	stateParts,
	type Trainer,
	type TrainerOptions,
	type TrainerState,
} from '../engine.js';
import type {Channel} from './channel.js';
import type {Layouts, Request} from './protocol.js';

/** One executable in the worker. Calls after `close` reject. */
class Executable {
	protected readonly handle: number;
	readonly #channel: Channel;
	readonly #name: string;
	#closed = false;

	constructor(channel: Channel, handle: number, name: string) {
		this.#channel = channel;
		this.handle = handle;
		this.#name = name;
	}

	protected async call<T>(request: Request): Promise<T> {
		if (this.#closed) {
			throw new FplError('WIRE_CLOSED', {where: `«${this.#name}» in engine ${this.#channel.engine}`});
		}
		return await this.#channel.call<T>(request);
	}

	/** Calls under way end first. Closing again does nothing. */
	async close(): Promise<void> {
		if (this.#closed) {
			return;
		}
		this.#closed = true;
		await this.#channel.call<void>({kind: 'close', handle: this.handle}).catch((error: unknown) => {
			// The engine was closed, or its thread died: nothing is left to free.
			if (!['WIRE_CLOSED', 'ENGINE_FAILED'].includes(asFplError(error).code)) {
				throw error;
			}
		});
	}
}

class RemoteTrainer extends Executable implements Trainer {
	readonly parameters: Layout;
	readonly buffers: Layout;

	constructor(channel: Channel, handle: number, name: string, layouts: Layouts) {
		super(channel, handle, name);
		this.parameters = layouts.parameters;
		this.buffers = layouts.buffers;
	}

	save(parts: readonly StatePart[] = stateParts): Promise<TrainerState> {
		return this.call({kind: 'save', handle: this.handle, parts});
	}

	load(state: Partial<TrainerState>): Promise<void> {
		return this.call({kind: 'load', handle: this.handle, state});
	}

	step(batch: Batch, lrScale = 1): Promise<StepResult> {
		return this.call({kind: 'step', handle: this.handle, batch, lrScale});
	}

	gradient(batch: Batch): Promise<GradientResult> {
		return this.call({kind: 'gradient', handle: this.handle, batch});
	}

	apply(gradient: Float32Array, lrScale = 1): Promise<void> {
		return this.call({kind: 'apply', handle: this.handle, gradient, lrScale});
	}

	evaluate(batch: Batch): Promise<StepResult> {
		return this.call({kind: 'evaluate', handle: this.handle, batch});
	}
}

class RemotePredictor extends Executable implements Predictor {
	predict(inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>> {
		return this.call({kind: 'predict', handle: this.handle, inputs});
	}
}

export class RemoteEngine implements Engine {
	readonly name: Engine['name'];
	readonly description: string;
	readonly #channel: Channel;
	#handles = 0;

	constructor(channel: Channel, description: string) {
		this.name = channel.engine;
		this.description = description;
		this.#channel = channel;
	}

	async trainer(model: Model, options: TrainerOptions): Promise<Trainer> {
		const handle = ++this.#handles;
		const layouts = await this.#channel.call<Layouts>({kind: 'trainer', handle, model, options});
		return new RemoteTrainer(this.#channel, handle, model.name, layouts);
	}

	async predictor(model: Model): Promise<Predictor> {
		const handle = ++this.#handles;
		await this.#channel.call<void>({kind: 'predictor', handle, model});
		return new RemotePredictor(this.#channel, handle, model.name);
	}

	close(): Promise<void> {
		return this.#channel.close();
	}
}

/** Waits until the worker has started. @throws FplError its reason when it cannot work here. */
export async function remoteEngine(channel: Channel): Promise<RemoteEngine> {
	try {
		return new RemoteEngine(channel, await channel.call<string>({kind: 'describe'}));
	} catch (error) {
		await channel.close();
		throw error;
	}
}
