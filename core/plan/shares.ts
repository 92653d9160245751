/**
 * Dividing a batch among replicas and micro-batches. Each replica has its part of the whole batch, as near to its share as whole
 * numbers allow, and of that an equal part in each micro-batch; what is left over goes around: one more item in some
 * micro-batches to the first replica, in the next ones to the second, until each has its part. So no replica has more than
 * one item too many in any micro-batch, and over the batch nobody has more than others because of rounding.
 */

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

/** Multiples of the golden ratio, less whole numbers, lie evenly in any interval: what is near in this order is far apart in time. */
const golden = (Math.sqrt(5) - 1) / 2;
const known = new Map<number, readonly number[]>();

/** By micro-batch: its place in the order in which items that are left over are dealt. */
function places(micros: number): readonly number[] {
	const found = known.get(micros);
	if (found) {
		return found;
	}
	const at = Array.from({length: micros}, (_, micro) => (micro * golden) % 1);
	const order = [...at.keys()].sort((a, b) => at[a]! - at[b]!);
	const made = new Array<number>(micros);
	for (const [place, micro] of order.entries()) {
		made[micro] = place;
	}
	known.set(micros, made);
	return made;
}

/**
 * Items of one micro-batch by replica. They sum to the micro-batch's size, which depends on the sum of the totals alone: all
 * stages divide the same micro-batches.
 * @param totals items of the whole batch, by replica.
 * @param micro below `micros`.
 */
export function dealt(totals: readonly number[], micros: number, micro: number): number[] {
	const place = places(micros)[micro]!;
	let next = 0;
	return totals.map(total => {
		const each = Math.floor(total / micros);
		const more = total - each * micros;
		const distance = (place - next + micros) % micros;
		next = (next + more) % micros;
		return each + (distance < more ? 1 : 0);
	});
}

/**
 * By micro-batch: the first one that is divided as it is, in all of several stages.
 * @param stages totals by replica, by stage; all have the same sum.
 */
export function alike(stages: readonly (readonly number[])[], micros: number): readonly number[] {
	const changes = new Set<number>();
	for (const totals of stages) {
		let next = 0;
		for (const total of totals) {
			const more = total % micros;
			if (more > 0) {
				changes.add(next);
				next = (next + more) % micros;
				changes.add(next);
			}
		}
	}
	if (changes.size === 0) {
		return new Array<number>(micros).fill(0);
	}
	const ends = [...changes].sort((a, b) => a - b);
	const kinds = new Int32Array(micros);
	for (const [kind, end] of ends.entries()) {
		kinds.fill(kind, end);
	}
	const first = new Map<number, number>();
	return places(micros).map((place, micro) => {
		const kind = kinds[place]!;
		const one = first.get(kind) ?? micro;
		first.set(kind, one);
		return one;
	});
}
