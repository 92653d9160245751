/** Small plans of every builder, on random fleets, for random models that are known by their counts only. */
import fc from 'fast-check';
import type {TrainingCosts} from '../../../core/cost/episode.js';
import type {EvaluateInput} from '../../../core/cost/evaluate.js';
import {type CostDevice, type CostFleet, defaultBroker, defaultMessaging} from '../../../core/cost/fleet.js';
import type {ModelCosts} from '../../../core/cost/model-costs.js';
import {timesOfProfile, workSums} from '../../../core/cost/pass-times.js';
import {modelSplit, pipeline} from '../../../core/plan/builders/chain.js';
import {centralised, dSgd, fedAvg} from '../../../core/plan/builders/data-parallel.js';
import {fplAligned, fplStacked} from '../../../core/plan/builders/fpl.js';
import type {Pipeline, Placement} from '../../../core/plan/builders/parts.js';
import {parallelSplit, splitFed, splitLearning} from '../../../core/plan/builders/split.js';
import {uShaped} from '../../../core/plan/builders/u-shaped.js';
import type {Plan} from '../../../core/plan/plan.js';
import {libraryProfile} from '../../../core/profile/library.js';

export interface RandomCase extends EvaluateInput {
	readonly builder: Builder;
}

/** 10^x with x even in the range. */
const magnitude = (least: number, most: number) => fc.double({min: least, max: most, noNaN: true}).map(x => 10 ** x);

interface RandomUnit {
	readonly flops: number;
	readonly parameters: number;
	readonly elements: number;
	/** Whether what the unit makes is read by the one after the next, too. */
	readonly skips: boolean;
}

const unit: fc.Arbitrary<RandomUnit> = fc.record({
	flops: magnitude(4, 7),
	parameters: magnitude(1, 6).map(Math.round),
	elements: magnitude(1, 4.7).map(Math.round),
	skips: fc.boolean(),
});

function costsOf(units: readonly RandomUnit[]): ModelCosts {
	return {
		name: 'random',
		maxCrossing: 2,
		units: units.map(({flops, parameters, elements}, index) => ({
			label: `unit ${index}`,
			work: {matmul: {flops, bytes: 0, callBytes: 0, calls: 1}},
			parameters,
			buffers: index % 3 === 0 ? 16 : 0,
			stashBytes: 4 * elements,
		})),
		values: units.slice(0, -1).map(({elements, skips}, index) => ({
			madeBy: index,
			readBy: skips && index + 2 < units.length ? [index + 1, index + 2] : [index + 1],
			shape: [elements],
			bytesPerElement: 4,
			differentiable: true,
		})),
		separable: units.slice(1).map(() => true),
		inputBytes: 784 * 4,
		outputBytes: 40,
		labelBytes: 1,
	};
}

const device = fc.record({
	/** FLOP/s. */
	speed: magnitude(8, 10.5),
	/** Seconds per call. */
	dispatch: magnitude(-5, -3),
	/** Bytes/s: from 2 Mbit/s to 1 Gbit/s. */
	up: magnitude(5.4, 8.1),
	down: magnitude(5.4, 8.1),
	latency: magnitude(-4, -1.5),
	samples: fc.integer({min: 10, max: 120}),
});

type RandomDevice = typeof device extends fc.Arbitrary<infer D> ? D : never;

function fleetOf(
	devices: readonly RandomDevice[],
	broker: number,
	units: ModelCosts['units'],
	slots: number,
): CostFleet {
	const base = libraryProfile('raspberry-pi-4b', 'test');
	const sums = workSums(units, slots);
	return {
		devices: devices.map(({speed, dispatch, up, down, latency, samples}, index): CostDevice => {
			const profile = {
				...base,
				speeds: {...base.speeds, matmul: speed, memory: 10 * speed},
				dispatchSeconds: dispatch,
				link: {...base.link, upBytesPerSecond: up, downBytesPerSecond: down, latencySeconds: latency},
			};
			return {
				device: `d${index}`,
				profile,
				times: timesOfProfile(sums, profile),
				samples,
				utilisation: 1,
				pricePerSecond: 0,
				emulated: false,
			};
		}),
		broker: {...defaultBroker, inBytesPerSecond: broker, outBytesPerSecond: broker},
		messaging: defaultMessaging,
	};
}

