/**
 * One transfer of a tensor as `core/wire/link` does it: opening, the first chunks before the receiver has said that it takes
 * them, a window of chunks under way, answers a few times per window, when nothing more comes, and at the end. Nothing gets lost.
 */
import {answerBytes, chunkHeadBytes, openingBytes} from '../../core/cost/traffic.js';
import {defaultPacing, Pacing} from '../../core/wire/link/pacing.js';
import {earlyBytes, earlyChunks} from '../../core/wire/link/schedule.js';
import {type Kernel, Signal} from './kernel.js';
import type {Network, Party} from './network.js';
import type {Noise} from './noise.js';

/** Publications that a transport has not taken yet, per transfer. */
const maxUnsent = 4;
/** The receiver answers after a silence this long. */
const answerAfterSeconds = 0.005;
const receiverWindow = 64;

export interface Delivery {
	/** All of it is there. */
	readonly arrived: Signal;
	/** The sender knows. */
	readonly acknowledged: Signal;
	/** Seconds from the first message to the last; 0 before it has arrived. */
	readonly receiving: () => number;
}

/** Sends tensors between parties and keeps what was learnt of the ways between them. */
export class Post {
	readonly #kernel: Kernel;
	readonly #network: Network;
	readonly #chunkBytes: number;
	readonly #noise: Noise;
	readonly #pacings = new Map<string, Pacing>();
	/** By way: transfers that wait until those before them have been sent. Absent: nothing is being sent. */
	readonly #lines = new Map<string, Transfer[]>();

	constructor(kernel: Kernel, network: Network, chunkBytes: number, noise: Noise) {
		this.#kernel = kernel;
		this.#network = network;
		this.#chunkBytes = chunkBytes;
		this.#noise = noise;
	}

	send(from: Party, to: Party, bytes: number): Delivery {
		const way = `${from.name}>${to.name}`;
		const pacing = new Pacing(defaultPacing, this.#pacings.get(way));
		this.#pacings.set(way, pacing);
		const transfer = new Transfer({
			kernel: this.#kernel,
			network: this.#network,
			chunkBytes: this.#chunkBytes,
			slower: this.#noise.link(),
			pacing,
			from,
			to,
			bytes,
			allSent: () => this.#passOn(way),
		});
		const line = this.#lines.get(way);
		if (line) {
			line.push(transfer);
		} else {
			this.#lines.set(way, []);
			transfer.push();
		}
		return transfer;
	}

	#passOn(way: string): void {
		const next = this.#lines.get(way)?.shift();
		if (next) {
			next.push();
		} else {
			this.#lines.delete(way);
		}
	}
}

interface TransferParts {
	readonly kernel: Kernel;
	readonly network: Network;
	readonly chunkBytes: number;
	readonly slower: number;
	readonly pacing: Pacing;
	readonly from: Party;
	readonly to: Party;
	readonly bytes: number;
	/** Called when the last chunk has been given to the link. */
	readonly allSent: () => void;
}

class Transfer implements Delivery {
	readonly arrived = new Signal();
	readonly acknowledged = new Signal();
	readonly #parts: TransferParts;
	readonly #chunks: number;
	/** When each chunk was sent. */
	readonly #sentAt: number[] = [];
	#opened = false;
	#accepted = false;
	#unsent = 0;
	/** Chunks that the sender knows to have arrived. */
	#known = 0;
	/** Chunks sent since an answer was last asked for. */
	#unasked = 0;
	#received = 0;
	#began = 0;
	#ended = 0;
	/** Counts what has come: a timer that was set before answers nothing. */
	#arrivals = 0;

	constructor(parts: TransferParts) {
		this.#parts = parts;
		// A small tensor goes along with the opening.
		this.#chunks = parts.bytes <= parts.chunkBytes ? 0 : Math.ceil(parts.bytes / parts.chunkBytes);
	}

	readonly receiving = (): number => this.#ended - this.#began;

	/** Sends what may be sent now. */
	push(): void {
		const {bytes, chunkBytes, pacing, kernel} = this.#parts;
		if (!this.#opened) {
			this.#opened = true;
			const whole = this.#chunks === 0;
			this.#put(openingBytes + (whole ? bytes : 0), () => this.#opening(whole));
			if (whole) {
				this.#parts.allSent();
			}
		}
		const early = Math.max(1, Math.min(earlyChunks, Math.floor(earlyBytes / chunkBytes)));
		const window = this.#accepted ? pacing.window : early;
		while (this.#sentAt.length < this.#chunks && this.#sentAt.length - this.#known < window) {
			if (this.#unsent >= maxUnsent) {
				return;
			}
			this.#sentAt.push(kernel.now);
			this.#unasked++;
			const next = this.#sentAt.length;
			const left = this.#chunks - next;
			const ask = left > pacing.window - (next - this.#known) && this.#unasked >= pacing.window / 4;
			this.#unasked = ask ? 0 : this.#unasked;
			const data = next === this.#chunks ? bytes - (next - 1) * chunkBytes : chunkBytes;
			this.#put(
				chunkHeadBytes + data,
				() => this.#chunk(ask),
				() => {
					// Waiting in front of the own link is no delay of the way.
					this.#sentAt[next - 1] = kernel.now;
				},
			);
			if (next === this.#chunks) {
				this.#parts.allSent();
			}
		}
	}

	#put(bytes: number, arrived: () => void, left: () => void = () => {}): void {
		const {network, from, to, slower} = this.#parts;
		this.#unsent++;
		// Whether the sender's own link is free shows only after this call.
		let inCall = true;
		const sent = () => {
			left();
			this.#unsent--;
			if (!inCall) {
				this.push();
			}
		};
		network.post({from, to, bytes, counted: true, slower, sent, arrived});
		inCall = false;
	}

	/** At the receiver. */
	#opening(whole: boolean): void {
		const {kernel, bytes} = this.#parts;
		this.#began = kernel.now;
		if (whole) {
			this.#finish();
		} else if (this.#chunks <= earlyChunks && bytes <= earlyBytes) {
			this.#soon();
		} else {
			this.#answer();
		}
	}

	#chunk(ask: boolean): void {
		this.#received++;
		if (this.#received === this.#chunks) {
			this.#finish();
		} else if (ask) {
			this.#answer();
		} else {
			this.#soon();
		}
	}

	#finish(): void {
		this.#arrivals++;
		this.#ended = this.#parts.kernel.now;
		this.arrived.fire();
		this.#reply(() => this.acknowledged.fire());
	}

	/** When nothing more comes for a while. */
	#soon(): void {
		const arrivals = ++this.#arrivals;
		this.#parts.kernel.after(answerAfterSeconds, () => {
			if (arrivals === this.#arrivals) {
				this.#answer();
			}
		});
	}

	#answer(): void {
		this.#arrivals++;
		const {received} = {received: this.#received};
		this.#reply(() => this.#heard(received));
	}

	#reply(arrived: () => void): void {
		const {network, from, to} = this.#parts;
		network.post({from: to, to: from, bytes: answerBytes, counted: true, slower: 1, arrived});
	}

	/** At the sender: the receiver has so many chunks. */
	#heard(received: number): void {
		const {pacing, kernel} = this.#parts;
		if (!this.#accepted) {
			this.#accepted = true;
			pacing.limit(receiverWindow);
		}
		if (received > this.#known) {
			const sample = (kernel.now - this.#sentAt[received - 1]!) * 1000;
			pacing.acknowledged(received - this.#known, sample, receiverWindow);
			this.#known = received;
		}
		this.push();
	}
}
