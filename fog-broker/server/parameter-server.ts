/**
 * The parameter server of one run: keeps the weights, takes the mean of what the replicas deliver, and updates.
 * One vector travels in both directions: all parameters, then all buffers, float32.
 *
 * gradients: the replicas' gradients are averaged and one optimiser step is done here; buffers are averaged.
 * weights: parameters and buffers are averaged and take the place of the old ones.
 */
import {type DeviceId, deviceId} from '../../core/ids.js';
import type {Acceptance, IncomingTransfer} from '../../core/wire/tensor-link.js';
import type {Trainer, TrainerState} from '../../models/engines/engine.js';
import {MeanAggregator} from './aggregator.js';

export interface ServerOptions {
	readonly run: string;
	readonly attempt: number;
	readonly exchange: 'gradients' | 'weights';
	/** Holds the weights and does the updates. Owned by the caller. */
	readonly trainer: Trainer;
	/** Called when all of a device's contribution to the open round has come. */
	readonly onDelivered: (device: DeviceId, round: number) => void;
}

export class ParameterServer {
	readonly #options: ServerOptions;
	readonly #aggregator: MeanAggregator;
	readonly #length: number;
	/** The round whose contributions are taken, with the items each device was asked for. */
	#open: {readonly round: number; readonly asked: ReadonlySet<string>} | undefined;
	#delivered = new Set<string>();

	constructor(options: ServerOptions) {
		this.#options = options;
		this.#length = options.trainer.parameters.length + options.trainer.buffers.length;
		this.#aggregator = new MeanAggregator(this.#length);
	}

	/** Memory that contributions take until the round is closed: about two vectors, however many devices send. */
	get bufferBytes(): number {
		return this.#aggregator.bufferBytes;
	}

	/** The current weights as they travel: parameters, then buffers. */
	async weights(): Promise<Float32Array> {
		const {parameters, buffers} = await this.#options.trainer.save(['parameters', 'buffers']);
		if (buffers.length === 0) {
			return parameters;
		}
		const vector = new Float32Array(this.#length);
		vector.set(parameters);
		vector.set(buffers, parameters.length);
		return vector;
	}

	state(): Promise<TrainerState> {
		return this.#options.trainer.save();
	}

	openRound(round: number, asked: Iterable<string>): void {
		this.#aggregator.reset();
		this.#delivered = new Set();
		this.#open = {round, asked: new Set(asked)};
	}

	abandonRound(): void {
		this.#open = undefined;
	}

	/** What to do with a transfer that says it is a contribution to this run. */
	accept(transfer: IncomingTransfer): Acceptance {
		const {purpose, from} = transfer;
		if (purpose.kind !== 'contribution' || purpose.run !== this.#options.run) {
			return {refuse: 'not a contribution to this run'};
		}
		const open = this.#open;
		if (!open || purpose.attempt !== this.#options.attempt || purpose.round !== open.round || !open.asked.has(from)) {
			return {refuse: `round ${purpose.round} is over`};
		}
		if (this.#delivered.has(from)) {
			return 'already';
		}
		const {parameters, buffers} = this.#options.trainer;
		if (
			purpose.parameters !== parameters.length ||
			purpose.buffers !== buffers.length ||
			transfer.bytes !== this.#length * 4
		) {
			return {
				refuse: `expected ${parameters.length} parameters and ${buffers.length} buffer elements, got ${purpose.parameters} and ${purpose.buffers}`,
			};
		}
		if (!(purpose.weight > 0)) {
			return {refuse: `expected a weight > 0, got ${purpose.weight}`};
		}
		const current = () => this.#open === open;
		return {
			chunk: (_sequence, offset, data) => {
				if (current()) {
					this.#aggregator.add(from, purpose.weight, offset, data);
				}
			},
			done: () => {
				if (current() && this.#aggregator.complete(from)) {
					this.#delivered.add(from);
					this.#options.onDelivered(deviceId(from), open.round);
				}
			},
			abort: () => {},
		};
	}

	/**
	 * Takes the mean of the round, updates the weights and answers the new ones as they travel. `lrScale` multiplies the learning
	 * rate. The trainer does one thing after the other, so that it need not be waited for in between.
	 */
	async closeRound(lrScale: number): Promise<Float32Array> {
		this.#open = undefined;
		const {trainer, exchange} = this.#options;
		const count = trainer.parameters.length;
		switch (exchange) {
			case 'gradients': {
				// Blocks without any contribution keep a zero gradient, and the old buffers.
				const mean = new Float32Array(this.#length);
				if (trainer.buffers.length > 0) {
					mean.set((await trainer.save(['buffers'])).buffers, count);
				}
				this.#aggregator.mean(mean);
				const [, , weights] = await Promise.all([
					trainer.buffers.length === 0 ? undefined : trainer.load({buffers: mean.slice(count)}),
					trainer.apply(mean.subarray(0, count), lrScale),
					this.weights(),
				]);
				return weights;
			}
			case 'weights': {
				const mean = await this.weights();
				this.#aggregator.mean(mean);
				const {updates} = await trainer.save([]);
				await trainer.load({parameters: mean.slice(0, count), buffers: mean.slice(count), updates: updates + 1});
				return mean;
			}
			default:
				return exchange satisfies never;
		}
	}
}
