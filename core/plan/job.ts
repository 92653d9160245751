/** The job document: what to train, on which data, how, and what to mind. Version 1; unknown keys are errors. */
import {z} from 'zod';
import type {Frozen} from '../config/config.js';
import {expectedDevice, isId} from '../ids.js';
import {objectiveSchema, planningSchema} from './objective.js';
import {quantity} from './quantity.js';
import {keepsLabels, schemeKinds, schemeSchema} from './scheme-options.js';
import {viewsSchema} from './views.js';

const optimizer = z
	.discriminatedUnion('kind', [
		z.strictObject({
			kind: z.literal('sgd'),
			lr: z.number().positive(),
			momentum: z.number().min(0).lt(1).default(0),
			nesterov: z.boolean().default(false),
			weightDecay: z.number().min(0).default(0),
		}),
		...(['adam', 'adamw'] as const).map(kind =>
			z.strictObject({
				kind: z.literal(kind),
				lr: z.number().positive(),
				beta1: z.number().min(0).lt(1).default(0.9),
				beta2: z.number().min(0).lt(1).default(0.999),
				epsilon: z.number().positive().default(1e-8),
				weightDecay: z
					.number()
					.min(0)
					.default(kind === 'adamw' ? 0.01 : 0),
			}),
		),
	])
	.describe('optimizer');

const schedule = z.discriminatedUnion('kind', [
	z.strictObject({kind: z.literal('constant')}),
	z.strictObject({
		kind: z.literal('step'),
		every: z.number().int().positive(),
		gamma: z.number().positive().max(1),
	}),
	z.strictObject({
		kind: z.literal('cosine'),
		warmup: z.number().int().min(0).default(0),
		floor: z.number().min(0).max(1).default(0),
	}),
	z.strictObject({kind: z.literal('linear'), warmup: z.number().int().min(0).default(0)}),
]);

export const partitionSchema = z.discriminatedUnion('kind', [
	/** Every device owns its data already: nothing is divided. */
	z.strictObject({kind: z.literal('local')}),
	z.strictObject({kind: z.literal('iid')}),
	z.strictObject({kind: z.literal('dirichlet'), alpha: z.number().positive()}),
	z.strictObject({kind: z.literal('shards'), perDevice: z.number().int().positive().max(10_000)}),
]);

const jobKeys = z.strictObject({
	version: z.literal(1),
	/** Zoo name, or a path to an .onnx file. */
	model: z.string().min(1),
	data: z.strictObject({
		dataset: z.string().min(1),
		path: z.string().min(1).optional(),
		partition: partitionSchema.default({kind: 'iid'}),
		/** Uses only the first items of the training set. */
		limit: z.number().int().positive().optional(),
		/** Devices that own the data or get their parts of them; where nobody says, whoever the plan gives the first stage. */
		sources: z.array(z.string().refine(isId, expectedDevice)).min(1).optional(),
		/** Aligned sources: all see all items, each in its own way. Then nothing is partitioned. */
		views: viewsSchema.optional(),
	}),
	training: z
		.strictObject({
			optimizer: optimizer.default({kind: 'sgd', lr: 0.05, momentum: 0.9, nesterov: false, weightDecay: 0}),
			schedule: schedule.default({kind: 'constant'}),
			clipNorm: z.number().positive().optional(),
			loss: z.enum(['softmax-cross-entropy', 'mse', 'bce']).optional(),
			/** Items of a global batch (of all replicas of a stage together), or of a local one (fedavg). */
			batch: z.number().int().positive().max(65_536).default(64),
			epochs: z.number().int().positive().max(1_000_000).default(3),
			seed: z.number().int().min(0).default(1),
			/** Ends the run early when the test accuracy reaches this. */
			targetAccuracy: z.number().min(0).max(1).optional(),
		})
		.prefault({}),
	/** Which plan to build when the run is given none: that of a scheme, or the one that the planner chooses. */
	scheme: z
		.discriminatedUnion('kind', [z.strictObject({kind: z.literal('auto')}), schemeSchema])
		.default({kind: 'auto'}),
	devices: z
		.strictObject({
			/** Only these; all that are idle when undefined. */
			only: z.array(z.string()).min(1).optional(),
			/** The run waits for so many, and ends when fewer are left for longer than `wait`. */
			minimum: z.number().int().positive().default(1),
			wait: quantity('time').default(60),
		})
		.prefault({}),
	faults: z
		.strictObject({
			/** How long a device may take for one round; slower ones are left out of it. Default: adaptive. */
			roundDeadline: quantity('time').optional(),
			/** Least time between two checkpoints; «0 s» writes one every round. */
			checkpointInterval: quantity('time').default(2),
		})
		.prefault({}),
	engine: z.enum(['auto', 'onnxruntime', 'tfjs']).default('auto'),
	/** What the planner chooses by; time where nothing is said. */
	objective: objectiveSchema.optional(),
	planning: planningSchema.prefault({}),
	privacy: z
		.strictObject({
			/** stays: what leaves a source has gone through trained units. */
			rawData: z.enum(['stays', 'may-move']).default('stays'),
			/** stay: they never leave the devices that own them. */
			labels: z.enum(['travel', 'stay']).default('travel'),
		})
		.prefault({}),
});

export const jobSchema = jobKeys.refine(
	({scheme, privacy}) => privacy.labels === 'travel' || scheme.kind === 'auto' || keepsLabels(scheme.kind),
	{
		path: ['privacy', 'labels'],
		error: issue =>
			`labels are to stay, and scheme «${(issue.input as z.output<typeof jobKeys>).scheme.kind}» sends them to another device; ` +
			`those that keep them are auto, ${schemeKinds.filter(keepsLabels).join(', ')}`,
	},
);

/** A validated job; times in seconds, energies in joules. */
export type Job = Frozen<z.output<typeof jobSchema>>;
/** A job as people write it. */
export type JobDocument = z.input<typeof jobSchema>;
export type Partition = Frozen<z.output<typeof partitionSchema>>;