/** Every builder of classic schemes, with the least number of devices and stages that it needs. */
const builders = {
	centralised: ({placement}) => centralised('random', placement.sources[0]!),
	// Two devices at least: one is centralised training.
	'd-sgd': ({placement}) => dSgd('random', [...placement.sources, ...placement.trunk]),
	fedavg: ({placement, every}) => fedAvg('random', placement.sources, every),
	'model-split': ({placement}) => modelSplit(chained(placement)),
	pipeline: ({placement, flow}) => pipeline(chained(placement), flow),
	'fpl-aligned': ({placement, flow}) => fplAligned(placement, 'mean', flow),
	'fpl-stacked': ({placement, flow}) => fplStacked(placement, 'step', flow),
	'fpl-private': ({placement, flow}) => fplStacked(placement, 'never', flow),
	'split-learning': ({placement, every}) => splitLearning(lone(placement), every),
	splitfed: ({placement, every, flow}) => splitFed(lone(placement), every, flow),
	'parallel-split': ({placement, flow}) => parallelSplit(lone(placement), flow),
	'u-shaped': ({placement, flow, units}) => uShaped(bent(placement, units), flow),
} as const satisfies Record<string, (wish: Wish) => Plan>;
export type Builder = keyof typeof builders;
export const builderNames = Object.keys(builders) as Builder[];

interface Wish {
	readonly placement: Placement;
	readonly flow: Pipeline;
	readonly units: number;
	/** Epochs between two means, or turns. */
	readonly every: number;
}

/** One trunk device, one cut. */
const lone = (placement: Placement): Placement => ({
	...placement,
	trunk: placement.trunk.slice(0, 1),
	cuts: placement.cuts.slice(0, 1),
});

/** One source, and a stage for each trunk device. */
const chained = ({sources, trunk, units, ...rest}: Placement): Placement => ({
	...rest,
	units,
	sources: sources.slice(0, 1),
	trunk,
	cuts: trunk.map((_, index) => Math.ceil(((index + 1) * units) / (trunk.length + 1))),
});

const bent = (placement: Placement, units: number): Placement => {
	const [cut] = placement.cuts as [number];
	const first = Math.min(cut, units - 2);
	return {...lone(placement), cuts: [first, Math.max(first + 1, Math.ceil((first + units) / 2))]};
};

/** A plan of one of these builders, and all that is needed to predict what it costs. */
export function randomCase(of: readonly Builder[] = builderNames): fc.Arbitrary<RandomCase> {
	return fc
		.record({
			builder: fc.constantFrom(...of),
			units: fc.array(unit, {minLength: 4, maxLength: 8}),
			sources: fc.array(device, {minLength: 1, maxLength: 4}),
			trunk: fc.array(device, {minLength: 1, maxLength: 2}),
			broker: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), magnitude(6, 8)),
			cut: fc.double({min: 0, max: 1, noNaN: true}),
			microBatches: fc.integer({min: 1, max: 8}),
			schedule: fc.constantFrom('gpipe' as const, '1f1b' as const),
			every: fc.integer({min: 1, max: 2}),
			batch: fc.integer({min: 4, max: 48}),
			epochs: fc.integer({min: 1, max: 3}),
			slots: fc.integer({min: 0, max: 2}),
			interval: magnitude(-1, 2),
		})
		.map(
			({
				builder,
				units,
				sources,
				trunk,
				broker,
				cut,
				microBatches,
				schedule,
				every,
				batch,
				epochs,
				slots,
				interval,
			}) => {
				const costs = costsOf(units);
				const fleet = fleetOf([...sources, ...trunk], broker, costs.units, slots);
				const names = fleet.devices.map(({device: name}) => name);
				const placement: Placement = {
					model: 'random',
					units: units.length,
					sources: names.slice(0, sources.length),
					trunk: names.slice(sources.length),
					cuts: [1 + Math.floor(cut * (units.length - 1.001))],
					maxCrossing: 2,
				};
				const flow: Pipeline = {microBatches, schedule};
				const plan = builders[builder]({placement, flow, units: units.length, every});
				const training: TrainingCosts = {
					batch,
					epochs,
					slots,
					checkpointInterval: interval,
					samples:
						builder === 'fpl-aligned'
							? sources[0]!.samples
							: plan.stages[0]!.replicas.reduce((sum, {device: name}) => sum + samplesOf(fleet, name), 0),
				};
				return {builder, plan, costs, fleet, training};
			},
		);
}

const samplesOf = ({devices}: CostFleet, name: string): number =>
	devices.find(({device: known}) => known === name)!.samples!;
