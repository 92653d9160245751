/** One transfer being sent: opens it, keeps the window full, repeats what got lost, resumes after a broken connection. */
import type {Clock} from '../../clock.js';
import {asFplError, FplError, isFplError} from '../../errors.js';
import type {DeviceId} from '../../ids.js';
import type {Body, BodyOf} from '../bodies.js';
import type {OutgoingTransfer, SendOptions, TransferStats} from '../tensor-link.js';
import type {TransportStatus} from '../transport.js';
import {chunkEncoder} from './chunk-codec.js';
import {ChunkSet} from './chunk-set.js';
import {Pacing, type PacingOptions} from './pacing.js';
import {Schedule} from './schedule.js';

/** What a transfer needs of its link. */
export interface OutgoingContext {
	readonly clock: Clock;
	readonly self: DeviceId;
	readonly to: DeviceId;
	readonly chunkBytes: number;
	readonly pacing: PacingOptions;
	status(): TransportStatus;
	/** Sends bytes to the peer; resolves when there is room for more; returns the bytes on the wire. */
	publish(bytes: Uint8Array): Promise<number>;
	post(body: Body): Promise<number>;
}

const firstBeginMs = 500;
const longestBeginMs = 5000;

export class Outgoing {
	readonly #context: OutgoingContext;
	readonly #transfer: OutgoingTransfer;
	readonly #options: SendOptions;
	readonly #pacing: Pacing;
	readonly #encode: (sequence: number, data: Uint8Array) => Buffer;
	#chunkBytes: number;
	#maxWindow: number;
	/** Undefined until the receiver has said how far it is, and again after the connection was lost. */
	#acked: ChunkSet | undefined;
	#schedule: Schedule | undefined;
	/** Most chunks that were ever acknowledged, so that repeated openings are not mistaken for progress. */
	#best = -1;
	#complete = false;
	#failure: FplError | undefined;
	#wireBytes = 0;
	#repeats = 0;
	#progressAt: number;
	#beginWaitMs = firstBeginMs;
	#wake = () => {};

	constructor(context: OutgoingContext, transfer: OutgoingTransfer, options: SendOptions) {
		this.#context = context;
		this.#transfer = transfer;
		this.#options = options;
		this.#pacing = new Pacing(context.pacing);
		this.#encode = chunkEncoder(context.self, context.to, transfer.id);
		this.#chunkBytes = context.chunkBytes;
		this.#maxWindow = context.pacing.maxWindow;
		this.#progressAt = context.clock.monotonic();
	}

