/**
 * Who follows a run, and what they have missed: updates are numbered, kept in the run's folder, and sent to every watcher.
 * A watcher asks again now and then; one that does not is forgotten.
 */
import type {Clock} from '../../core/clock.js';
import type {DeviceId, RunId} from '../../core/ids.js';
import type {RunUpdate} from '../../core/ledger/run-update.js';
import type {Body} from '../../core/wire/bodies.js';
import type {RunStore} from './store.js';

/** A watcher that has not asked for this long is no longer sent anything. */
const leaseMs = 60_000;
/** More watchers than that are refused: each costs a message per update. */
const mostWatchers = 64;
/** Updates sent at once to a watcher that missed some; it asks again for the rest. */
const mostMissed = 500;

export type Tell = (to: DeviceId, body: Body) => Promise<void>;

interface Watcher {
	/** Monotonic milliseconds. */
	until: number;
}

export class Watchers {
	readonly #clock: Clock;
	readonly #store: RunStore;
	readonly #tell: Tell;
	readonly #runs = new Map<RunId, {next: number; readonly watchers: Map<DeviceId, Watcher>}>();
	#writing: Promise<void> = Promise.resolve();

	constructor(clock: Clock, store: RunStore, tell: Tell) {
		this.#clock = clock;
		this.#store = store;
		this.#tell = tell;
	}

	/** Takes up the numbering of a run where its folder left it. */
	async open(run: RunId): Promise<void> {
		this.#runs.set(run, {next: (await this.#lines(run)).length, watchers: new Map()});
	}

	/** Numbers an update, keeps it and sends it on. */
	publish(run: RunId, update: RunUpdate): void {
		const entry = this.#runs.get(run);
		if (!entry) {
			return;
		}
		const sequence = entry.next++;
		const event = JSON.stringify(update);
		this.#writing = this.#writing.then(() => this.#store.appendEvent(run, event)).catch(() => {});
		const now = this.#clock.monotonic();
		for (const [watcher, {until}] of entry.watchers) {
			if (until < now) {
				entry.watchers.delete(watcher);
			} else {
				void this.#tell(watcher, {kind: 'runEvent', run, sequence, event}).catch(() => {});
			}
		}
	}

	/** Sends what came before, and from now on every update, until the lease ends. */
	async watch(run: RunId, watcher: DeviceId, from: number): Promise<boolean> {
		const entry = this.#runs.get(run);
		if (entry && entry.watchers.size >= mostWatchers && !entry.watchers.has(watcher)) {
			return false;
		}
		entry?.watchers.set(watcher, {until: this.#clock.monotonic() + leaseMs});
		await this.#writing;
		const missed = (await this.#lines(run)).slice(from, from + mostMissed);
		for (const [index, event] of missed.entries()) {
			await this.#tell(watcher, {kind: 'runEvent', run, sequence: from + index, event});
		}
		return true;
	}

	/** Everything written so far is on disk. */
	async flush(): Promise<void> {
		await this.#writing;
	}

	async #lines(run: RunId): Promise<string[]> {
		try {
			return (await this.#store.file(run, 'events.jsonl')).toString().split('\n').filter(Boolean);
		} catch {
			return [];
		}
	}
}
