/**
 * What the coordinator and the agents of a run with stages tell each other, as JSON inside `proceed` and `roundReport`, and the
 * names of the transfers that go with it.
 *
 * A step is begun by an order and ended by a commit: nobody changes weights before everybody has computed, so that a device
 * that leaves in between costs the others one step and nothing else.
 */
import {z} from 'zod';
import type {Frozen} from '../config/config.js';
import {inferOrderSchema} from './inference.js';
import type {Edge, PartId} from './routing.js';

const whole = z.number().int().min(0);
const transfer = z.string().min(1).max(128);
const part = {stage: whole, replica: whole};

/** Carried out in this order. */
export const ordersSchema = z.strictObject({
	commit: z
		.strictObject({
			step: whole,
			/** Factor of the learning rate. */
			lrScale: z.number().min(0),
			parts: z.array(
				z.strictObject({
					...part,
					/** Factor of the gradient: of the accumulated sum, or of the mean that `gradient` brings. */
					scale: z.number(),
					/** The gradient that all replicas of the part's group apply; empty: its own. */
					gradient: z.string().max(128),
				}),
			),
		})
		.optional(),
	/** Weights to send to the parameter server, which takes their mean. `weight`: items behind them. */
	contribute: z.array(z.strictObject({...part, transfer, weight: z.number().positive()})).default([]),
	/** States to go on with, as `models/plans/state.ts` writes them. */
	load: z.array(z.strictObject({...part, transfer})).default([]),
	/** States to send to the coordinator. */
	upload: z.array(z.strictObject({...part, transfer})).default([]),
	step: z
		.strictObject({
			step: whole,
			/** Which replica works in stages that take turns. */
			turn: whole,
			/** Items of the global batch. */
			batch: z.number().int().positive(),
			/** By replica of the first stage: items drawn so far. */
			cursors: z.array(whole),
		})
		.optional(),
	/** In inference runs: batches to answer. */
	infer: inferOrderSchema.optional(),
});

export type Orders = Frozen<z.output<typeof ordersSchema>>;
export type OrdersDocument = z.input<typeof ordersSchema>;

const partReport = z.strictObject({
	...part,
	/** Items of the batch that it worked on. */
	items: whole,
	/** ‖Σ gradient‖² over these items, where norms are clipped; of the sum, not the mean. What is not finite travels as null. */
	squaredNorm: z.number().nullable(),
	/** Its passes, with when they began and ended: milliseconds since the step began on this device. */
	passes: z.array(z.tuple([z.enum(['forward', 'backward', 'learn']), whole, z.number(), z.number()])).default([]),
});

/** What one device tells of one step. */
export const stepReportSchema = z.strictObject({
	parts: z.array(partReport),
	/** What codecs did to what it sent, since the attempt began. */
	codecs: z.strictObject({saturated: whole, nonFinite: whole, bytesBefore: whole, bytesAfter: whole}),
});
export type StepReport = Frozen<z.output<typeof stepReportSchema>>;
export type PartReport = StepReport['parts'][number];
export type CodecCounts = StepReport['codecs'];

/** The direction of what crosses a cut. */
export type Direction = 'forward' | 'backward';

const name = ({stage, replica}: PartId): string => `${stage}.${replica}`;

/** Where a boundary transfer goes: «f3:0.1>1.0» is micro-batch 3, forward, from replica 1 of stage 0 to replica 0 of stage 1. */
export const boundaryKey = (direction: Direction, micro: number, {from, to}: Pick<Edge, 'from' | 'to'>): string =>
	direction === 'forward' ? `f${micro}:${name(from)}>${name(to)}` : `b${micro}:${name(to)}>${name(from)}`;

/** The contribution that brings a part's mean gradient to the parameter server. */
export const gradientKey = (part: PartId): string => `gradient:${name(part)}`;
