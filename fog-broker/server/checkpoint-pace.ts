/** How long to wait between two checkpoints, by how long the last one took. */
import type {Clock} from '../../core/clock.js';
import {checkpointPause} from '../../core/cost/checkpoints.js';

export class CheckpointPace {
	readonly #clock: Clock;
	readonly #intervalMs: number;
	#began: number | undefined;
	#tookMs = 0;

	/** @param intervalMs least time between two; 0: one follows the other. */
	constructor(clock: Clock, intervalMs: number) {
		this.#clock = clock;
		this.#intervalMs = intervalMs;
	}

	/** A checkpoint begins: weights are asked for. */
	begin(): void {
		this.#began = this.#clock.monotonic();
	}

	/** It has ended as it should. Without a beginning it tells nothing of how long one takes. */
	finish(): void {
		if (this.#began !== undefined) {
			this.#tookMs = this.#clock.monotonic() - this.#began;
			this.#began = undefined;
		}
	}

	/** The one under way is given up, or held up by something else. */
	interrupt(): void {
		this.#began = undefined;
	}

	/** How long to wait after a checkpoint before the next one, milliseconds. */
	get pauseMs(): number {
		return checkpointPause(this.#intervalMs, this.#tookMs);
	}
}
