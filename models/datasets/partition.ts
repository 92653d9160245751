/**
 * Divides the items of one dataset among devices: every item goes to exactly one of them, and the same seed gives the same
 * division.
 */
import {FplError} from '../../core/errors.js';
import type {Partition} from '../../core/plan/job.js';
import {apportion} from '../../core/plan/shares.js';
import {type Random, seededRandom} from '../../core/random.js';
import type {Dataset} from './dataset.js';

/** `local` divides nothing and is none of this module's business. */
export type Division = Exclude<Partition, {kind: 'local'}>;

export interface PartitionOptions {
	readonly devices: number;
	readonly seed: number;
	/** Each device gets at least so many items. Default 1. */
	readonly minimum?: number;
}

/** Consecutive pieces of these sizes. */
function pieces(items: readonly number[], sizes: readonly number[]): number[][] {
	let start = 0;
	return sizes.map(size => {
		const piece = items.slice(start, start + size);
		start += size;
		return piece;
	});
}

const evenly = (items: readonly number[], count: number): number[][] =>
	pieces(items, apportion(items.length, new Array<number>(count).fill(1)));

/** Uniform parts of sizes that differ by one at most. */
const iid = (items: number, devices: number, random: Random): number[][] =>
	evenly(random.shuffle(Array.from({length: items}, (_, item) => item)), devices);

/**
 * A draw from the gamma distribution with this shape and scale 1 (Marsaglia, Tsang 2000). Shapes under 1 draw with
 * shape + 1 and scale down, in logarithms, so that tiny shapes do not round to zero.
 * @returns the logarithm of the draw.
 */
function logGamma(shape: number, random: Random): number {
	if (shape < 1) {
		return logGamma(shape + 1, random) + Math.log(1 - random.next()) / shape;
	}
	const d = shape - 1 / 3;
	const c = 1 / Math.sqrt(9 * d);
	for (;;) {
		const x = random.normal();
		const v = (1 + c * x) ** 3;
		if (v > 0 && Math.log(1 - random.next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) {
			return Math.log(d * v);
		}
	}
}

/** Proportions from a symmetric Dirichlet distribution. */
function dirichletDraw(alpha: number, count: number, random: Random): number[] {
	const logs = Array.from({length: count}, () => logGamma(alpha, random));
	const largest = Math.max(...logs);
	return logs.map(log => Math.exp(log - largest));
}

/** Items of each class, in random order. */
function byClass(labels: Int32Array, random: Random): number[][] {
	const classes: number[][] = [];
	for (const [item, label] of labels.entries()) {
		classes[label] ??= [];
		classes[label].push(item);
	}
	// A class without items leaves a hole, which flat() drops.
	return classes.flatMap(items => (items === undefined ? [] : [random.shuffle(items)]));
}

/** Each class is divided in proportions of its own (Hsu, Qi, Brown 2019). */
function dirichlet(labels: Int32Array, alpha: number, devices: number, random: Random): number[][] {
	const parts: number[][][] = Array.from({length: devices}, () => []);
	for (const items of byClass(labels, random)) {
		const sizes = apportion(items.length, dirichletDraw(alpha, devices, random));
		for (const [device, piece] of pieces(items, sizes).entries()) {
			parts[device]!.push(piece);
		}
	}
	return parts.map(part => part.flat());
}

/** Sorted by class, cut into devices × perDevice runs, dealt out at random (McMahan et al. 2017). */
function shards(labels: Int32Array, perDevice: number, devices: number, random: Random): number[][] {
	const dealt = random.shuffle(evenly(byClass(labels, random).flat(), devices * perDevice));
	return Array.from({length: devices}, (_, device) => dealt.slice(device * perDevice, (device + 1) * perDevice).flat());
}

/** Moves items from the largest part to those below the minimum. */
function topUp(parts: number[][], minimum: number): void {
	for (const part of parts) {
		while (part.length < minimum) {
			const largest = parts.reduce((most, other) => (other.length > most.length ? other : most));
			part.push(largest.pop()!);
		}
	}
}

/** Uneven draws that leave somebody under the minimum are repeated so often, then topped up. */
const maxDraws = 20;

function draw(dataset: Dataset, division: Division, devices: number, random: Random): number[][] {
	if (division.kind === 'iid') {
		return iid(dataset.items, devices, random);
	}
	if (dataset.labels === undefined) {
		throw new FplError('DATA_SHAPE', {
			where: `partition «${division.kind}» of dataset «${dataset.name}»`,
			problem: 'it divides by class, and the dataset has no classes',
			fix: 'Use the partition «iid».',
		});
	}
	switch (division.kind) {
		case 'dirichlet':
			return dirichlet(dataset.labels, division.alpha, devices, random);
		case 'shards':
			return shards(dataset.labels, division.perDevice, devices, random);
		default:
			return division satisfies never;
	}
}

/**
 * Item numbers per device, ascending.
 * @throws FplError `DATA_SHAPE` when there are fewer items than `devices × minimum`, or no classes to divide by;
 * `CONFIG_VALUE` for impossible parameters.
 */
export function partition(dataset: Dataset, division: Division, options: PartitionOptions): Uint32Array[] {
	const {devices, seed, minimum = 1} = options;
	const wrong =
		!Number.isInteger(devices) || devices < 1
			? `${devices} devices`
			: division.kind === 'dirichlet' && !(division.alpha > 0 && Number.isFinite(division.alpha))
				? `alpha ${division.alpha}`
				: division.kind === 'shards' && !(Number.isInteger(division.perDevice) && division.perDevice >= 1)
					? `${division.perDevice} shards per device`
					: undefined;
	if (wrong !== undefined) {
		throw new FplError('CONFIG_VALUE', {
			where: `partition «${division.kind}»`,
			expected: 'numbers above 0',
			got: wrong,
		});
	}
	if (dataset.items < devices * minimum) {
		throw new FplError('DATA_SHAPE', {
			where: `partition of dataset «${dataset.name}»`,
			expected: `at least ${devices * minimum} items (${minimum} for each of ${devices} devices)`,
			got: `${dataset.items}`,
		});
	}
	const random = seededRandom(seed).fork(`partition ${division.kind}`);
	let parts = draw(dataset, division, devices, random);
	for (let count = 1; count < maxDraws && parts.some(part => part.length < minimum); count++) {
		parts = draw(dataset, division, devices, random);
	}
	topUp(parts, minimum);
	return parts.map(part => Uint32Array.from(part).sort());
}
