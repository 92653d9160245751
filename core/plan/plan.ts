/**
 * The plan document: a model cut into stages, each stage replicated over devices, and how the replicas synchronise.
 * Version 1. A plan is plain data that a person can read, edit and validate.
 */
import {z} from 'zod';
import type {Frozen} from '../config/config.js';
import {FplError} from '../errors.js';
import {isId} from '../ids.js';

const id = z.string().refine(isId, 'expected a device id');

const replica = z.strictObject({
	device: id,
	/** Part of each global batch, relative to the other replicas of the stage: > 0. */
	share: z.number().positive(),
});

const stage = z.strictObject({
	/** First and last unit, zero-based, both included; `all` is the whole model. */
	units: z.union([z.literal('all'), z.tuple([z.number().int().min(0), z.number().int().min(0)])]),
	replicas: z.array(replica).min(1),
});

const synchronisation = z.strictObject({
	topology: z.literal('parameter-server'),
	/** Gradients of one step, or weights after some local training. */
	exchange: z.enum(['gradients', 'weights']),
	every: z.discriminatedUnion('kind', [
		z.strictObject({kind: z.literal('step')}),
		z.strictObject({kind: z.literal('epochs'), epochs: z.number().int().positive()}),
	]),
});

export const planSchema = z.strictObject({
	version: z.literal(1),
	/** In words, for reports: «D-SGD», «FedAvg, 2 local epochs». */
	scheme: z.string().min(1),
	model: z.string().min(1),
	stages: z.array(stage).min(1),
	synchronisation,
});

export type Plan = Frozen<z.output<typeof planSchema>>;

/**
 * Checks what the schema cannot: that this version executes the plan, and that its parts agree.
 * @throws FplError `PLAN_INVALID`, `PLAN_UNSUPPORTED`.
 */
export function checkPlan(plan: Plan): Plan {
	if (plan.stages.length > 1 || plan.stages[0]!.units !== 'all') {
		throw new FplError('PLAN_UNSUPPORTED', {
			where: 'stages',
			expected: 'one stage with «units: all» (data-parallel training)',
			got: `${plan.stages.length} stages`,
		});
	}
	const devices = plan.stages[0]!.replicas.map(({device}) => device);
	const twice = devices.find((device, index) => devices.indexOf(device) !== index);
	if (twice !== undefined) {
		throw new FplError('PLAN_INVALID', {where: 'stages[0].replicas', problem: `device «${twice}» appears twice`});
	}
	const {exchange, every} = plan.synchronisation;
	if ((exchange === 'gradients') !== (every.kind === 'step')) {
		throw new FplError('PLAN_UNSUPPORTED', {
			where: 'synchronisation',
			expected: 'gradients every step, or weights every so many epochs',
			got: `${exchange} every ${every.kind}`,
		});
	}
	return plan;
}
