/** Plans of every shape for a made-up model on devices of the library, evaluated: for tests of predictions. */
import {type Evaluation, evaluate} from '../../../core/cost/evaluate.js';
import {type CostDevice, type CostFleet, defaultBroker, defaultMessaging} from '../../../core/cost/fleet.js';
import type {ModelCosts, UnitCosts} from '../../../core/cost/model-costs.js';
import {timesOfProfile, workSums} from '../../../core/cost/pass-times.js';
import {type Plan, type PlanDocument, planSchema} from '../../../core/plan/plan.js';
import {libraryProfile, type ProfileName} from '../../../core/profile/library.js';

/** A chain of so many units, each of which halves the tensor that it hands on, down to 256 elements. */
export function chainCosts(units = 6): ModelCosts {
	const elements = (unit: number) => Math.max(256, 65_536 / 2 ** unit);
	return {
		name: 'chain',
		maxCrossing: 1,
		units: Array.from({length: units}, (_, unit): UnitCosts => {
			const work = {flops: 4e6, bytes: 8 * elements(unit), callBytes: 4000, calls: 2};
			return {
				label: `unit ${unit}`,
				work: {matmul: work},
				parameters: 20_000,
				buffers: 0,
				stashBytes: 8 * elements(unit),
			};
		}),
		values: Array.from({length: units}, (_, unit) => ({
			madeBy: unit - 1,
			readBy: [unit],
			shape: [elements(unit)],
			bytesPerElement: 4,
			differentiable: unit > 0,
		})),
		separable: Array.from({length: units - 1}, () => true),
		inputBytes: 4 * elements(0),
		outputBytes: 40,
		labelBytes: 8,
	};
}

const profiles: readonly ProfileName[] = ['raspberry-pi-4b', 'raspberry-pi-5', 'jetson-nano', 'mini-pc-n100'];

/** «dev-0», «dev-1», … */
export function costFleet(count: number, costs: ModelCosts): CostFleet {
	const sums = workSums(costs.units, 1);
	return {
		devices: Array.from({length: count}, (_, index): CostDevice => {
			const profile = libraryProfile(profiles[index % profiles.length]!);
			return {
				device: `dev-${index}`,
				profile,
				times: timesOfProfile(sums, profile),
				samples: undefined,
				utilisation: 1,
				pricePerSecond: index * 1e-5,
				emulated: index % 2 === 0,
			};
		}),
		broker: defaultBroker,
		messaging: defaultMessaging,
	};
}

const named = (...names: readonly number[]) => names.map(name => ({device: `dev-${name}`}));

/** One document of each shape; all of them take four devices and six units. */
export const planShapes = {
	pipeline: {
		stages: [
			{units: [0, 2], replicas: named(0)},
			{units: [3, 5], replicas: named(1)},
		],
		pipeline: {microBatches: 4},
		synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
	},
	hybrid: {
		stages: [
			{units: [0, 1], replicas: named(0, 1, 2)},
			{units: [2, 5], replicas: named(3), stash: 'recompute'},
		],
		synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
	},
	dSgd: {
		stages: [{units: 'all', replicas: named(0, 1, 2, 3)}],
		synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
	},
	fedAvg: {
		stages: [{units: 'all', replicas: named(0, 1, 2)}],
		synchronisation: {exchange: 'weights', every: {kind: 'epochs', epochs: 1}},
	},
	split: {
		stages: [
			{units: [0, 1], replicas: named(0, 1), turns: 'in-turn'},
			{units: [2, 5], replicas: named(3)},
		],
		synchronisation: {exchange: 'weights', every: {kind: 'epochs', epochs: 1}},
	},
	aligned: {
		stages: [
			{units: [0, 1], replicas: named(0, 1)},
			{units: [2, 5], replicas: named(2), junction: {mode: 'aligned', kind: 'mean'}},
		],
		synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
	},
} as const satisfies Record<string, Omit<PlanDocument, 'version' | 'scheme' | 'model'>>;
export type PlanShape = keyof typeof planShapes;

export interface EvaluationWish {
	readonly shape?: PlanShape;
	readonly epochs?: number;
	readonly batch?: number;
	readonly samples?: number;
}

export interface Evaluated {
	readonly evaluation: Evaluation;
	readonly fleet: CostFleet;
}

export function anEvaluation({
	shape = 'pipeline',
	epochs = 3,
	batch = 32,
	samples = 600,
}: EvaluationWish = {}): Evaluated {
	const costs = chainCosts();
	const fleet = costFleet(4, costs);
	const plan: Plan = planSchema.parse({version: 1, scheme: shape, model: 'chain', ...planShapes[shape]});
	return {evaluation: evaluate({plan, costs, fleet, training: {batch, epochs, slots: 1, samples}}), fleet};
}
