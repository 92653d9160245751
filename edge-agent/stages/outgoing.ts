/** Sending while computing goes on: to each peer one thing travels while the next is made, and no more. */
import type {PartId} from '../../core/plan/routing.js';
import type {Tensors} from '../../models/engines/stage.js';

const sendsAhead = 2;

type Send = (to: PartId, batch: number, key: string, tensors: Tensors) => Promise<void>;

export class Outgoing {
	readonly #send: Send;
	readonly #waiting: (task: () => Promise<void>) => Promise<void>;
	/** Under way, by receiver, oldest first. */
	readonly #under = new Map<string, Promise<void>[]>();
	#failure: unknown;

	/** @param waiting counts a wait. */
	constructor(send: Send, waiting: (task: () => Promise<void>) => Promise<void>) {
		this.#send = send;
		this.#waiting = waiting;
	}

	/** Begins to send; waits while too much is under way to the same part. @throws what an earlier transfer threw. */
	async send(to: PartId, batch: number, key: string, tensors: Tensors): Promise<void> {
		this.#check();
		const peer = `${to.stage}.${to.replica}`;
		const under = this.#under.get(peer) ?? [];
		this.#under.set(peer, under);
		if (under.length >= sendsAhead) {
			await this.#waiting(() => under.shift()!);
			this.#check();
		}
		under.push(
			this.#send(to, batch, key, tensors).catch((error: unknown) => {
				this.#failure ??= error;
			}),
		);
	}

	/** Waits for everything that is being sent. @throws what a transfer threw. */
	async finish(): Promise<void> {
		await this.#waiting(async () => {
			await Promise.all([...this.#under.values()].flat());
		});
		this.#check();
	}

	#check(): void {
		if (this.#failure !== undefined) {
			throw this.#failure;
		}
	}
}
