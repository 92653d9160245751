/** Transfers being received from everybody: acceptance, exactly one delivery per chunk, acknowledgments, limits. */
import type {Clock} from '../../clock.js';
import type {DeviceId} from '../../ids.js';
import type {Logger} from '../../log.js';
import type {BodyOf} from '../bodies.js';
import type {Acceptance, ChunkSink, IncomingTransfer} from '../tensor-link.js';
import {crc32} from './chunk-codec.js';
import {ChunkSet} from './chunk-set.js';
import {earlyBytes, earlyChunks, maxSpan} from './schedule.js';

export interface IncomingLimits {
	/** Largest transfer in bytes, and the most chunks one may have (their bitmap is memory). */
	readonly maxBytes: number;
	readonly maxChunks: number;
	/** Transfers under way at once, in all and from one sender. */
	readonly maxTransfers: number;
	readonly maxTransfersPerSender: number;
	/** A transfer without a new chunk for this long is aborted. */
	readonly ttlMs: number;
	/** Largest chunk that is accepted; senders are told. */
	readonly maxChunkBytes: number;
	/** Chunks that may be under way at once per transfer. */
	readonly window: number;
	/** After a silence this long an acknowledgment is sent without being asked for. */
	readonly ackDelayMs: number;
	/** Completed transfers that are remembered, to answer repetitions. */
	readonly maxRemembered: number;
}

export const defaultLimits: IncomingLimits = {
	maxBytes: 8 * 1024 ** 3,
	maxChunks: 1024 * 1024,
	maxTransfers: 256,
	maxTransfersPerSender: 32,
	ttlMs: 120_000,
	maxChunkBytes: 1024 * 1024,
	window: 64,
	ackDelayMs: 5,
	maxRemembered: 4096,
};

interface Open {
	readonly transfer: IncomingTransfer;
	readonly sink: ChunkSink;
	readonly received: ChunkSet;
	newestAt: number;
	/** The timer that will acknowledge what has come. */
	cancelAck: (() => void) | undefined;
}

type Ack = Omit<BodyOf<'chunkAck'>, 'kind' | 'transfer'>;

const nothing: Ack = {
	cumulative: 0,
	bitmap: new Uint8Array(0),
	chunkBytes: 0,
	window: 0,
	complete: false,
	refused: '',
	unknown: false,
};

export interface IncomingContext {
	readonly clock: Clock;
	readonly logger: Logger;
	readonly limits: IncomingLimits;
	/** Sends an acknowledgment without waiting. */
	acknowledge(to: DeviceId, body: BodyOf<'chunkAck'>): void;
}

export class Incoming {
	readonly #context: IncomingContext;
	readonly #open = new Map<string, Open>();
	/** Keys of completed transfers, oldest first. */
	readonly #completed = new Set<string>();
	#handler: ((transfer: IncomingTransfer) => Acceptance) | undefined;
	#cancelSweep: (() => void) | undefined;

	constructor(context: IncomingContext) {
		this.#context = context;
	}

	get size(): number {
		return this.#open.size;
	}

	setHandler(handler: (transfer: IncomingTransfer) => Acceptance): void {
		this.#handler = handler;
	}

	begin(from: DeviceId, body: BodyOf<'begin'>): void {
		const key = `${from}/${body.transfer}`;
		const open = this.#open.get(key);
		if (open) {
			if (open.transfer.bytes === body.bytes) {
				this.#report(open);
			} else {
				this.#answer(from, body.transfer, {refused: 'another transfer of this id is under way'});
			}
			return;
		}
		if (this.#completed.has(key)) {
			this.#answer(from, body.transfer, {complete: true});
			return;
		}
		const transfer = this.#describe(from, body);
		const acceptance = this.#limitsRefuse(transfer) ?? this.#ask(transfer);
		if (acceptance === 'already') {
			this.#remember(key);
			this.#answer(from, body.transfer, {complete: true});
		} else if ('refuse' in acceptance) {
			this.#answer(from, body.transfer, {refused: acceptance.refuse.slice(0, 2000) || 'no reason given'});
		} else {
			this.#accept(key, transfer, acceptance);
			if (body.data.length > 0 && transfer.chunks === 1) {
				this.chunk(from, {...body, kind: 'chunk', sequence: 0, ask: false});
			}
		}
	}

	chunk(from: DeviceId, {transfer: id, sequence, crc, ask, data}: BodyOf<'chunk'>): void {
		const key = `${from}/${id}`;
		const open = this.#open.get(key);
		if (!open) {
			this.#answer(from, id, this.#completed.has(key) ? {complete: true} : {unknown: true});
			return;
		}
		const {transfer, received} = open;
		const offset = sequence * transfer.chunkBytes;
		const expected = Math.min(transfer.chunkBytes, transfer.bytes - offset);
		if (sequence >= transfer.chunks || data.length !== expected || crc32(data) !== crc) {
			this.#context.logger.warn('a damaged chunk was dropped', {from, transfer: id, sequence});
			return;
		}
		if (received.has(sequence)) {
			// Sent again: our acknowledgment was late or lost.
			this.#soon(open);
			return;
		}
		try {
			open.sink.chunk(sequence, offset, data);
		} catch (error) {
			this.#reject(key, open, error);
			return;
		}
		received.add(sequence);
		open.newestAt = this.#context.clock.monotonic();
		if (received.complete) {
			this.#finish(key, open);
		} else if (ask) {
			this.#report(open);
		} else {
			this.#soon(open);
		}
	}

