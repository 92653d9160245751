/** The ways between devices and the broker: each direction of a link carries one message after the other. */
import type {Agenda} from './agenda.js';

/** One direction of a device's link. */
export interface Pipe {
	readonly bytesPerSecond: number;
	/** Carries bytes after what was given before; `done` is called `later` seconds after the last of them has left. */
	carry(bytes: number, later: number, done: () => void): void;
	/** As `carry`, from some moment soon; what comes until then waits behind it. Absent where others share the way. */
	readonly carryFrom?: (moment: number, bytes: number, later: number, done: () => void) => void;
}

export function freePipe(agenda: Agenda, bytesPerSecond: number): Pipe {
	let busyUntil = 0;
	const carryFrom = (moment: number, bytes: number, later: number, done: () => void) => {
		busyUntil = Math.max(moment, busyUntil) + bytes / bytesPerSecond;
		agenda.at(busyUntil + later, done);
	};
	return {
		bytesPerSecond,
		carry: (bytes, later, done) => carryFrom(agenda.now, bytes, later, done),
		carryFrom,
	};
}

interface Load {
	left: number;
	readonly later: number;
	readonly done: () => void;
}

interface SharedPipe {
	readonly rate: number;
	/** Of these the first is under way. */
	readonly queue: Load[];
	/** Bytes/s just now. */
	speed: number;
}

/**
 * One direction of the broker's own link. The devices' connections share it fairly: each gets as much as its own link can take,
 * and no more than an equal part of what the slower ones leave (max-min fairness, as TCP comes to it).
 */
export class Gate {
	readonly #agenda: Agenda;
	readonly #bytesPerSecond: number;
	/** Those with something to carry. */
	readonly #busy = new Set<SharedPipe>();
	#since = 0;
	/** Which of the planned endings is still right. */
	#version = 0;

	constructor(agenda: Agenda, bytesPerSecond: number) {
		this.#agenda = agenda;
		this.#bytesPerSecond = bytesPerSecond;
	}

	get isShared(): boolean {
		return this.#bytesPerSecond < Number.POSITIVE_INFINITY;
	}

	pipe(bytesPerSecond: number): Pipe {
		if (!this.isShared) {
			return freePipe(this.#agenda, bytesPerSecond);
		}
		const pipe: SharedPipe = {rate: bytesPerSecond, queue: [], speed: 0};
		return {
			bytesPerSecond: Math.min(bytesPerSecond, this.#bytesPerSecond),
			carry: (bytes, later, done) => {
				pipe.queue.push({left: bytes, later, done});
				if (pipe.queue.length === 1) {
					this.#progress();
					this.#busy.add(pipe);
					this.#share();
				}
			},
		};
	}

	/** What has been carried since the last change. */
	#progress(): void {
		const {now} = this.#agenda;
		for (const {queue, speed} of this.#busy) {
			queue[0]!.left -= speed * (now - this.#since);
		}
		this.#since = now;
	}

	/** Shares the link anew, and plans for the next ending. */
	#share(): void {
		const pipes = [...this.#busy].sort((a, b) => a.rate - b.rate);
		let left = this.#bytesPerSecond;
		let next = Number.POSITIVE_INFINITY;
		for (const [index, pipe] of pipes.entries()) {
			pipe.speed = Math.min(pipe.rate, left / (pipes.length - index));
			left -= pipe.speed;
			next = Math.min(next, pipe.queue[0]!.left / pipe.speed);
		}
		const version = ++this.#version;
		if (pipes.length > 0) {
			this.#agenda.at(this.#since + next, () => {
				if (version === this.#version) {
					this.#finish();
				}
			});
		}
	}

	#finish(): void {
		this.#progress();
		for (const pipe of this.#busy) {
			// Rounding leaves a little more or less than nothing.
			while (pipe.queue[0] && pipe.queue[0].left <= 1e-6 * pipe.speed) {
				const {later, done} = pipe.queue.shift()!;
				this.#agenda.at(this.#since + later, done);
			}
			if (pipe.queue.length === 0) {
				this.#busy.delete(pipe);
			}
		}
		this.#share();
	}
}
