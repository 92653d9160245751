/** The caller's side of a stage. */
import type {Tensor} from '../../../core/tensor/tensor.js';
import type {Layout, ValueInfo} from '../../graph.js';
import {type StatePart, type StepResult, stateParts, type TrainerState} from '../engine.js';
import type {
	Accumulated,
	ApplyOptions,
	Backwarded,
	Forwarded,
	Learned,
	Stage,
	StageInfo,
	Tensors,
	Where,
} from '../stage.js';
import type {Channel} from './channel.js';
import {Executable} from './executable.js';
import type {Lent, StageCall} from './protocol.js';

export class RemoteStage extends Executable implements Stage {
	readonly label: string;
	readonly parameters: Layout;
	readonly buffers: Layout;
	readonly data: readonly ValueInfo[];
	readonly receives: readonly ValueInfo[];
	readonly sends: readonly ValueInfo[];
	readonly passing: readonly ValueInfo[];
	readonly last: boolean;

	constructor(channel: Channel, handle: number, name: string, info: StageInfo) {
		super(channel, handle, `${name}, ${info.label}`);
		this.label = info.label;
		this.parameters = info.parameters;
		this.buffers = info.buffers;
		this.data = info.data;
		this.receives = info.receives;
		this.sends = info.sends;
		this.passing = info.passing;
		this.last = info.last;
	}

	save(parts: readonly StatePart[] = stateParts): Promise<TrainerState> {
		return this.#ask({kind: 'save', parts});
	}

	load(state: Partial<TrainerState>): Promise<void> {
		return this.#ask({kind: 'load', state});
	}

	forward(micro: number, inputs: Tensors, where: Where): Promise<Forwarded> {
		return this.#ask({kind: 'forward', micro, where}, {inputs});
	}

	backward(micro: number, outputGradients: Tensors): Promise<Backwarded> {
		return this.#ask({kind: 'backward', micro}, {inputs: outputGradients});
	}

	learn(micro: number, inputs: Tensors, targets: Tensor, where: Where): Promise<Learned> {
		return this.#ask({kind: 'learn', micro, where}, {inputs, targets});
	}

	gradient(): Promise<Accumulated> {
		return this.#ask({kind: 'gradient'});
	}

	squaredNorm(): Promise<number> {
		return this.#ask({kind: 'squared-norm'});
	}

	discard(): Promise<void> {
		return this.#ask({kind: 'discard'});
	}

	apply({gradient, ...rest}: ApplyOptions): Promise<void> {
		// A view of a longer vector would be sent with all of it.
		const own = gradient?.byteLength === gradient?.buffer.byteLength ? gradient : gradient?.slice();
		return this.#ask({kind: 'apply', options: {...rest, ...(own === undefined ? {} : {gradient: own})}});
	}

	predict(inputs: Tensors): Promise<Forwarded> {
		return this.#ask({kind: 'predict'}, {inputs});
	}

	evaluate(inputs: Tensors, targets: Tensor): Promise<StepResult> {
		return this.#ask({kind: 'evaluate'}, {inputs, targets});
	}

	#ask<T>(call: StageCall, batch?: Lent): Promise<T> {
		return this.call<T>({kind: 'of-stage', handle: this.handle, call, ...(batch === undefined ? {} : {batch})});
	}
}
