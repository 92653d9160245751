/**
 * What becomes of a junction's weights when branches go or come. Everything here works on the weights of one kind (`junction.weight`,
 * say) of all branches, as flat vectors of one length.
 */
import type {JunctionKind} from './kinds.js';

export type ByBranch = ReadonlyMap<string, Float32Array>;

/**
 * How far a factor may be from the one for equal weights, N/N′. Weights that cancel each other have sums near zero, and a
 * factor of their quotient would blow up or wipe out what has been learnt; then the factor for equal weights is taken.
 */
const furthest = 10;

/** The factor, or the one for equal weights where it is not fit for use. */
function guarded(factor: number, usual: number): number {
	const relative = factor / usual;
	return relative >= 1 / furthest && relative <= furthest ? factor : usual;
}

const sumAt = (vectors: Iterable<Float32Array>, index: number): number => {
	let sum = 0;
	for (const vector of vectors) {
		sum += vector[index]!;
	}
	return sum;
};

/** Whether a weight stands for a share of one branch, so that shares can be put in proportion. */
const areShares = (kind: JunctionKind): boolean => kind === 'scalar' || kind === 'per-unit';

/**
 * Weights of the branches that stay. scalar and per-unit: wₙ ← wₙ · Σ_all w / Σ_staying w, element by element, so that the
 * junction's output stays the same where branches agree. Matrices: times N/N′.
 */
export function afterLoss(
	kind: JunctionKind,
	weights: ByBranch,
	staying: readonly string[],
): Map<string, Float32Array> {
	const usual = weights.size / staying.length;
	const stay = staying.map(branch => weights.get(branch)!);
	const factors = stay[0]!.map((_, index) =>
		areShares(kind) ? guarded(sumAt(weights.values(), index) / sumAt(stay, index), usual) : usual,
	);
	return new Map(staying.map((branch, at) => [branch, stay[at]!.map((value, index) => value * factors[index]!)]));
}

/**
 * Weights with those of branches that come added. A new branch gets the share that it would have among equals, Σ w / N′ (1/N′
 * in the beginning), and the others make room: their sum with it is what theirs was. A branch that returns takes
 * its old weights back, and the others make room for these.
 */
export function afterGain(
	kind: JunctionKind,
	weights: ByBranch,
	added: readonly string[],
	returning: ByBranch,
): Map<string, Float32Array> {
	const count = weights.size + added.length;
	const usual = weights.size / count;
	const known = added.filter(branch => returning.has(branch)).map(branch => returning.get(branch)!);
	const fresh = (added.length - known.length) / count;
	const length = [...weights.values()][0]!.length;
	const factors = new Float64Array(length).fill(usual);
	/** Where the old weights of those who return leave the others a usable share. */
	const fits = new Uint8Array(length).fill(1);
	if (areShares(kind)) {
		for (let index = 0; index < length; index++) {
			const factor = 1 - fresh - sumAt(known, index) / sumAt(weights.values(), index);
			factors[index] = guarded(factor, usual);
			fits[index] = known.length === 0 || factors[index] === factor ? 1 : 0;
		}
	}
	const equal = Float32Array.from({length}, (_, index) => sumAt(weights.values(), index) / count);
	return new Map([
		...[...weights].map(([branch, values]) => [branch, values.map((value, index) => value * factors[index]!)] as const),
		...added.map(branch => {
			const old = returning.get(branch);
			return [branch, equal.map((value, index) => (fits[index] === 1 && old ? old[index]! : value))] as const;
		}),
	]);
}
