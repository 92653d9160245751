/** Random planning problems: models as counts, fleets of a few kinds of devices. */
import type {CostDevice, CostFleet} from '../../../core/cost/fleet.js';
import {defaultBroker, defaultMessaging} from '../../../core/cost/fleet.js';
import type {ModelCosts} from '../../../core/cost/model-costs.js';
import {timesOfProfile, workSums} from '../../../core/cost/pass-times.js';
import {libraryProfile} from '../../../core/profile/library.js';
import type {DeviceProfile} from '../../../core/profile/profile.js';
import type {Random} from '../../../core/random.js';
import type {DataPlacement, Problem} from '../../../planners/problem.js';

const between = (random: Random, low: number, high: number): number => low + (high - low) * random.next();
const logBetween = (random: Random, low: number, high: number): number =>
	Math.exp(between(random, Math.log(low), Math.log(high)));
const whole = (random: Random, low: number, high: number): number => Math.floor(between(random, low, high + 1));
const pick = <T>(random: Random, values: readonly T[]): T => values[whole(random, 0, values.length - 1)]!;

/** A chain of layers: convolutions that shrink, or blocks of one size. */
export function randomModel(random: Random, units: number): ModelCosts {
	let elements = Math.round(logBetween(random, 500, 30_000));
	const made: number[] = [];
	const layers = Array.from({length: units}, (_, index) => {
		const parameters = index > 0 && random.next() < 0.25 ? 0 : Math.round(logBetween(random, 100, 400_000));
		const flops = parameters === 0 ? elements : Math.round(logBetween(random, 1e5, 5e7));
		const before = elements;
		elements = Math.max(10, Math.round(elements * between(random, 0.3, 1.4)));
		made.push(elements);
		return {
			label: `layer${index}`,
			work: {
				[parameters === 0 ? 'elementwise' : 'convolution']: {
					flops,
					bytes: 4 * (before + elements),
					callBytes: 4 * parameters,
					calls: whole(random, 1, 3),
				},
			},
			parameters,
			buffers: random.next() < 0.2 ? 64 : 0,
			stashBytes: 4 * elements,
		};
	});
	return {
		name: 'random',
		maxCrossing: 1,
		units: layers,
		values: made.slice(0, -1).map((size, index) => ({
			madeBy: index,
			readBy: [index + 1],
			shape: [size],
			bytesPerElement: 4,
			differentiable: true,
		})),
		separable: made.slice(0, -1).map(() => random.next() < 0.9),
		inputBytes: 3136,
		outputBytes: 40,
		labelBytes: 1,
	};
}

const names = [
	'raspberry-pi-3b-plus',
	'raspberry-pi-4b',
	'raspberry-pi-5',
	'jetson-nano',
	'mini-pc-n100',
	'laptop',
] as const;

function randomProfile(random: Random): DeviceProfile {
	const base = libraryProfile(pick(random, names));
	const up = logBetween(random, 5e5, 1e8);
	return {
		...base,
		memoryBytes: logBetween(random, 2e7, 8e9),
		link: {
			...base.link,
			upBytesPerSecond: up,
			downBytesPerSecond: up * between(random, 1, 3),
			latencySeconds: logBetween(random, 1e-4, 1e-2),
		},
	};
}

export interface FleetOptions {
	readonly devices: number;
	/** Kinds of devices. */
	readonly kinds: number;
	/** How many of them own data. */
	readonly sources: number;
}

export function randomFleet(
	random: Random,
	model: ModelCosts,
	slots: number,
	{devices, kinds, sources}: FleetOptions,
): CostFleet {
	const sums = workSums(model.units, slots);
	const profiles = Array.from({length: kinds}, () => {
		const profile = randomProfile(random);
		return {profile, times: timesOfProfile(sums, profile), price: logBetween(random, 1e-6, 1e-4)};
	});
	return {
		devices: Array.from({length: devices}, (_, index): CostDevice => {
			const {profile, times, price} = index < kinds ? profiles[index]! : pick(random, profiles);
			return {
				device: `d${index}`,
				profile,
				times,
				samples: index < sources ? whole(random, 100, 1000) : undefined,
				utilisation: 1,
				pricePerSecond: price,
				emulated: false,
			};
		}),
		broker: defaultBroker,
		messaging: defaultMessaging,
	};
}

const measures = ['time', 'bytes', 'energy', 'money'] as const;

export interface ProblemOptions {
	readonly devices: number;
	readonly units: number;
	/** Drawn where it is not given. */
	readonly data?: DataPlacement['kind'];
	/** Of sources. */
	readonly labels?: 'stay' | 'travel';
}

/** A small problem of any kind. */
export function randomProblem(random: Random, {devices, units, data, labels = 'travel'}: ProblemOptions): Problem {
	const costs = randomModel(random, units);
	const kind = data ?? pick(random, ['sources', 'sources', 'aligned', 'dealt'] as const);
	const sources =
		kind === 'dealt' ? 0 : whole(random, kind === 'aligned' ? 2 : 1, Math.max(kind === 'aligned' ? 2 : 1, devices - 1));
	const fleet = randomFleet(random, costs, 1, {devices, kinds: whole(random, 1, devices), sources});
	const owners = fleet.devices.filter(({samples}) => samples !== undefined).map(({device}) => device);
	const samples = fleet.devices.reduce((sum, device) => sum + (device.samples ?? 0), 0) || 2000;
	return {
		costs,
		fleet,
		training: {batch: pick(random, [32, 64]), epochs: 1, slots: 1, samples},
		data:
			kind === 'dealt'
				? {kind, rawData: pick(random, ['stays', 'may-move'] as const)}
				: kind === 'aligned'
					? {kind, devices: owners, junction: 'mean'}
					: {kind, devices: owners, rawData: pick(random, ['stays', 'may-move'] as const), labels},
		objective:
			random.next() < 0.2
				? {kind: 'weighted', weights: {time: 1, energy: between(random, 0.01, 1), bytes: between(random, 1e-9, 1e-6)}}
				: {kind: 'one', measure: pick(random, measures)},
		constraints: {most: {}, exclude: new Set(), pinned: [], minimumReplicas: 1},
		space: {
			microBatches: pick(random, [[1], [1, 4], [2, 8]]),
			schedules: ['1f1b'],
			codecs: pick(random, [[{kind: 'fp32'}], [{kind: 'fp32'}, {kind: 'fp16'}]] as const),
			localEpochs: pick(random, [[0], [0, 1]]),
			mostStages: 4,
			mostReplicas: 4,
		},
	};
}
