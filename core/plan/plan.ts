/**
 * The plan document: a model cut into stages, each stage replicated over devices, and how the replicas synchronise.
 * Version 1. A plan is plain data that a person can read, edit and validate.
 */
import {z} from 'zod';
import type {Frozen} from '../config/config.js';
import {expectedDevice, isId} from '../ids.js';
import {linkSchema} from './links.js';

export const junctionKinds = ['mean', 'scalar', 'per-unit', 'conv1x1', 'dense', 'concat', 'sum', 'max'] as const;
export const schedules = ['gpipe', '1f1b'] as const;

const id = z.string().refine(isId, expectedDevice);
const count = z.number().int().positive();

const replica = z.strictObject({
	device: id,
	/**
	 * Part of each global batch, relative to the other replicas of the stage: > 0. Branches of an aligned junction all see
	 * every item, their shares say nothing.
	 */
	share: z.number().positive().default(1),
});

/**
 * How a stage takes what the replicas of the stage before it send. stack: each item comes from one of them, items are
 * put together along the batch. aligned: every replica of the stage before is a branch that saw the same items in its
 * own way; the branches are merged into one tensor of the same shape (`models/junction`).
 */
const junction = z.discriminatedUnion('mode', [
	z.strictObject({mode: z.literal('stack')}),
	z.strictObject({
		mode: z.literal('aligned'),
		kind: z.enum(junctionKinds),
	}),
]);

/**
 * How the replicas of a stage stay one model.
 * gradients every step: their mean gradient goes into one update of all. weights: each trains by itself for so many steps or
 * epochs, then all go on with the mean. never: each keeps weights of its own.
 */
const synchronisation = z.strictObject({
	topology: z.literal('parameter-server').default('parameter-server'),
	exchange: z.enum(['gradients', 'weights']),
	every: z.discriminatedUnion('kind', [
		z.strictObject({kind: z.literal('step')}),
		z.strictObject({kind: z.literal('steps'), steps: count}),
		z.strictObject({kind: z.literal('epochs'), epochs: count}),
		z.strictObject({kind: z.literal('never')}),
	]),
});

const stage = z.strictObject({
	/** First and last unit, zero-based, both included; `all` is the whole model. */
	units: z.union([z.literal('all'), z.tuple([z.number().int().min(0), z.number().int().min(0)])]),
	replicas: z.array(replica).min(1),
	junction: junction.default({mode: 'stack'}),
	/** What backward needs of the forward pass is kept, or computed again: less memory, a second forward. */
	stash: z.enum(['keep', 'recompute']).default('keep'),
	/**
	 * together: all replicas work on every step, each on its share. in-turn: one replica after the other does all of the batch
	 * for as long as `synchronisation` says, then hands its weights to the next (split learning).
	 */
	turns: z.enum(['together', 'in-turn']).default('together'),
	/** Where it differs from the plan's. */
	synchronisation: synchronisation.optional(),
});

/** More pieces of a batch than that nobody sends. */
export const mostMicroBatches = 1024;

/** How the micro-batches of a step go through the stages. */
const pipeline = z.strictObject({
	/** Pieces that each batch is divided into; more of them overlap better and cost more messages. */
	microBatches: count.max(mostMicroBatches).default(1),
	/**
	 * gpipe: all forward passes, then all backward passes (Huang et al. 2019). 1f1b: a stage begins with backward passes as
	 * soon as it can, so that it keeps at most as many micro-batches as there are stages after it (Narayanan et al. 2019).
	 */
	schedule: z.enum(schedules).default('1f1b'),
});

export const planSchema = z.strictObject({
	version: z.literal(1),
	/** In words, for reports: «D-SGD», «FedAvg, 2 local epochs». */
	scheme: z.string().min(1),
	model: z.string().min(1),
	/** How many tensors may cross a cut between two units. */
	maxCrossing: count.max(8).default(1),
	stages: z.array(stage).min(1),
	synchronisation,
	pipeline: pipeline.prefault({}),
	/** Codecs by link; the first entry that fits counts. Weights and gradients of whole stages travel as fp32. */
	links: z.array(linkSchema).max(10_000).default([]),
	/**
	 * Labels begin where the data are. travel: they follow their items to the last stage. stay: the last stage must be on the
	 * same device. at-last-stage: the devices of the last stage hold the labels of all items themselves.
	 */
	labels: z.enum(['travel', 'stay', 'at-last-stage']).default('travel'),
});

export type Plan = Frozen<z.output<typeof planSchema>>;
/** A plan as people write it. */
export type PlanDocument = z.input<typeof planSchema>;
export type Stage = Plan['stages'][number];
export type Synchronisation = Plan['synchronisation'];

/** How the replicas of a stage synchronise: as the stage says, else as the plan does. */
export const synchronisationOf = ({synchronisation}: Plan, stage: Stage): Synchronisation =>
	stage.synchronisation ?? synchronisation;

/**
 * Whether a plan is executed in rounds (`fog-broker/rounds`): replicas of a whole model which all have one state, and of which
 * any may be late or missing in any round. Every other plan is executed step by step (`fog-broker/stages`); so is one device
 * that updates its own weights, since there is nobody to exchange them with.
 */
export function isDataParallel({stages, synchronisation, pipeline}: Plan): boolean {
	const [only, ...others] = stages;
	const {exchange, every} = only!.synchronisation ?? synchronisation;
	return (
		others.length === 0 &&
		only!.units === 'all' &&
		only!.turns === 'together' &&
		pipeline.microBatches === 1 &&
		((exchange === 'gradients' && every.kind === 'step' && only!.replicas.length > 1) ||
			(exchange === 'weights' && every.kind === 'epochs'))
	);
}
