/** The nearest known name to a misspelt one, for error texts. */

/** Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours count 1 each. */
function distance(a: string, b: string): number {
	let beforeLast: number[] = [];
	let last = Array.from({length: b.length + 1}, (_, index) => index);
	for (let i = 1; i <= a.length; i++) {
		const row = [i];
		for (let j = 1; j <= b.length; j++) {
			const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
			let best = Math.min(last[j]! + 1, row[j - 1]! + 1, replaced);
			if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
				best = Math.min(best, beforeLast[j - 2]! + 1);
			}
			row.push(best);
		}
		[beforeLast, last] = [last, row];
	}
	return last[b.length]!;
}

/** The candidate that differs least, ignoring case, `_` and `-`; undefined where none is at all like the name. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
	// Long names come from careless pastes, not from slips; the distance is quadratic in them.
	if (name.length > 100) {
		return undefined;
	}
	const plain = (text: string) => text.toLowerCase().replaceAll(/[-_\s]/gu, '');
	let best: {readonly candidate: string; readonly cost: number} | undefined;
	for (const candidate of candidates) {
		const [a, b] = [plain(name), plain(candidate)];
		const cost = distance(a, b);
		if (
			cost <= Math.max(1, Math.floor(Math.max(a.length, b.length) * 0.4)) &&
			(best === undefined || cost < best.cost)
		) {
			best = {candidate, cost};
		}
	}
	return best?.candidate;
}

/** What to do about a misspelt name, as a sentence: «Did you mean «lenet5»?», or the whole list when it is short. */
export function suggestion(name: string, candidates: readonly string[]): string | undefined {
	const near = nearest(name, candidates);
	if (near !== undefined) {
		return `Did you mean «${near}»?`;
	}
	return candidates.length > 0 && candidates.length <= 20
		? `Known are ${candidates.map(candidate => `«${candidate}»`).join(', ')}.`
		: undefined;
}
