/**
 * The broker's own link in one direction, and the connections that share it: each gets the same, but none more than its own
 * link carries, and what that leaves goes to the others (as TCP shares a link, max-min fairly).
 */
import type {Kernel} from './kernel.js';

export class Trunk {
	readonly #kernel: Kernel;
	readonly #bytesPerSecond: number;
	readonly #active: Connection[] = [];

	constructor(kernel: Kernel, bytesPerSecond: number) {
		this.#kernel = kernel;
		this.#bytesPerSecond = bytesPerSecond;
	}

	get isFree(): boolean {
		return this.#bytesPerSecond === Number.POSITIVE_INFINITY;
	}

	join(connection: Connection): void {
		this.#active.push(connection);
		this.#allot();
	}

	leave(connection: Connection): void {
		this.#active.splice(this.#active.indexOf(connection), 1);
		this.#allot();
	}

	/** Finds the level at which all that want more than it get just that: it rises while the slow ones leave something. */
	#allot(): void {
		const {now} = this.#kernel;
		let level = this.#bytesPerSecond / this.#active.length;
		for (;;) {
			const slow = this.#active.filter(({bytesPerSecond}) => bytesPerSecond <= level);
			const taken = slow.reduce((sum, {bytesPerSecond}) => sum + bytesPerSecond, 0);
			const next = (this.#bytesPerSecond - taken) / (this.#active.length - slow.length);
			if (slow.length === this.#active.length || next <= level * (1 + 1e-12)) {
				break;
			}
			level = next;
		}
		for (const connection of this.#active) {
			connection.goOn(now, Math.min(connection.bytesPerSecond, level));
		}
	}
}

/** One direction of a device's connection with the broker. */
export class Connection {
	readonly bytesPerSecond: number;
	readonly #kernel: Kernel;
	readonly #trunk: Trunk;
	readonly #waiting: {readonly bytes: number; readonly sent: () => void}[] = [];
	#left = 0;
	#speed = 0;
	#since = 0;
	/** Which planned end still holds. */
	#plan = 0;
	#busyUntil = 0;

	constructor(kernel: Kernel, trunk: Trunk, bytesPerSecond: number) {
		this.#kernel = kernel;
		this.#trunk = trunk;
		this.bytesPerSecond = bytesPerSecond;
	}

	/** @param sent called when the last byte has left. */
	carry(bytes: number, sent: () => void): void {
		const {now} = this.#kernel;
		if (this.#trunk.isFree) {
			this.#busyUntil = Math.max(now, this.#busyUntil) + bytes / this.bytesPerSecond;
			this.#kernel.at(this.#busyUntil, sent);
			return;
		}
		this.#waiting.push({bytes, sent});
		if (this.#waiting.length === 1) {
			this.#left = bytes;
			this.#speed = 0;
			this.#trunk.join(this);
		}
	}

	/** From now on at this speed. */
	goOn(now: number, speed: number): void {
		this.#left = Math.max(0, this.#left - this.#speed * (now - this.#since));
		this.#since = now;
		this.#speed = speed;
		const plan = ++this.#plan;
		this.#kernel.at(now + this.#left / speed, () => {
			if (plan === this.#plan) {
				this.#sent();
			}
		});
	}

	#sent(): void {
		const {now} = this.#kernel;
		const {sent} = this.#waiting.shift()!;
		const next = this.#waiting[0];
		if (next) {
			this.#left = next.bytes;
			this.#since = now;
			this.goOn(now, this.#speed);
		} else {
			this.#plan++;
			this.#trunk.leave(this);
		}
		sent();
	}
}
