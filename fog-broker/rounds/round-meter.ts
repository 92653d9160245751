/** What a round took: time, loss, bytes and joules, as a point of the learning curve. */
import type {Clock} from '../../core/clock.js';
import type {RoundRecord} from '../../core/ledger/ledger.js';
import type {TensorLink} from '../../core/wire/tensor-link.js';
import type {RoundReport} from './state.js';

export class RoundMeter {
	readonly #clock: Clock;
	readonly #link: TensorLink;
	#began = 0;
	#traffic: number;
	#joules = 0;

	constructor(clock: Clock, link: TensorLink) {
		this.#clock = clock;
		this.#link = link;
		// The link carried earlier runs as well.
		this.#traffic = this.#bytes();
	}

	begin(): void {
		this.#began = this.#clock.monotonic();
	}

	/** What a device spent in the round, late devices included. */
	spent(phases: Readonly<Record<string, {readonly joules: number}>>): void {
		this.#joules += Object.values(phases).reduce((sum, {joules}) => sum + joules, 0);
	}

	/** Of the round that ends now; what follows counts for the next one. */
	end(
		round: number,
		contributors: ReadonlyMap<string, RoundReport>,
		{at, epoch, totalItems}: {readonly at: number; readonly epoch: number; readonly totalItems: number},
	): RoundRecord {
		const reports = [...contributors.values()];
		const items = reports.reduce((sum, report) => sum + report.items, 0);
		const bytes = this.#bytes();
		const record = {
			round,
			step: round + 1,
			epoch: epoch + items / Math.max(1, totalItems),
			at,
			seconds: (this.#clock.monotonic() - this.#began) / 1000,
			loss: reports.reduce((sum, report) => sum + report.loss * report.items, 0) / items,
			bytes: bytes - this.#traffic,
			joules: this.#joules,
			devices: [...contributors.keys()],
		};
		this.#traffic = bytes;
		this.#joules = 0;
		return record;
	}

	#bytes(): number {
		const {sent, received} = this.#link.traffic;
		return sent + received;
	}
}
