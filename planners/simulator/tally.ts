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

	/** Adds what a device sends beside what is played, and what it gets in answer. */
	also(name: string, sent: number, received: number): void {
		for (const [agent, spent] of this.totals) {
			if (agent.device.device === name) {
				const bytes = {bytesSent: spent.bytesSent + sent, bytesReceived: spent.bytesReceived + received};
				this.totals.set(agent, {...spent, ...bytes});
				this.bytes += sent + received;
			}
		}
	}

	/** Adds what was spent since the last call, so many times. @returns it, once. */
	add(times: number): ReadonlyMap<Agent, Spent> {
		const now = new Map([...this.totals.keys()].map(agent => [agent, spentBy(agent)]));
		const since = new Map([...now].map(([agent, spent]) => [agent, combine(spent, this.#before.get(agent)!, -1)]));
		for (const [agent, spent] of since) {
			this.totals.set(agent, combine(this.totals.get(agent)!, spent, times));
		}
		this.bytes += times * (this.#network.bytes - this.#bytesBefore);
		this.#before = now;
		this.#bytesBefore = this.#network.bytes;
		return since;
	}
}
