/** One transfer being sent: opens it, keeps the window full, repeats what got lost, resumes after a broken connection. */
import type {Clock} from '../../clock.js';
import {asFplError, FplError, isFplError} from '../../errors.js';
import type {DeviceId} from '../../ids.js';
import type {Body, BodyOf} from '../bodies.js';
import type {OutgoingTransfer, SendOptions, TransferStats} from '../tensor-link.js';
import type {Payload, TransportStatus} from '../transport.js';
import {chunkEncoder, crc32} from './chunk-codec.js';
import {ChunkSet} from './chunk-set.js';
import type {Pacing} from './pacing.js';
import {earlyBytes, earlyChunks, Schedule} from './schedule.js';

/** What a transfer needs of its link. */
export interface OutgoingContext {
	readonly clock: Clock;
	readonly self: DeviceId;
	readonly to: DeviceId;
	readonly chunkBytes: number;
	readonly pacing: Pacing;
	status(): TransportStatus;
	/** Sends bytes to the peer; resolves when there is room for more; returns the bytes on the wire. */
	publish(bytes: Payload): Promise<number>;
	post(body: Body): Promise<number>;
	/** Wire bytes that this party has sent to anybody. */
	sent(): number;
	/** Whether a transfer to the same peer that began earlier has chunks that were never sent. */
	isBehind(): boolean;
	/** The last chunk of this one is under way, or it has ended: those behind it may send. */
	passOn(): void;
}

/** The data cut into chunks, and how far they are. */
interface Cut {
	readonly chunkBytes: number;
	readonly acked: ChunkSet;
	readonly schedule: Schedule;
}

/** Enough to keep a socket busy between two turns of the event loop. */
const maxUnsent = 4;
/** Data up to this size go with the message that opens their transfer. */
const inlineBytes = 256 * 1024;
/** More than any opening needs beside its data: ids, and the purpose. */
const headBytes = 2048;
const noBytes = new Uint8Array(0);
const firstAskMs = 500;
const longestAskMs = 5000;
/** However long there is nothing to do, it is looked after now and then. */
const longestWaitMs = 60_000;
const atOnce = Number.NEGATIVE_INFINITY;
const never = Number.POSITIVE_INFINITY;

export class Outgoing {
	readonly #context: OutgoingContext;
	readonly #transfer: OutgoingTransfer;
	readonly #options: SendOptions;
	readonly #pacing: Pacing;
	readonly #encode: (sequence: number, data: Uint8Array, ask: boolean) => Payload;
	/** Undefined while it is unknown what the receiver has. */
	#cut: Cut | undefined;
	/** Whether the receiver has said that it takes the transfer, in chunks of `#cut`; else it is asked at `#askAt`. */
	#accepted = false;
	#asked = false;
	#askAt = atOnce;
	#askWaitMs = firstAskMs;
	#maxWindow = Number.POSITIVE_INFINITY;
	/** Most chunks that were ever acknowledged, so that repeated openings are not mistaken for progress. */
	#best = -1;
	#progressAt: number;
	#complete = false;
	#failure: FplError | undefined;
	#wireBytes = 0;
	#repeats = 0;
	/** Publications that the transport has not taken yet. */
	#unsent = 0;
	/** Whether it may send, or transfers before it have to be sent first. */
	#atFront = false;
	/** When that was, and what had been sent to anybody by then. */
	#front = {at: 0, sent: 0};
	#wake = () => {};

	constructor(context: OutgoingContext, transfer: OutgoingTransfer, options: SendOptions) {
		this.#context = context;
		this.#transfer = transfer;
		this.#options = options;
		this.#pacing = context.pacing;
		this.#encode = chunkEncoder(context.self, context.to, transfer.id);
		this.#progressAt = context.clock.monotonic();
	}

