/** Processor time of processes, from the kernel: unlike a rate, it does not depend on who else uses the machine. */
import {readdirSync, readFileSync} from 'node:fs';

/** Seconds that all threads of the processes have run so far; NaN where the kernel does not say (other than Linux). */
export function cpuSeconds(pids: readonly number[]): number {
	try {
		let nanoseconds = 0;
		for (const pid of pids) {
			for (const thread of readdirSync(`/proc/${pid}/task`)) {
				nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
			}
		}
		return nanoseconds / 1e9;
	} catch {
		return Number.NaN;
	}
}
