/** Where a device's virtual time goes: every moment belongs to the first of computing and sending that is under way. */
import type {Kernel} from './kernel.js';

type Counted = 'compute' | 'send';

export class Phases {
	readonly #kernel: Kernel;
	readonly #under: Record<Counted, number> = {compute: 0, send: 0};
	readonly seconds = {compute: 0, send: 0, receive: 0};
	#mark = 0;

	constructor(kernel: Kernel) {
		this.#kernel = kernel;
	}

	begin(phase: Counted): void {
		this.advance();
		this.#under[phase]++;
	}

	end(phase: Counted): void {
		this.advance();
		this.#under[phase]--;
	}

	/** A wait while something was arriving: no more of it than had come by then as waiting. */
	received(seconds: number): void {
		this.seconds.receive += Math.max(0, seconds);
	}

	/** Whether the device does nothing just now. */
	get waits(): boolean {
		return this.#under.compute + this.#under.send === 0;
	}

	/** Counts the time up to now. */
	advance(): void {
		const phase = this.#under.compute > 0 ? 'compute' : this.#under.send > 0 ? 'send' : undefined;
		if (phase) {
			this.seconds[phase] += this.#kernel.now - this.#mark;
		}
		this.#mark = this.#kernel.now;
	}
}