	/** @throws FplError as `TensorLink.send`. */
	async run(): Promise<TransferStats> {
		const {clock} = this.#context;
		const {signal} = this.#options;
		const abort = () => this.fail(new FplError('INTERRUPTED', {where: this.#where()}));
		signal?.addEventListener('abort', abort, {once: true});
		if (signal?.aborted) {
			abort();
		}
		try {
			while (!this.#complete) {
				this.#check();
				const waiting = this.#step();
				if (waiting) {
					await waiting;
				}
			}
		} finally {
			signal?.removeEventListener('abort', abort);
		}
		this.#forget();
		return {
			bytes: this.#transfer.data.length,
			wireBytes: this.#wireBytes,
			linkBytes: this.#context.sent() - this.#front.sent,
			seconds: (clock.monotonic() - this.#front.at) / 1000,
			repeats: this.#repeats,
		};
	}

	/** Ends the transfer with an error. */
	fail(error: FplError): void {
		this.#failure ??= error;
		this.#wake();
	}

	/** Whether some of its chunks were never sent. */
	get isSending(): boolean {
		return !this.#complete && this.#failure === undefined && (this.#cut?.schedule.hasNew ?? true);
	}

	/** Those before it have been sent. */
	frontReached(): void {
		this.#wake();
	}

	/** The connection came or went. After it came back, the receiver is asked how far it is. */
	statusChanged(): void {
		this.#forget();
		this.#wake();
	}

	acknowledged(ack: BodyOf<'chunkAck'>): void {
		if (ack.refused !== '') {
			this.fail(new FplError('AGENT_FAILED', {where: this.#where(), problem: `refused: ${ack.refused}`}));
		} else if (ack.complete) {
			this.#complete = true;
		} else if (ack.unknown) {
			// While asking without having sent chunks, this answers chunks of before.
			if (this.#cut) {
				this.#best = -1;
				this.#forget();
			}
		} else if (ack.chunkBytes > 0 && ack.chunkBytes <= this.#context.chunkBytes) {
			this.#take(ack);
		}
		this.#wake();
	}

	/** The receiver says what it has and how it wants the rest. */
	#take(ack: BodyOf<'chunkAck'>): void {
		const now = this.#context.clock.monotonic();
		this.#maxWindow = Math.max(1, ack.window);
		if (!this.#accepted) {
			this.#accepted = true;
			this.#askWaitMs = firstAskMs;
			this.#pacing.limit(this.#maxWindow);
		}
		// Chunks that were sent before the answer stay under way when they have the size it wants.
		const cut = this.#cut?.chunkBytes === ack.chunkBytes ? this.#cut : this.#divide(ack.chunkBytes);
		const added = cut.acked.merge(ack);
		if (cut.acked.count > this.#best) {
			this.#best = cut.acked.count;
			this.#progressAt = now;
		}
		if (added.length > 0) {
			const {sample, lost} = cut.schedule.acknowledged(added, now);
			this.#pacing.acknowledged(added.length, sample, this.#maxWindow);
			if (lost) {
				this.#pacing.lost(now, false);
			}
		}
	}

	#divide(chunkBytes: number): Cut {
		this.#repeats += this.#cut?.schedule.repeats ?? 0;
		const acked = new ChunkSet(Math.ceil(this.#transfer.data.length / chunkBytes));
		this.#cut = {chunkBytes, acked, schedule: new Schedule(acked)};
		return this.#cut;
	}

	/** What is known of the receiver may be wrong: it has to be asked. */
	#forget(): void {
		this.#repeats += this.#cut?.schedule.repeats ?? 0;
		this.#cut = undefined;
		this.#accepted = false;
		this.#askAt = atOnce;
	}

	#check(): void {
		if (this.#failure) {
			throw this.#failure;
		}
		if (this.#context.status() === 'closed') {
			throw new FplError('WIRE_CLOSED', {where: this.#where()});
		}
		// In the line it is those before it that must get on.
		if (this.#atFront && this.#context.clock.monotonic() - this.#progressAt >= this.#options.stallMs) {
			const {count = 0, size = 'an unknown number of'} = this.#cut?.acked ?? {};
			throw new FplError('WIRE_TIMEOUT', {
				where: this.#where(),
				expected: `progress within ${this.#options.stallMs} ms`,
				got: `none after ${count} of ${size} chunks`,
			});
		}
	}

	/** One thing after the other: asks, sends a chunk, or returns what has to be waited for. */
	#step(): Promise<void> | undefined {
		const now = this.#context.clock.monotonic();
		if (!this.#atFront) {
			if (this.#context.isBehind()) {
				return this.#wait(never);
			}
			this.#atFront = true;
			this.#front = {at: now, sent: this.#context.sent()};
			this.#progressAt = now;
		}
		if (this.#context.status() === 'offline' || this.#unsent >= maxUnsent) {
			return this.#wait(never);
		}
		if (!this.#accepted && now >= this.#askAt) {
			this.#ask(now);
			return undefined;
		}
		const cut = this.#cut;
		const sequence = cut?.schedule.pick(this.#accepted ? this.#pacing.window : earlyWindow(cut.chunkBytes));
		if (cut && sequence !== undefined) {
			const data = this.#transfer.data.subarray(sequence * cut.chunkBytes, (sequence + 1) * cut.chunkBytes);
			const ask = cut.schedule.sent(sequence, now, this.#pacing.window);
			this.#put(this.#context.publish(this.#encode(sequence, data, ask)), () => this.#left(cut, sequence));
			if (!cut.schedule.hasNew) {
				this.#context.passOn();
			}
			return undefined;
		}
		return cut && this.#accepted ? this.#idle(cut.schedule, now) : this.#wait(this.#askAt - now);
	}

	/**
	 * Opens the transfer, or asks how far it has come. The first time data that one chunk holds go along, and of others a few
	 * chunks follow at once, which saves a small tensor half of its time; later there is reason to doubt, and the answer is
	 * waited for.
	 */
	#ask(now: number): void {
		const {id, data, purpose} = this.#transfer;
		const {chunkBytes} = this.#context;
		const first = !this.#asked;
		if (first) {
			this.#divide(chunkBytes);
		}
		this.#asked = true;
		this.#askAt = now + this.#askWaitMs;
		this.#askWaitMs = Math.min(longestAskMs, this.#askWaitMs * 2);
		const whole = first && data.length > 0 && data.length <= inlineBytes && data.length <= chunkBytes - headBytes;
		if (whole) {
			this.#cut!.schedule.sent(0, now, this.#pacing.window);
		}
		const inline = whole ? {data, crc: crc32(data)} : {data: noBytes, crc: 0};
		const opening = {kind: 'begin', transfer: id, bytes: data.length, chunkBytes, purpose, ...inline} as const;
		const cut = this.#cut;
		this.#put(this.#context.post(opening), () => (whole && cut ? this.#left(cut, 0) : undefined));
		if (whole) {
			this.#context.passOn();
		}
	}

	#left({schedule}: Cut, sequence: number): void {
		schedule.left(sequence, this.#context.clock.monotonic());
	}

	/** All that may be sent is under way. */
	#idle(schedule: Schedule, now: number): Promise<void> | undefined {
		if (this.#unsent > 0) {
			return this.#wait(never);
		}
		const {rtoMs} = this.#pacing;
		if (schedule.expire(now - rtoMs)) {
			this.#pacing.lost(now, true);
			return undefined;
		}
		if (schedule.oldest === undefined) {
			// Everything seems to have come, but it is not complete: what we know is out of date.
			this.#forget();
			return undefined;
		}
		return this.#wait(schedule.oldest + rtoMs - now);
	}

	/** Counts a publication while the transport has no room for it; what fails with the connection is waited out. */
	#put(publication: Promise<number>, onLeft: () => void): void {
		this.#unsent++;
		publication.then(
			bytes => {
				this.#wireBytes += bytes;
				this.#unsent--;
				onLeft();
				this.#wake();
			},
			(error: unknown) => {
				this.#unsent--;
				if (isFplError(error, 'WIRE_CLOSED')) {
					this.#wake();
				} else {
					this.fail(asFplError(error));
				}
			},
		);
	}

	/** Until something happens, `ms` have passed or the transfer has stalled. */
	#wait(ms: number): Promise<void> {
		const {clock} = this.#context;
		const untilStall = this.#atFront ? this.#progressAt + this.#options.stallMs - clock.monotonic() : longestWaitMs;
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

const earlyWindow = (chunkBytes: number) => Math.max(1, Math.min(earlyChunks, Math.floor(earlyBytes / chunkBytes)));
