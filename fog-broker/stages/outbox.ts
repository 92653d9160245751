/**
 * Orders and weights on their way to the agents. Orders that one transition of the run causes travel to each agent in one
 * message; big vectors go beside them as transfers.
 */
import {setMaxListeners} from 'node:events';
import {asFplError, type FplError} from '../../core/errors.js';
import {type DeviceId, deviceId, type RunId} from '../../core/ids.js';
import type {Logger} from '../../core/log.js';
import type {Job} from '../../core/plan/job.js';
import type {OrdersDocument} from '../../core/plan/orders.js';
import type {Plan} from '../../core/plan/plan.js';
import type {Messenger} from '../../core/wire/messenger.js';
import type {TensorLink, TransferPurpose} from '../../core/wire/tensor-link.js';

export interface OutboxOptions {
	readonly run: RunId;
	readonly job: Job;
	/** The job as it was submitted, to be passed on. */
	readonly jobText: string;
	/** The plan that the run began with: it says whose part of the data is whose. */
	readonly original: Plan;
	readonly model: {readonly bytes: Uint8Array; readonly digest: string};
	/** Whether a device can do its part of a plan. @throws FplError */
	readonly check?: (plan: Plan, device: string) => void;
	readonly log: Logger;
	readonly messenger: Messenger;
	readonly link: TensorLink;
	/** A device cannot be reached, or refuses. */
	readonly onTrouble: (device: string, error: FplError) => void;
	/** A device that is to be held knows nothing of this attempt: it began anew. */
	readonly onForgotten: (device: string) => void;
}

const controlDeadlineMs = 15_000;
const stallMs = 20_000;

/** Messages carry whole milliseconds in 32 bits. */
const wholeMs = (ms: number): number => Math.min(0xffff_ffff, Math.ceil(ms));

type Draft = {-readonly [K in keyof OrdersDocument]: OrdersDocument[K]};

export class Outbox {
	readonly #options: OutboxOptions;
	readonly #drafts = new Map<string, Draft>();
	/** By device: what it was asked last; settled when it has answered. Orders arrive in the order in which they are sent. */
	readonly #asked = new Map<string, Promise<void>>();
	#attempt: number;
	/** Ends what is sent for an attempt. */
	#abort = new AbortController();
	#transfers = 0;

	constructor(options: OutboxOptions, attempt: number) {
		this.#options = options;
		this.#attempt = attempt;
		// Every device has a few requests and transfers under way.
		setMaxListeners(0, this.#abort.signal);
	}

	/** What was sent for earlier attempts is stopped. */
	begin(attempt: number): void {
		this.#abort.abort();
		this.#abort = new AbortController();
		setMaxListeners(0, this.#abort.signal);
		this.#attempt = attempt;
		this.#drafts.clear();
		this.#asked.clear();
	}

	/** Adds to the orders of a device. Only lists and what is not there yet can be added. */
	order(device: string): Draft {
		const draft = this.#drafts.get(device) ?? {};
		this.#drafts.set(device, draft);
		return draft;
	}

	/** A name that no other transfer of this run has. */
	transferId(what: string): string {
		return `${this.#options.run}/${this.#attempt}/${what}/${++this.#transfers}`;
	}

	/** Sends the orders that have gathered. */
	flush(deadlineMs: number): void {
		for (const [device, orders] of this.#drafts) {
			this.#request(deviceId(device), {
				kind: 'proceed',
				run: this.#options.run,
				attempt: this.#attempt,
				orders: JSON.stringify(orders),
				deadlineMs: wholeMs(deadlineMs),
			});
		}
		this.#drafts.clear();
	}

	hold(device: string): void {
		const body = {kind: 'hold', run: this.#options.run, attempt: this.#attempt} as const;
		this.#request(deviceId(device), body, error => {
			if (error.code === 'AGENT_FAILED') {
				this.#options.onForgotten(device);
			}
		});
	}

	/** Sends a vector or a state. What does not arrive shows in the deadline of who waits for it. */
	send(device: string, id: string, purpose: TransferPurpose, data: Uint8Array): void {
		const {link, log} = this.#options;
		link
			.send(deviceId(device), {id, purpose, data}, {stallMs, signal: this.#abort.signal})
			.catch((error: unknown) => log.debug(`${id} to ${device}: ${asFplError(error).message}`));
	}

	/**
	 * Hands a device its parts of the plan, and the model unless it has it.
	 * @param more goes along with the description of its data.
	 * @throws FplError when it cannot do them, refuses or is silent.
	 */
	async assign(device: string, plan: Plan, step: number, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
		const {run, job, jobText, original, model, link, messenger} = this.#options;
		const attempt = this.#attempt;
		this.#options.check?.(plan, device);
		const sources = original.stages[0]!.replicas.map(replica => replica.device);
		const origins = plan.stages[0]!.replicas.map(replica => sources.indexOf(replica.device));
		const stage = plan.stages.findIndex(({replicas}) => replicas.some(replica => replica.device === device));
		const replica = plan.stages[stage]!.replicas.findIndex(other => other.device === device);
		const modelTransfer = this.transferId('model');
		const {signal} = this.#abort;
		await messenger.request(
			deviceId(device),
			{
				kind: 'assign',
				run,
				attempt,
				job: jobText,
				plan: JSON.stringify(plan),
				partition: JSON.stringify({
					...job.data.partition,
					index: Math.max(0, sources.indexOf(device)),
					parts: sources.length,
					origins,
					step,
					...more,
				}),
				stage,
				replica,
				share: 1,
				modelDigest: model.digest,
				modelTransfer,
				deadlineMs: wholeMs(job.devices.wait * 1000),
			},
			{expect: ['ack'], deadlineMs: controlDeadlineMs, signal},
		);
		const purpose = {kind: 'model', run, digest: model.digest} as const;
		await link.send(
			deviceId(device),
			{id: modelTransfer, purpose, data: model.bytes},
			{stallMs: controlDeadlineMs, signal},
		);
	}

	/** Frees devices that this attempt does without. A later attempt that wants them again is not disturbed. */
	drop(devices: readonly string[]): void {
		this.release(devices, 'the run goes on without it', this.#abort.signal);
	}

	/** Tells the devices that they are free; those that do not hear it learn it from the next assignment. */
	release(devices: readonly string[], because: string, signal?: AbortSignal): void {
		const {messenger, run, log} = this.#options;
		for (const device of devices) {
			messenger
				.request(
					deviceId(device),
					{kind: 'release', run, because},
					{
						expect: ['ack'],
						deadlineMs: 5000,
						...(signal ? {signal} : {}),
					},
				)
				.catch((error: unknown) => log.debug(`release ${device}: ${asFplError(error).message}`));
		}
	}

	#request(
		device: DeviceId,
		body: Parameters<Messenger['request']>[1],
		onError: (error: FplError) => void = error => this.#options.onTrouble(device, error),
	): void {
		const {messenger} = this.#options;
		const {signal} = this.#abort;
		const before = this.#asked.get(device) ?? Promise.resolve();
		const asked = before
			.then(async () => {
				if (!signal.aborted) {
					await messenger.request(device, body, {expect: ['ack'], deadlineMs: controlDeadlineMs, signal});
				}
			})
			.catch((error: unknown) => {
				if (!signal.aborted) {
					onError(asFplError(error));
				}
			});
		this.#asked.set(device, asked);
	}
}
