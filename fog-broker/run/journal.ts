/**
 * A run's updates, numbered: kept in the run's folder, sent to whoever follows the run, and told again to those who missed
 * some. The numbering survives a restart, so that a follower can go on where it was.
 */
import type {DeviceId, RunId} from '../../core/ids.js';
import type {RunUpdate} from '../../core/ledger/run-update.js';
import type {BodyOf} from '../../core/wire/bodies.js';
import type {RunStore} from './store.js';

/** Updates told at once to a follower that missed some; it asks again for the rest. */
const mostMissed = 500;
const fileName = 'events.jsonl';

export interface JournalOptions {
	readonly store: RunStore;
	/** To everybody who follows. */
	readonly broadcast: (event: BodyOf<'runEvent'>) => void;
	/** To one follower. */
	readonly tell: (to: DeviceId, event: BodyOf<'runEvent'>) => Promise<void>;
}

export class Journal {
	readonly #options: JournalOptions;
	readonly #next = new Map<RunId, number>();
	#writing: Promise<void> = Promise.resolve();

	constructor(options: JournalOptions) {
		this.#options = options;
	}

	/** Takes up the numbering of a run where its folder left it; a last line that was not written to its end is dropped. */
	async open(run: RunId): Promise<void> {
		await this.flush();
		const text = await this.#text(run);
		const whole = text.slice(0, text.lastIndexOf('\n') + 1);
		if (whole.length < text.length) {
			await this.#options.store.putFile(run, fileName, Buffer.from(whole));
		}
		this.#next.set(run, (await this.#lines(run)).length);
	}

	/** Numbers an update, keeps it and sends it on. */
	publish(run: RunId, update: RunUpdate): void {
		const sequence = this.#next.get(run);
		if (sequence === undefined) {
			return;
		}
		this.#next.set(run, sequence + 1);
		const event = JSON.stringify(update);
		// Kept before it is told: a number that a follower has seen must not be given again after a crash.
		this.#writing = this.#writing
			.then(() => this.#options.store.appendEvent(run, event))
			.catch(() => {})
			.then(() => this.#options.broadcast({kind: 'runEvent', run, sequence, event}));
	}

	/** Tells a follower the updates from number `from` on. */
	async catchUp(run: RunId, follower: DeviceId, from: number): Promise<void> {
		await this.flush();
		const missed = (await this.#lines(run)).slice(from, from + mostMissed);
		for (const [index, event] of missed.entries()) {
			await this.#options.tell(follower, {kind: 'runEvent', run, sequence: from + index, event});
		}
	}

	/** Resolves when everything published so far is in the run's folder. */
	async flush(): Promise<void> {
		await this.#writing;
	}

	async #lines(run: RunId): Promise<string[]> {
		return (await this.#text(run)).split('\n').filter(Boolean);
	}

	async #text(run: RunId): Promise<string> {
		try {
			return (await this.#options.store.file(run, fileName)).toString();
		} catch {
			return '';
		}
	}
}
