/**
 * How much garbage V8 lets lie in a daemon before it collects. Tensors live in buffers beside the heap, but V8 counts them as
 * its own: with 30 MB of code and schemas it collects whenever some 20 MB of buffers have come and gone, which with tensors
 * is at every step or two, and walks through those 30 MB each time on all processors, 40 ms of processor time.
 */
import os from 'node:os';
import v8 from 'node:v8';

/** Percent by which the heap, buffers included, may grow between two collections, per GiB of memory that there is. */
const growthPerGiB = 100;
const mostGrowth = 400;
/** With less than this V8's own choice is as good. */
const leastGrowth = 100;

/** Undefined: V8 is left to itself. `memoryBytes`: what this process may use. */
export function heapGrowthPercent(memoryBytes: number): number | undefined {
	const percent = Math.min(mostGrowth, Math.floor((memoryBytes / 1024 ** 3) * growthPerGiB));
	return percent < leastGrowth ? undefined : percent;
}

/** For this process and all its threads from now on. */
export function letHeapGrow(): void {
	// Where no limit is set, 0 or a number beyond any memory is answered.
	const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
	const percent = heapGrowthPercent(Math.min(os.totalmem(), limit));
	if (percent !== undefined) {
		v8.setFlagsFromString(`--heap-growing-percent=${percent}`);
	}
}
