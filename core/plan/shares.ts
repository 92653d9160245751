/** Dividing a batch among replicas. */

/**
 * Whole numbers that sum to `total`, as near to the shares as can be (largest remainder, ties to the earlier).
 * @param shares relative sizes, each ≥ 0, at least one > 0.
 */
export function apportion(total: number, shares: readonly number[]): number[] {
	const sum = shares.reduce((a, b) => a + b, 0);
	const exact = shares.map(share => (total * share) / sum);
	const whole = exact.map(Math.floor);
	const missing = total - whole.reduce((a, b) => a + b, 0);
	const order = exact.map((_, index) => index).sort((a, b) => exact[b]! - whole[b]! - (exact[a]! - whole[a]!) || a - b);
	for (const index of order.slice(0, missing)) {
		whole[index]! += 1;
	}
	return whole;
}
