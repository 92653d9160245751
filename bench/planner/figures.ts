/** Figures of this process, and of lists. */

/** Milliseconds of processor time that this process has used: unlike the clock it hardly minds what else is running. */
export function cpuMilliseconds(): number {
	const {user, system} = process.cpuUsage();
	return (user + system) / 1000;
}

/** @param values not empty. */
export function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
