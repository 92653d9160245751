/** Sending while computing goes on: to each peer one thing travels while the next is made, and no more. */
import type {PartId} from '../../core/plan/routing.js';

const sendsAhead = 2;

export class Outgoing {
	readonly #waiting: (task: () => Promise<void>) => Promise<void>;
	/** Under way, by receiver, oldest first. */
	readonly #under = new Map<string, Promise<void>[]>();
	#failure: unknown;

	/** @param waiting counts a wait. */
	constructor(waiting: (task: () => Promise<void>) => Promise<void>) {
		this.#waiting = waiting;
	}

	/** Begins to send to a part; waits before that while too much is under way to it. @throws what an earlier transfer threw. */
	async send({stage, replica}: PartId, start: () => Promise<void>): Promise<void> {
		this.#check();
		const peer = `${stage}.${replica}`;
		const under = this.#under.get(peer) ?? [];
		this.#under.set(peer, under);
		if (under.length >= sendsAhead) {
			await this.#waiting(() => under.shift()!);
			this.#check();
		}
		under.push(
			start().catch((error: unknown) => {
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
