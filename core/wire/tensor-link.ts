/**
 * Large payloads between two named parties, on top of a Transport: chunked, checksummed (CRC-32), windowed, resumable.
 * One topic per (from, to). The receiver decides per transfer whether to take it, sees each chunk exactly once, in any
 * order, and may stop it.
 */
import type {DeviceId} from '../ids.js';

export interface OutgoingTransfer {
	/** Unique per sender and content: sending the same id again resumes or is answered at once when it was complete. */
	readonly id: string;
	/** What it is for; the receiver's handler decides by it. */
	readonly purpose: TransferPurpose;
	readonly data: Uint8Array;
}

/** What a transfer carries. `weight`: items behind a gradient or model, for the weighted mean. */
export type TransferPurpose =
	| {readonly kind: 'model'; readonly run: string; readonly digest: string}
	| {readonly kind: 'weights'; readonly run: string; readonly round: number}
	| {
			readonly kind: 'contribution';
			readonly run: string;
			readonly round: number;
			/** The coordinator's epoch of the run: contributions to an earlier attempt at the same round are refused. */
			readonly attempt: number;
			readonly weight: number;
			/** Elements of the flat parameter vector in `data`, before the buffers. */
			readonly parameters: number;
			readonly buffers: number;
			/** In runs with stages: which of the transfers that were asked for this is; else empty. */
			readonly key: string;
	  }
	/** Activations or their gradients, for some rows of one micro-batch. `digest`: of model and plan. */
	| {
			readonly kind: 'boundary';
			readonly run: string;
			readonly attempt: number;
			readonly step: number;
			readonly key: string;
			readonly digest: string;
	  }
	/** Weights and optimiser slots of a stage. */
	| {readonly kind: 'state'; readonly run: string; readonly attempt: number; readonly key: string}
	| {readonly kind: 'file'; readonly run: string; readonly name: string; readonly digest: string};

export interface IncomingTransfer {
	readonly id: string;
	readonly from: DeviceId;
	readonly purpose: TransferPurpose;
	readonly bytes: number;
	readonly chunkBytes: number;
	readonly chunks: number;
}

export interface ChunkSink {
	/** `data` is only valid during the call. `offset` in bytes. Never called twice for one sequence number. */
	chunk(sequence: number, offset: number, data: Uint8Array): void;
	done(): void;
	/** The sender gave up, or the transfer's deadline passed without a new chunk. */
	abort(because: string): void;
}

/** A sink, a refusal with its reason, or `already` (complete before; acknowledged at once). */
export type Acceptance = ChunkSink | {readonly refuse: string} | 'already';

export interface SendOptions {
	/** Gives up when no acknowledgment came for this long. */
	readonly stallMs: number;
	readonly signal?: AbortSignal;
}

export interface TransferStats {
	/** Payload bytes of the tensor. */
	readonly bytes: number;
	/** Bytes put on the wire for it, envelopes and repeats included. */
	readonly wireBytes: number;
	/** Bytes that this party sent meanwhile to anybody, these included: they share its link. */
	readonly linkBytes: number;
	/** Until the receiver said that it has all; counted from when transfers to it that began earlier had been sent. */
	readonly seconds: number;
	/** Chunks that had to be sent again. */
	readonly repeats: number;
}

export interface TensorLink {
	/** @throws FplError `WIRE_TIMEOUT` after a stall, `AGENT_FAILED` when refused (with the reason), `INTERRUPTED`. */
	send(to: DeviceId, transfer: OutgoingTransfer, options: SendOptions): Promise<TransferStats>;
	/** One handler per link; a second call replaces the first. */
	onTransfer(handler: (transfer: IncomingTransfer) => Acceptance): void;
	/** Wire bytes since the link was made. */
	readonly traffic: {readonly sent: number; readonly received: number};
	close(): Promise<void>;
}
