/** Where classic pipelines cut: stages of as many units each, or of as much time. Cuts are last units of stages. */
import type {Problem} from '../problem.js';

/** Of more values than that, so many that are spread over them. */
export const spread = <T>(values: readonly T[], most: number): readonly T[] =>
	values.length <= most
		? values
		: Array.from({length: most}, (_, index) => values[Math.round((index * (values.length - 1)) / (most - 1))]!);

/** Where may be cut, and after which units the first stage may end; ascending. */
export interface Places {
	readonly cuts: readonly number[];
	readonly firstCuts: ReadonlySet<number>;
}

/** Near n/k units each; undefined where there are too few places. */
export function equalCuts({cuts, firstCuts}: Places, units: number, stages: number): readonly number[] | undefined {
	const lasts: number[] = [];
	for (let index = 1; index < stages; index++) {
		const wanted = (index * units) / stages;
		const places = cuts.filter(cut => cut > (lasts.at(-1) ?? -1) && (index > 1 || firstCuts.has(cut)));
		const near = places.reduce<number | undefined>(
			(best, cut) => (best === undefined || Math.abs(cut + 1 - wanted) < Math.abs(best + 1 - wanted) ? cut : best),
			undefined,
		);
		if (near === undefined) {
			return undefined;
		}
		lasts.push(near);
	}
	return lasts;
}

/** What a chain of stages is cut for. */
export interface Balance {
	/** Items of a pass. */
	readonly items: number;
	/** slowest: the least slowest stage (Narayanan et al. 2019, section 3.1). sum: the least time of one batch through all. */
	readonly by: 'slowest' | 'sum';
	/** Bytes of an item that cross a cut, there and back, where these count. */
	readonly crossing?: (cut: number) => number;
}

interface Reached {
	readonly seconds: number;
	readonly cuts: readonly number[];
}

/**
 * Cuts for the first 2, 3 … of a chain of devices.
 * @param chain indices in the fleet.
 * @returns by number of devices − 2; undefined where there are too few places.
 */
export function balancedCuts(
	{fleet, costs}: Problem,
	{cuts, firstCuts}: Places,
	chain: readonly number[],
	{items, by, crossing}: Balance,
): readonly (readonly number[] | undefined)[] {
	const end = costs.units.length - 1;
	const found: (readonly number[] | undefined)[] = [];
	let reached = new Map<number, Reached>([[-1, {seconds: 0, cuts: []}]]);
	for (const [index, own] of chain.entries()) {
		const {times, profile} = fleet.devices[own]!;
		const before = index > 0 ? fleet.devices[chain[index - 1]!]!.profile.link : undefined;
		const perByte = before ? 1 / before.upBytesPerSecond + 1 / profile.link.downBytesPerSecond : 0;
		const next = new Map<number, Reached>();
		const lasts = [...(index < chain.length - 1 ? cuts.filter(cut => index > 0 || firstCuts.has(cut)) : []), end];
		for (const [start, {seconds, cuts: before}] of reached) {
			const inward = start >= 0 && crossing ? items * crossing(start) * perByte : 0;
			for (const last of lasts) {
				if (last <= start) {
					continue;
				}
				const pass = times.pass('learn', start + 1, last, items) + inward;
				const all = by === 'sum' ? seconds + pass : Math.max(seconds, pass);
				const known = next.get(last);
				if (!known || all < known.seconds) {
					next.set(last, {seconds: all, cuts: [...before, last]});
				}
			}
		}
		if (index > 0) {
			found.push(next.get(end)?.cuts.slice(0, -1));
		}
		next.delete(end);
		reached = next;
	}
	return found;
}
