/** The job's `scheme`: which plan to build when the run is given none, and the choices that each scheme leaves open. */
import {z} from 'zod';
import type {Frozen} from '../config/config.js';
import {expectedDevice, isId} from '../ids.js';
import {junctionKinds, mostMicroBatches, schedules} from './plan.js';

const id = z.string().refine(isId, expectedDevice);
const unit = z.number().int().positive();
const localEpochs = z.number().int().positive().default(1);

/** Where the model is split; chosen by `models/plans/default-cuts` when undefined. */
const maxCrossing = z.number().int().positive().max(8).default(1);
const oneCut = {
	/** Unit before which to cut. */
	cut: unit.optional(),
	maxCrossing,
};
const severalCuts = {
	/** Units before which to cut, ascending. */
	cuts: z.union([unit.transform(one => [one]), z.array(unit).min(1)]).optional(),
	maxCrossing,
};

/** The device that computes what the sources do not; by default the fastest that is not a source. */
const trunk = id.optional();

const flow = (microBatches: number) => ({
	microBatches: z.number().int().positive().max(mostMicroBatches).default(microBatches),
	schedule: z.enum(schedules).default('1f1b'),
});

export const schemeOptions = {
	/** Synchronous data-parallel SGD: gradients to the parameter server at every step. */
	'd-sgd': z.strictObject({kind: z.literal('d-sgd')}),
	/** Federated averaging (McMahan et al. 2017): weights after `localEpochs` passes over the local data. */
	fedavg: z.strictObject({kind: z.literal('fedavg'), localEpochs}),
	/** All data and the whole model on one device; by default the fastest. */
	centralised: z.strictObject({kind: z.literal('centralised'), device: id.optional()}),
	/** One model over several devices, the first of which owns the data («D-SGD» in the FPL paper). */
	'model-split': z.strictObject({kind: z.literal('model-split'), ...severalCuts}),
	pipeline: z.strictObject({kind: z.literal('pipeline'), ...severalCuts, ...flow(4)}),
	/** Clients in turn, weights handed over. */
	'split-learning': z.strictObject({kind: z.literal('split-learning'), ...oneCut, trunk, localEpochs}),
	/** Clients at once, their weights averaged after `localEpochs` passes. */
	'split-fed': z.strictObject({kind: z.literal('split-fed'), ...oneCut, trunk, localEpochs, ...flow(1)}),
	/** Clients at once, their gradients averaged at every step. */
	'parallel-split': z.strictObject({kind: z.literal('parallel-split'), ...oneCut, trunk, ...flow(1)}),
	/** Sources see the same items; a junction merges their branches. */
	'fpl-aligned': z.strictObject({
		kind: z.literal('fpl-aligned'),
		junction: z.enum(junctionKinds).default('scalar'),
		...severalCuts,
		/** Several: a stage each, or replicas of one stage where there is a single cut. */
		trunk: z.union([id.transform(one => [one]), z.array(id).min(1)]).optional(),
		...flow(1),
	}),
	/** Sources own different samples, stacked at the trunk. */
	'fpl-stacked': z.strictObject({
		kind: z.literal('fpl-stacked'),
		/** step: the branches stay one model. never: each keeps weights of its own. */
		branches: z.enum(['step', 'never']).default('step'),
		...severalCuts,
		trunk: z.union([id.transform(one => [one]), z.array(id).min(1)]).optional(),
		...flow(1),
	}),
	/** First and last units on the sources: labels stay there. */
	'u-shaped': z.strictObject({kind: z.literal('u-shaped'), ...severalCuts, trunk, ...flow(1)}),
} as const;

export const schemeSchema = z.discriminatedUnion('kind', [
	schemeOptions['d-sgd'],
	schemeOptions.fedavg,
	schemeOptions.centralised,
	schemeOptions['model-split'],
	schemeOptions.pipeline,
	schemeOptions['split-learning'],
	schemeOptions['split-fed'],
	schemeOptions['parallel-split'],
	schemeOptions['fpl-aligned'],
	schemeOptions['fpl-stacked'],
	schemeOptions['u-shaped'],
]);

export type SchemeKind = keyof typeof schemeOptions;
export const schemeKinds = Object.keys(schemeOptions) as readonly SchemeKind[];
/** Whether labels stay on the devices that own the data: those have the last stage as well. */
export const keepsLabels = (kind: SchemeKind): boolean => labelKeepers.has(kind);
const labelKeepers: ReadonlySet<SchemeKind> = new Set(['d-sgd', 'fedavg', 'centralised', 'u-shaped']);
/** A scheme with its options, as a job has it. */
export type Scheme<K extends SchemeKind = SchemeKind> = Frozen<z.output<(typeof schemeOptions)[K]>>;
