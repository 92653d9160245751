/** What a job is planned for, and what plans may be chosen from, as job documents say it. */
import {z} from 'zod';
import {codecSpec} from '../codec/spec.js';
import type {Frozen} from '../config/config.js';
import {expectedDevice, isId} from '../ids.js';
import {junctionKinds, mostMicroBatches, schedules} from './plan.js';
import {quantity} from './quantity.js';

export const measureNames = ['time', 'bytes', 'energy', 'money'] as const;

const weight = z.number().min(0).optional();

/**
 * @example
 * objective: { minimise: energy, subjectTo: { time: 10 min } }
 * objective: { minimise: { time: 1, energy: 0.05 } }   # a joule is worth a twentieth of a second
 */
export const objectiveSchema = z.strictObject({
	minimise: z.union([
		z.enum(measureNames),
		/** What a second, a byte, a joule and a dollar are worth, in common units. */
		z
			.strictObject({time: weight, bytes: weight, energy: weight, money: weight})
			.refine(weights => Object.values(weights).some(value => (value ?? 0) > 0), 'expected a weight above zero'),
	]),
	/** The most that the whole run may take. */
	subjectTo: z
		.strictObject({
			time: quantity('time').optional(),
			energy: quantity('energy').optional(),
			bytes: quantity('size').optional(),
			money: quantity('money').optional(),
		})
		.optional(),
});

const device = z.string().refine(isId, expectedDevice);
const whole = z.number().int().min(0);
const unique = <T extends z.ZodType>(of: T) => z.array(of).min(1).max(32);

/** Which plans the planner looks at. By default only those that compute what one machine would, to rounding. */
export const planningSchema = z.strictObject({
	microBatches: unique(z.number().int().positive().max(mostMicroBatches)).default([1, 2, 4, 8, 16]),
	schedules: unique(z.enum(schedules)).default(['1f1b']),
	/** For all links between stages; others than fp32 change what is computed. */
	codecs: unique(codecSpec).default([{kind: 'fp32'}]),
	/** Passes over the data between two means of the weights of whole models; 0: gradients at every step. */
	localEpochs: unique(whole).default([0]),
	/** How branches of aligned sources are merged. */
	junction: z.enum(junctionKinds).default('scalar'),
	maxCrossing: z.number().int().positive().max(8).default(1),
	mostStages: z.number().int().positive().max(64).default(8),
	mostReplicas: z.number().int().positive().max(4096).default(16),
	/** Devices of every stage that is not the sources' own, so that one may fail. */
	minimumReplicas: z.number().int().positive().max(64).default(1),
	exclude: z.array(device).default([]),
	/** Units that only this device may compute: first and last. */
	pinned: z.array(z.strictObject({device, units: z.tuple([whole, whole])})).default([]),
	/** How long to look for a plan. */
	limit: quantity('time').default(5),
	/** Looks for better plans until then, where large spaces are otherwise left after a while. */
	thorough: z.boolean().default(false),
	/** A device that is so many times slower or faster than its profile says makes the run plan anew. */
	replanFactor: z.number().min(1.1).max(100).default(1.5),
});

export type ObjectiveDocument = Frozen<z.output<typeof objectiveSchema>>;
export type Planning = Frozen<z.output<typeof planningSchema>>;
