/**
 * Inference by a plan: what is asked of it, what the coordinator orders and the devices tell, as JSON inside `infer`,
 * `proceed` and `roundReport`, and how batches of items are numbered.
 *
 * The items of the test split are answered in order, in batches; batch m holds the items m·B … m·B + B − 1 (the last one
 * fewer), whose rows are divided among the sources as in training. Batches are grouped in intervals, after each of which
 * every device reports. An interval counts when all have reported it, and only then: after a fault the batches of intervals
 * that do not count are answered again.
 */
import {z} from 'zod';
import type {Frozen} from '../config/config.js';
import type {Plan} from './plan.js';
import {type Active, type PartId, type Rows, wholeDivision} from './routing.js';
import {schemeKinds} from './scheme-options.js';

const whole = z.number().int().min(0);
const count = z.number().int().positive();

/** What comes back to the sources: the number of the likeliest class, or the values of the model's first output. */
export const givings = ['classes', 'values'] as const;
export type Giving = (typeof givings)[number];

export const inferenceOptionsSchema = z.strictObject({
	/** Items per request, of all sources together. */
	batch: count.max(65_536).default(32),
	/** Batches that a source may have asked for and not yet got an answer to. */
	inFlight: count.max(256).default(4),
	/** Only the first items. */
	limit: count.optional(),
	/** Data other than those that the model was trained with. */
	dataset: z.string().min(1).optional(),
	/** The plan to build when none is given; by default that of the training run. */
	scheme: z.enum(schemeKinds).optional(),
	/** Default: classes where the model tells classes apart, else values. */
	give: z.enum(givings).optional(),
	/** Whether the coordinator keeps what was predicted for each item. */
	keep: z.boolean().default(false),
});
export type InferenceOptions = Frozen<z.output<typeof inferenceOptionsSchema>>;
export type InferenceOptionsDocument = z.input<typeof inferenceOptionsSchema>;

/** Orders to answer batches. */
export const inferOrderSchema = z.strictObject({
	/** The first batch to answer, and the one after the last. */
	from: whole,
	until: count,
	/** Items in all batches from number 0 on. */
	items: count,
	batch: count,
	inFlight: count,
	/** Batches between two reports; intervals are counted from batch 0. */
	interval: count,
	give: z.enum(givings),
	/** Whether sources report what was predicted. */
	keep: z.boolean(),
});
export type InferOrder = Frozen<z.output<typeof inferOrderSchema>>;

/** What one device tells of one interval. */
export const inferReportSchema = z.strictObject({
	/** By source on this device. */
	answers: z.array(
		z.strictObject({
			/** Of the first stage. */
			replica: whole,
			/** By batch, from the request to the whole answer, in milliseconds; −1 where it had no rows. */
			latencyMs: z.array(z.number().min(-1)).max(65_536),
			/** Items whose class was right; null where there are no classes. */
			hits: whole.nullable(),
			items: whole,
			/** Row after row, where they are wanted. What is not finite travels as null. */
			predictions: z.array(z.number().nullable()).max(1_000_000),
		}),
	),
	codecs: z.strictObject({saturated: whole, nonFinite: whole, bytesBefore: whole, bytesAfter: whole}),
});
export type InferReport = Frozen<z.output<typeof inferReportSchema>>;
export type SourceAnswers = InferReport['answers'][number];

/** Number of batches that hold so many items. */
export const batchesOf = ({items, batch}: Pick<InferOrder, 'items' | 'batch'>): number => Math.ceil(items / batch);

/** Items in one batch. */
export const sizeOfBatch = ({items, batch}: Pick<InferOrder, 'items' | 'batch'>, number: number): number =>
	Math.min(batch, items - number * batch);

/** Everybody works at once: stages that take turns in training have one and the same weights by then. */
export const allActive = ({stages}: Plan): Active => stages.map(({replicas}) => replicas.map((_, index) => index));

/** Rows of one batch that a part works on. */
export const rowsOfPart = (plan: Plan, {stage, replica}: PartId, size: number): Rows =>
	wholeDivision(plan, allActive(plan), size)[stage]![replica]!;

/** Where the answers to one batch go: from a part of the last stage to a source. */
export const answerKey = (from: PartId, to: PartId): string =>
	`r:${from.stage}.${from.replica}>${to.stage}.${to.replica}`;
