/** Whether other processes computed while we measured: processor time of the machine less that of our own processes. */
import {readFileSync} from 'node:fs';
import {cpuSeconds} from '../wire/cpu.js';

/** A block is clean when others took less than this part of one processor. The kernel counts in steps of 10 ms. */
export const cleanShare = 0.1;

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

export class Intruders {
	readonly #pids: readonly number[];
	#at = 0;
	#busy = 0;
	#own = 0;

	constructor(pids: readonly number[]) {
		this.#pids = pids;
		this.watch();
	}

	watch(): void {
		this.#at = performance.now();
		this.#busy = busySeconds();
		this.#own = cpuSeconds(this.#pids);
	}

	/** What others have used since `watch`, in processors; NaN where that cannot be known. */
	share(): number {
		const seconds = (performance.now() - this.#at) / 1000;
		return Math.max(0, (busySeconds() - this.#busy - (cpuSeconds(this.#pids) - this.#own)) / seconds);
	}
}
