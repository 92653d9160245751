/** Weights and gradients between the stages of this device and the coordinator, which is also the parameter server. */
import {asFplError} from '../../core/errors.js';
import type {Logger} from '../../core/log.js';
import {bytesOf} from '../../core/tensor/tensor.js';
import type {Inbox} from '../../core/wire/inbox.js';
import type {TensorLink} from '../../core/wire/tensor-link.js';
import {coordinatorId} from '../../core/wire/topics.js';
import type {Stage} from '../../models/engines/stage.js';
import {decodeState, encodeState} from '../../models/plans/state.js';
import type {PhaseClock} from '../phase-clock.js';
import type {Task} from '../state.js';
import {stallMs} from './courier.js';
import {joined} from './helpers.js';

export interface WeightsPostOptions {
	readonly link: TensorLink;
	readonly inbox: Inbox;
	readonly log: Logger;
	readonly phases: PhaseClock;
	readonly task: Task;
	/** Ends what is under way. */
	readonly signal: AbortSignal;
}

export class WeightsPost {
	readonly #options: WeightsPostOptions;

	constructor(options: WeightsPostOptions) {
		this.#options = options;
	}

	/** Sends weights to the parameter server, for a mean. `step`: updates that they have behind them. */
	async contribute(stage: Stage, transfer: string, weight: number, step: number): Promise<void> {
		const {parameters, buffers} = await stage.save(['parameters', 'buffers']);
		await this.sendVector(transfer, transfer, joined(parameters, buffers), {
			weight,
			parameters: parameters.length,
			step,
		});
	}

	/** Copies a state and sends it while the run goes on. */
	async upload(stage: Stage, transfer: string): Promise<void> {
		const {link, log, task, signal} = this.#options;
		const data = encodeState(await stage.save());
		const purpose = {kind: 'state', ...task, key: transfer} as const;
		link
			.send(coordinatorId, {id: transfer, purpose, data}, {stallMs, signal})
			.catch((error: unknown) => log.info(`state ${transfer}: ${asFplError(error).message}`));
	}

	/** Goes on with a state that the coordinator sends. @throws FplError `WIRE_TIMEOUT`, `WIRE_INVALID`, `INTERRUPTED`. */
	async load(stage: Stage, transfer: string, deadlineMs: number): Promise<void> {
		const {inbox, phases, signal} = this.#options;
		const {data} = await phases.during('wait', () => inbox.take(transfer, deadlineMs, signal));
		const state = decodeState(data, {parameters: stage.parameters.length, buffers: stage.buffers.length});
		const {slots} = await stage.save(['slots']);
		// A mean of weights has no slots: each replica goes on with fresh ones.
		await stage.load({
			...state,
			slots: slots.map((slot, index) => state.slots[index] ?? new Float32Array(slot.length)),
		});
	}

	/** Sends parameters (or their gradient), then buffers, for a mean weighted by items. */
	async sendVector(
		id: string,
		key: string,
		data: Float32Array,
		{weight, parameters, step}: {readonly weight: number; readonly parameters: number; readonly step: number},
	): Promise<void> {
		const {link, phases, task, signal} = this.#options;
		const buffers = data.length - parameters;
		const purpose = {kind: 'contribution', ...task, round: step, weight, parameters, buffers, key} as const;
		const transfer = {id, purpose, data: bytesOf({data})};
		await phases.during('send', () => link.send(coordinatorId, transfer, {stallMs, signal}));
	}
}
