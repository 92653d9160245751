/** Seeded chance: the same seed gives the same run, on every machine. */

export interface Random {
	/** Uniform in [0, 1). */
	next(): number;
	/** Uniform integer in [0, bound). */
	integer(bound: number): number;
	/** Standard normal (Box–Muller, polar form). */
	normal(): number;
	/** A new array with the items in random order (Fisher–Yates). */
	shuffle<T>(items: readonly T[]): T[];
	/** An independent generator for a named purpose; the same name gives the same generator. */
	fork(name: string): Random;
}

/** FNV-1a, 32 bits: turns a name into a seed. */
export function hashString(text: string): number {
	let hash = 0x811c9dc5;
	for (let index = 0; index < text.length; index++) {
		hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
	}
	return hash >>> 0;
}

/** splitmix32: spreads a seed over a state word. */
const splitmix = (seed: number) => () => {
	seed = (seed + 0x9e3779b9) | 0;
	let z = seed ^ (seed >>> 16);
	z = Math.imul(z, 0x21f0aaad);
	z ^= z >>> 15;
	z = Math.imul(z, 0x735a2d97);
	return (z ^ (z >>> 15)) >>> 0;
};

/** xoshiro128** 1.1 (Blackman, Vigna 2018), seeded by splitmix32. */
export function seededRandom(seed: number): Random {
	const mix = splitmix(seed | 0);
	let [a, b, c, d] = [mix(), mix(), mix(), mix()] as [number, number, number, number];
	const rotl = (x: number, k: number) => (x << k) | (x >>> (32 - k));
	const word = () => {
		const result = Math.imul(rotl(Math.imul(b, 5), 7), 9);
		const t = b << 9;
		c ^= a;
		d ^= b;
		b ^= c;
		a ^= d;
		c ^= t;
		d = rotl(d, 11);
		return result >>> 0;
	};
	let spare: number | undefined;
	const random: Random = {
		next: () => ((word() >>> 5) * 0x4000000 + (word() >>> 6)) / 2 ** 53,
		integer: bound => Math.floor(random.next() * bound),
		normal() {
			if (spare !== undefined) {
				const value = spare;
				spare = undefined;
				return value;
			}
			for (;;) {
				const u = 2 * random.next() - 1;
				const v = 2 * random.next() - 1;
				const s = u * u + v * v;
				if (s > 0 && s < 1) {
					const factor = Math.sqrt((-2 * Math.log(s)) / s);
					spare = v * factor;
					return u * factor;
				}
			}
		},
		shuffle(items) {
			const result = [...items];
			for (let index = result.length - 1; index > 0; index--) {
				const other = random.integer(index + 1);
				[result[index], result[other]] = [result[other]!, result[index]!];
			}
			return result;
		},
		// Hashing seed and name together keeps forks of forks apart: fork('a').fork('b') is not fork('b').fork('a').
		fork: name => seededRandom(hashString(`${seed | 0}/${name}`)),
	};
	return random;
}