	/** @throws FplError as `TensorLink.send`. */
	async run(): Promise<TransferStats> {
		const {clock} = this.#context;
		const started = clock.monotonic();
		const abort = () => this.fail(new FplError('INTERRUPTED', {where: this.#where()}));
		this.#options.signal?.addEventListener('abort', abort, {once: true});
		if (this.#options.signal?.aborted) {
			abort();
		}
		try {
			while (!this.#complete) {
				this.#check();
				await this.#step();
			}
			return {
				bytes: this.#transfer.data.length,
				wireBytes: this.#wireBytes,
				seconds: (clock.monotonic() - started) / 1000,
				repeats: this.#repeats + (this.#schedule?.repeats ?? 0),
			};
		} finally {
			this.#options.signal?.removeEventListener('abort', abort);
		}
	}

	/** Ends the transfer with an error. */
	fail(error: FplError): void {
		this.#failure ??= error;
		this.#wake();
	}

	/** The connection came or went. After it came back, the receiver is asked how far it is. */
	statusChanged(): void {
		this.#reopen();
		this.#wake();
	}

	acknowledged(ack: BodyOf<'chunkAck'>): void {
		const now = this.#context.clock.monotonic();
		if (ack.refused !== '') {
			this.fail(new FplError('AGENT_FAILED', {where: this.#where(), problem: `refused: ${ack.refused}`}));
			return;
		}
		if (ack.complete) {
			this.#complete = true;
		} else if (ack.unknown) {
			this.#best = -1;
			this.#reopen();
		} else if (this.#acked && this.#schedule) {
			this.#advance(ack, this.#acked, this.#schedule, now);
		} else {
			this.#open(ack, now);
		}
		this.#wake();
	}

	#open(ack: BodyOf<'chunkAck'>, now: number): void {
		if (ack.chunkBytes === 0 || ack.chunkBytes > this.#context.chunkBytes) {
			return;
		}
		this.#chunkBytes = ack.chunkBytes;
		this.#maxWindow = Math.max(1, ack.window);
		this.#pacing.limit(this.#maxWindow);
		this.#acked = new ChunkSet(Math.ceil(this.#transfer.data.length / this.#chunkBytes));
		this.#acked.merge(ack);
		this.#schedule = new Schedule(this.#acked);
		this.#beginWaitMs = firstBeginMs;
		if (this.#acked.count > this.#best) {
			this.#best = this.#acked.count;
			this.#progressAt = now;
		}
	}

	#advance(ack: BodyOf<'chunkAck'>, acked: ChunkSet, schedule: Schedule, now: number): void {
		const added = acked.merge(ack);
		if (added.length === 0) {
			return;
		}
		this.#best = Math.max(this.#best, acked.count);
		this.#progressAt = now;
		const {sample, lost} = schedule.acknowledged(added, now);
		this.#pacing.acknowledged(added.length, sample, this.#maxWindow);
		if (lost) {
			this.#pacing.lost(now, false);
		}
	}

	#reopen(): void {
		this.#repeats += this.#schedule?.repeats ?? 0;
		this.#acked = undefined;
		this.#schedule = undefined;
	}

	#check(): void {
		if (this.#failure) {
			throw this.#failure;
		}
		if (this.#context.status() === 'closed') {
			throw new FplError('WIRE_CLOSED', {where: this.#where()});
		}
		const silence = this.#context.clock.monotonic() - this.#progressAt;
		if (silence >= this.#options.stallMs) {
			throw new FplError('WIRE_TIMEOUT', {
				where: this.#where(),
				expected: `progress within ${this.#options.stallMs} ms`,
				got: `none after ${this.#acked?.count ?? 0} of ${this.#acked?.size ?? 'an unknown number of'} chunks`,
			});
		}
	}

	async #step(): Promise<void> {
		if (this.#context.status() === 'offline') {
			await this.#wait(Number.POSITIVE_INFINITY);
			return;
		}
		const schedule = this.#schedule;
		if (!schedule) {
			await this.#begin();
			return;
		}
		const now = this.#context.clock.monotonic();
		const sequence = schedule.pick(this.#pacing.window);
		if (sequence !== undefined) {
			await this.#sendChunk(schedule, sequence, now);
			return;
		}
		const {rtoMs} = this.#pacing;
		if (schedule.expire(now - rtoMs)) {
			this.#pacing.lost(now, true);
		} else if (schedule.oldest === undefined) {
			// Everything seems to have come, but it is not complete: what we know is stale, so the receiver is asked.
			this.#reopen();
		} else {
			await this.#wait(schedule.oldest + rtoMs - now);
		}
	}

	async #begin(): Promise<void> {
		const {id, data, purpose} = this.#transfer;
		const {chunkBytes} = this.#context;
		await this.#put(
			this.#context.post({kind: 'begin', transfer: id, bytes: data.length, chunkBytes, purpose: {...purpose} as never}),
		);
		if (!this.#schedule) {
			await this.#wait(this.#beginWaitMs);
			this.#beginWaitMs = Math.min(this.#beginWaitMs * 2, longestBeginMs);
		}
	}

	async #sendChunk(schedule: Schedule, sequence: number, now: number): Promise<void> {
		const offset = sequence * this.#chunkBytes;
		const data = this.#transfer.data.subarray(offset, offset + this.#chunkBytes);
		schedule.sent(sequence, now);
		await this.#put(this.#context.publish(this.#encode(sequence, data)));
	}

	/** Waits for a publication, but no longer than the transfer may stall. */
	async #put(publication: Promise<number>): Promise<void> {
		let done = false;
		publication
			.then(
				bytes => {
					this.#wireBytes += bytes;
				},
				(error: unknown) => {
					// A broken connection is waited out; the status says when it is back.
					if (!isFplError(error, 'WIRE_CLOSED')) {
						this.fail(asFplError(error));
					}
				},
			)
			.finally(() => {
				done = true;
				this.#wake();
			});
		while (!done && !this.#complete) {
			this.#check();
			await this.#wait(Number.POSITIVE_INFINITY);
		}
	}

	/** Until something happens, `ms` have passed or the transfer has stalled. */
	#wait(ms: number): Promise<void> {
		const {clock} = this.#context;
		const untilStall = this.#progressAt + this.#options.stallMs - clock.monotonic();
		return new Promise(resolve => {
			const cancel = clock.after(Math.max(0, Math.min(ms, untilStall)), () => this.#wake());
			this.#wake = () => {
				cancel();
				this.#wake = () => {};
				resolve();
			};
		});
	}

	#where(): string {
		return `transfer ${this.#transfer.id} to ${this.#context.to}`;
	}
}
