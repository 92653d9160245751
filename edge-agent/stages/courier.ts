/** Carries boundary tensors to other agents, encoded as the plan says, and counts what that does to them. */
import {setImmediate} from 'node:timers/promises';
import type {Clock} from '../../core/clock.js';
import {encodeBundle} from '../../core/codec/bundle.js';
import {createEncoder, type TensorEncoder} from '../../core/codec/encoder.js';
import type {CodecSpec} from '../../core/codec/spec.js';
import {workOf} from '../../core/codec/work.js';
import {deviceId} from '../../core/ids.js';
import type {CodecCounts} from '../../core/plan/orders.js';
import type {Random} from '../../core/random.js';
import type {TensorLink} from '../../core/wire/tensor-link.js';
import type {Tensors} from '../../models/engines/stage.js';
import type {Task} from '../state.js';

/** How long a peer may be silent in the middle of a transfer. */
export const stallMs = 20_000;

export interface CourierOptions {
	readonly link: TensorLink;
	readonly random: Random;
	readonly codecTo: (device: string) => CodecSpec;
	/** Waits as long as the device that is played goes on encoding. */
	readonly encoded: (bytes: number, seconds: number, signal: AbortSignal) => Promise<void>;
	readonly clock: Pick<Clock, 'monotonic'>;
	readonly task: Task;
	/** Of model and plan. */
	readonly digest: string;
}

export class Courier {
	readonly #options: CourierOptions;
	/** One for each cut, direction and micro-batch, so that what error feedback owes goes to the next of its kind. */
	readonly #encoders = new Map<string, TensorEncoder>();

	constructor(options: CourierOptions) {
		this.#options = options;
	}

	/** Resolves when the peer has it. @throws FplError as `TensorLink.send`. */
	async send(device: string, step: number, key: string, tensors: Tensors, signal: AbortSignal): Promise<void> {
		const {link, task, digest, clock, encoded} = this.#options;
		const {run, attempt} = task;
		// Encoding keeps this thread busy: the next pass is handed to the engine's thread first.
		await setImmediate();
		const entries = Object.entries(tensors).map(([name, tensor]) => ({name, tensor}));
		const encoder = this.#encoder(device, key);
		const began = clock.monotonic();
		const data = encodeBundle(entries, encoder);
		const bytes = entries.reduce((sum, {tensor}) => sum + workOf(encoder.spec, tensor).encode, 0);
		await encoded(bytes, (clock.monotonic() - began) / 1000, signal);
		await link.send(
			deviceId(device),
			{id: `${run}/${attempt}/${step}/${key}`, purpose: {kind: 'boundary', run, attempt, step, key, digest}, data},
			{stallMs, signal},
		);
	}

	get counts(): CodecCounts {
		const sums = {saturated: 0, nonFinite: 0, bytesBefore: 0, bytesAfter: 0};
		for (const {statistics} of this.#encoders.values()) {
			sums.saturated += statistics.saturated;
			sums.nonFinite += statistics.nonFinite;
			sums.bytesBefore += statistics.bytesBefore;
			sums.bytesAfter += statistics.bytesAfter;
		}
		return sums;
	}

	#encoder(device: string, key: string): TensorEncoder {
		const name = `${device}/${key}`;
		let encoder = this.#encoders.get(name);
		if (!encoder) {
			encoder = createEncoder(this.#codec(device, key), this.#options.random);
			this.#encoders.set(name, encoder);
		}
		return encoder;
	}

	/** Answers of an inference run (`answerKey`) are what was asked for: nothing is left out of them. */
	#codec(device: string, key: string): CodecSpec {
		const spec = this.#options.codecTo(device);
		return key.startsWith('r') ? {kind: 'fp32'} : key.startsWith('f') ? withoutFeedback(spec) : spec;
	}
}

/** Items change from step to step: what was left out of an activation belongs to no later one. */
const withoutFeedback = (spec: CodecSpec): CodecSpec =>
	spec.kind === 'top-k' ? {...spec, errorFeedback: false} : spec;