	cancel(from: DeviceId, {transfer, because}: BodyOf<'cancel'>): void {
		const key = `${from}/${transfer}`;
		const open = this.#open.get(key);
		if (open) {
			this.#drop(key, open, `cancelled by the sender: ${because}`);
		}
	}

	close(): void {
		for (const [key, open] of this.#open) {
			this.#drop(key, open, 'the link was closed');
		}
		this.#cancelSweep?.();
		this.#cancelSweep = undefined;
	}

	#describe(from: DeviceId, body: BodyOf<'begin'>): IncomingTransfer {
		const chunkBytes = Math.min(body.chunkBytes, this.#context.limits.maxChunkBytes);
		const {transfer: id, purpose, bytes} = body;
		return {id, from, purpose, bytes, chunkBytes, chunks: Math.ceil(bytes / chunkBytes)};
	}

	#limitsRefuse({from, bytes, chunks}: IncomingTransfer): {readonly refuse: string} | undefined {
		const {limits} = this.#context;
		if (bytes > limits.maxBytes) {
			return {refuse: `${bytes} bytes are more than ${limits.maxBytes}`};
		}
		if (chunks > limits.maxChunks) {
			return {refuse: `${chunks} chunks are more than ${limits.maxChunks}`};
		}
		const ofSender = [...this.#open.values()].filter(({transfer}) => transfer.from === from).length;
		return this.#open.size >= limits.maxTransfers || ofSender >= limits.maxTransfersPerSender
			? {refuse: 'too many transfers are under way'}
			: undefined;
	}

	#ask(transfer: IncomingTransfer): Acceptance {
		try {
			return this.#handler?.(transfer) ?? {refuse: 'nobody takes transfers here'};
		} catch (error) {
			return {refuse: error instanceof Error ? error.message : String(error)};
		}
	}

	#accept(key: string, transfer: IncomingTransfer, sink: ChunkSink): void {
		const open: Open = {
			transfer,
			sink,
			received: new ChunkSet(transfer.chunks),
			newestAt: this.#context.clock.monotonic(),
			cancelAck: undefined,
		};
		this.#open.set(key, open);
		this.#armSweep();
		if (transfer.chunks === 0) {
			this.#finish(key, open);
		} else if (transfer.chunks <= earlyChunks && transfer.bytes <= earlyBytes) {
			// All of it follows without waiting for us: the end is acknowledged, and that is enough.
			this.#soon(open);
		} else {
			this.#report(open);
		}
	}

	#finish(key: string, open: Open): void {
		try {
			open.sink.done();
		} catch (error) {
			this.#reject(key, open, error);
			return;
		}
		this.#forget(key, open);
		this.#remember(key);
		this.#answer(open.transfer.from, open.transfer.id, {complete: true});
	}

	/** The sink threw: it does not want this transfer. */
	#reject(key: string, open: Open, error: unknown): void {
		const because = error instanceof Error ? error.message : String(error);
		this.#drop(key, open, because);
		this.#answer(open.transfer.from, open.transfer.id, {refused: because.slice(0, 2000) || 'it failed'});
	}

	#drop(key: string, open: Open, because: string): void {
		this.#forget(key, open);
		try {
			open.sink.abort(because);
		} catch (error) {
			this.#context.logger.warn('a sink failed while being aborted', {
				transfer: open.transfer.id,
				error: String(error),
			});
		}
	}

	#forget(key: string, open: Open): void {
		open.cancelAck?.();
		open.cancelAck = undefined;
		this.#open.delete(key);
		if (this.#open.size === 0) {
			this.#cancelSweep?.();
			this.#cancelSweep = undefined;
		}
	}

	#remember(key: string): void {
		this.#completed.add(key);
		if (this.#completed.size > this.#context.limits.maxRemembered) {
			for (const oldest of this.#completed) {
				this.#completed.delete(oldest);
				break;
			}
		}
	}

	/** When nothing more comes for a while. */
	#soon(open: Open): void {
		open.cancelAck?.();
		open.cancelAck = this.#context.clock.after(this.#context.limits.ackDelayMs, () => this.#report(open));
	}

	#report(open: Open): void {
		open.cancelAck?.();
		open.cancelAck = undefined;
		const {transfer, received} = open;
		this.#answer(transfer.from, transfer.id, {
			...received.snapshot(maxSpan),
			chunkBytes: transfer.chunkBytes,
			window: this.#context.limits.window,
		});
	}

	#answer(to: DeviceId, transfer: string, ack: Partial<Ack>): void {
		this.#context.acknowledge(to, {kind: 'chunkAck', transfer, ...nothing, ...ack});
	}

	/** One timer for all: it looks for transfers that have been silent for too long. */
	#armSweep(): void {
		const {clock, limits} = this.#context;
		this.#cancelSweep ??= clock.after(limits.ttlMs / 4, () => {
			this.#cancelSweep = undefined;
			for (const [key, open] of this.#open) {
				if (clock.monotonic() - open.newestAt >= limits.ttlMs) {
					this.#drop(key, open, `no new chunk for ${limits.ttlMs} ms`);
				}
			}
			if (this.#open.size > 0) {
				this.#armSweep();
			}
		});
	}
}
