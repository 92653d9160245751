/** What devices spend, interval by interval, and summed up by how often each of these happens. */
import type {Agent} from './agent.js';
import type {Network} from './network.js';

/** Seconds, bytes and items of one device. */
export interface Spent {
	readonly compute: number;
	readonly send: number;
	readonly receive: number;
	readonly bytesSent: number;
	readonly bytesReceived: number;
	readonly items: number;
}

/** What was spent in some time. */
export interface Interval {
	readonly spent: ReadonlyMap<Agent, Spent>;
	readonly bytes: number;
}

const keys = ['compute', 'send', 'receive', 'bytesSent', 'bytesReceived', 'items'] as const satisfies (keyof Spent)[];

const combine = (a: Spent, b: Spent, factor: number): Spent =>
	Object.fromEntries(keys.map(key => [key, a[key] + factor * b[key]])) as Record<keyof Spent, number>;

const nothing: Spent = {compute: 0, send: 0, receive: 0, bytesSent: 0, bytesReceived: 0, items: 0};

const spentBy = ({phases, party, items}: Agent): Spent => {
	phases.advance();
	const {compute, send, receive} = phases.seconds;
	return {compute, send, receive, bytesSent: party.bytesSent, bytesReceived: party.bytesReceived, items};
};

export class Tally {
	readonly totals: Map<Agent, Spent>;
	/** Of tensors and their answers, each counted once. */
	bytes = 0;
	readonly #network: Network;
	#before: ReadonlyMap<Agent, Spent>;
	#bytesBefore = 0;

	constructor(agents: Iterable<Agent>, network: Network) {
		this.totals = new Map([...agents].map(agent => [agent, nothing]));
		this.#before = new Map(this.totals);
		this.#network = network;
	}

	/** What was spent since the last call, not yet added. */
	since(): Interval {
		const now = new Map([...this.totals.keys()].map(agent => [agent, spentBy(agent)]));
		const spent = new Map([...now].map(([agent, own]) => [agent, combine(own, this.#before.get(agent)!, -1)]));
		const bytes = this.#network.bytes - this.#bytesBefore;
		this.#before = now;
		this.#bytesBefore = this.#network.bytes;
		return {spent, bytes};
	}

	/** Adds an interval so many times; takes it away for times below 0. */
	add({spent, bytes}: Interval, times: number): void {
		for (const [agent, own] of spent) {
			this.totals.set(agent, combine(this.totals.get(agent)!, own, times));
		}
		this.bytes += times * bytes;
	}
}
