/**
 * Whether other processes disturbed what we measured: processor time of the machine less that of our own processes, and how
 * long our threads waited for a processor.
 */
import {readdirSync, readFileSync} from 'node:fs';
import os from 'node:os';

/** What others may use of the processors that a case needs, in processors. The kernel counts in steps of 10 ms. */
const foreignLimit = 0.1;

/** Where a case leaves processors free, others may have those; then its threads must not wait longer than this share. */
const waitedLimit = 0.03;

/** /proc/stat counts in hundredths of a second. */
const tickSeconds = 0.01;

/** Seconds that all processors were busy since the machine started, stolen time included; NaN where the kernel does not say. */
function busySeconds(): number {
	try {
		const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
			.split('\n')[0]!
			.trim()
			.split(/\s+/u)
			.slice(1)
			.map(Number) as [number, number, number, number, number, number, number, number];
		return (user + nice + system + irq + softirq + steal) * tickSeconds;
	} catch {
		return Number.NaN;
	}
}

/** Seconds that all threads of the processes ran, and that they waited to run; NaN where the kernel does not say. */
function ownSeconds(pids: readonly number[]): {ran: number; waited: number} {
	let [ran, waited] = [0, 0];
	try {
		for (const pid of pids) {
			for (const thread of readdirSync(`/proc/${pid}/task`)) {
				const [running, waiting] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ').map(Number);
				ran += running! / 1e9;
				waited += waiting! / 1e9;
			}
		}
		return {ran, waited};
	} catch {
		return {ran: Number.NaN, waited: Number.NaN};
	}
}

export class Intruders {
	readonly #pids: readonly number[];
	/** Processors that the case does not need. */
	readonly #spare: number;
	#at = 0;
	#busy = 0;
	#own = {ran: 0, waited: 0};

	constructor(pids: readonly number[], threads: number) {
		this.#pids = pids;
		this.#spare = Math.max(0, os.availableParallelism() - threads);
		this.watch();
	}

	watch(): void {
		this.#at = performance.now();
		this.#busy = busySeconds();
		this.#own = ownSeconds(this.#pids);
	}

	/** Whether others have disturbed us since `watch`; false where that cannot be known. */
	disturbed(): boolean {
		const seconds = (performance.now() - this.#at) / 1000;
		const own = ownSeconds(this.#pids);
		const foreign = (busySeconds() - this.#busy - (own.ran - this.#own.ran)) / seconds;
		const waited = (own.waited - this.#own.waited) / seconds;
		return foreign > this.#spare + foreignLimit || (this.#spare > 0 && waited > waitedLimit);
	}
}
