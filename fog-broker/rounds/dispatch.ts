/** What the coordinator sends to the devices of a run: assignments with the model, rounds with the weights, and the release. */
import {asFplError, type ErrorCode} from '../../core/errors.js';
import type {DeviceId, RunId} from '../../core/ids.js';
import type {Logger} from '../../core/log.js';
import type {Job} from '../../core/plan/job.js';
import type {Plan} from '../../core/plan/plan.js';
import {bytesOf} from '../../core/tensor/tensor.js';
import type {Messenger} from '../../core/wire/messenger.js';
import type {TensorLink} from '../../core/wire/tensor-link.js';

export interface DispatchParts {
	readonly run: RunId;
	readonly attempt: number;
	readonly job: Job;
	/** The job as it was submitted, to be passed on. */
	readonly jobText: string;
	readonly plan: Plan;
	readonly model: {readonly bytes: Uint8Array; readonly digest: string};
	readonly log: Logger;
	readonly messenger: Messenger;
	readonly link: TensorLink;
}

/** What is the same for all devices of a round. */
export interface RoundOrder {
	readonly round: number;
	readonly lrScale: number;
	readonly deadlineMs: number;
	/** Parameters, then buffers. */
	readonly weights: Float32Array;
}

const controlDeadlineMs = 15_000;

/** What happens when a device is away, slow, or has done with the round. */
const outOfReach: readonly ErrorCode[] = ['INTERRUPTED', 'WIRE_TIMEOUT', 'WIRE_CLOSED', 'AGENT_FAILED'];

/** Deadlines come from medians and from quantities like «2.2 s»; messages carry whole milliseconds in 32 bits. */
const wholeMs = (ms: number): number => Math.min(0xffff_ffff, Math.ceil(ms));

export class Dispatch {
	readonly #parts: DispatchParts;
	#round = new AbortController();
	/** Ends assignments that are under way. */
	readonly #closing = new AbortController();
	#transfers = 0;

	constructor(parts: DispatchParts) {
		this.#parts = parts;
	}

	/** Hands a device its part of the plan, and the model unless it has it. @throws FplError when it refuses or is silent. */
	async assign(device: DeviceId): Promise<void> {
		const {run, attempt, jobText, plan, job, model, link, messenger} = this.#parts;
		const {signal} = this.#closing;
		const {replicas} = plan.stages[0]!;
		const replica = replicas.findIndex(other => other.device === device);
		const total = replicas.reduce((sum, {share}) => sum + share, 0);
		const modelTransfer = this.#transferId();
		await messenger.request(
			device,
			{
				kind: 'assign',
				run,
				attempt,
				job: jobText,
				plan: JSON.stringify(plan),
				partition: JSON.stringify({...job.data.partition, index: replica, parts: replicas.length}),
				stage: 0,
				replica,
				share: replicas[replica]!.share / total,
				modelDigest: model.digest,
				modelTransfer,
				deadlineMs: wholeMs(job.devices.wait * 1000),
			},
			{expect: ['ack'], deadlineMs: controlDeadlineMs, signal},
		);
		const purpose = {kind: 'model', run, digest: model.digest} as const;
		await link.send(device, {id: modelTransfer, purpose, data: model.bytes}, {stallMs: controlDeadlineMs, signal});
	}

	/**
	 * Asks a device to work on a round and sends it the weights. A device that cannot be reached is no error: its absence or
	 * the round's deadline tells.
	 * @returns why the device does not hold the run any more, when it says so.
	 * @throws FplError whatever else goes wrong.
	 */
	async startRound(
		device: DeviceId,
		{cursor, count}: {readonly cursor: number; readonly count: number},
		{round, lrScale, deadlineMs, weights}: RoundOrder,
	): Promise<string | undefined> {
		const {run, attempt, job, plan, link, messenger, log} = this.#parts;
		const {every} = plan.synchronisation;
		const {signal} = this.#round;
		const weightsTransfer = this.#transferId();
		const patienceMs = Math.min(deadlineMs, controlDeadlineMs);
		let lost: string | undefined;
		try {
			await Promise.all([
				messenger
					.request(
						device,
						{
							kind: 'startRound',
							run,
							attempt,
							round,
							firstStep: round,
							steps: every.kind === 'step' ? 1 : 0,
							localEpochs: every.kind === 'epochs' ? every.epochs : 0,
							weightsVersion: round,
							weightsTransfer,
							lrScales: [lrScale],
							batches: JSON.stringify({cursor, count, batch: every.kind === 'step' ? count : job.training.batch}),
							deadlineMs: wholeMs(deadlineMs),
						},
						{expect: ['ack'], deadlineMs: patienceMs, signal},
					)
					.catch((error: unknown) => {
						const failure = asFplError(error);
						lost = failure.code === 'AGENT_FAILED' ? failure.message : undefined;
						throw failure;
					}),
				link.send(
					device,
					{id: weightsTransfer, purpose: {kind: 'weights', run, round}, data: bytesOf({data: weights})},
					{stallMs: patienceMs, signal},
				),
			]);
		} catch (error) {
			const {code, message} = asFplError(error);
			if (!outOfReach.includes(code)) {
				throw error;
			}
			log.debug(`round ${round + 1}, ${device}: ${message}`);
		}
		return lost;
	}

	/** Stops sending what belongs to the round that is over. */
	endRound(): void {
		// With a reason of our own no exception is made, whose stack costs more than the rest.
		this.#round.abort('the round is over');
		this.#round = new AbortController();
	}

	/** Stops assigning too. */
	close(): void {
		this.endRound();
		this.#closing.abort();
	}

	/** Tells the devices that they are free; those that do not hear it learn it from the next assignment. */
	release(devices: readonly DeviceId[], because: string): void {
		for (const device of devices) {
			this.#parts.messenger
				.request(device, {kind: 'release', run: this.#parts.run, because}, {expect: ['ack'], deadlineMs: 5000})
				.catch((error: unknown) => this.#parts.log.debug(`release ${device}: ${asFplError(error).message}`));
		}
	}

	/** Never used twice: a round that is asked for again is another transfer. */
	#transferId(): string {
		return `${this.#parts.run}/${this.#parts.attempt}/${++this.#transfers}`;
	}
}
