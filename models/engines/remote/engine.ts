/** An engine whose executables live in a worker thread behind a channel. */
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
import type {Stage, StageInfo, StageOptions} from '../stage.js';
import type {Channel} from './channel.js';
import {Executable} from './executable.js';
import type {Layouts} from './protocol.js';
import {RemoteStage} from './stage.js';

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

	async stage(model: Model, options: StageOptions): Promise<Stage> {
		const handle = ++this.#handles;
		// A segment brings its own weights.
		const sent = 'segment' in options ? {...model, graph: {...model.graph, initializers: new Map()}} : model;
		const info = await this.#channel.call<StageInfo>({kind: 'stage', handle, model: sent, options});
		return new RemoteStage(this.#channel, handle, model.name, info);
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
