/** What a checkpoint of a run with stages keeps besides the weights, and how it keeps those of all groups. */
import {z} from 'zod';
import {FplError} from '../../core/errors.js';
import {planDigest} from '../../core/plan/digest.js';
import {type Plan, planSchema} from '../../core/plan/plan.js';
import type {TrainerState} from '../../models/engines/engine.js';
import type {BookPages} from '../run/ledger-book.js';
import type {GroupStates} from '../stages/weights.js';
import type {Checkpoint} from './checkpoints.js';

const whole = z.number().int().min(0);

/** What a checkpoint keeps besides the weights. */
export const progressSchema = z.object({
	kind: z.literal('stages'),
	/** Of the plan that the run began with. */
	plan: z.string(),
	/** As it was executed when the weights came: without the devices that were away. */
	executed: planSchema,
	position: z.object({
		step: whole,
		cursors: z.record(z.string(), whole),
		turn: whole,
		turnLeft: z.number().int(),
		sinceSync: whole,
	}),
	items: z.record(z.string(), whole),
	/** By group, in the order of the vectors: their lengths, slots and updates, and after which step they were saved. */
	groups: z.array(
		z.object({
			key: z.string(),
			parameters: whole,
			buffers: whole,
			slots: whole,
			updates: whole,
			savedAt: whole.default(0),
		}),
	),
	pages: z.custom<BookPages>(),
});

export const concatenated = (vectors: readonly Float32Array[]): Float32Array => {
	const result = new Float32Array(vectors.reduce((sum, {length}) => sum + length, 0));
	let offset = 0;
	for (const vector of vectors) {
		result.set(vector, offset);
		offset += vector.length;
	}
	return result;
};

/** All groups one after the other; groups without slots have zeros there. */
export function packed(states: GroupStates, slots: number): TrainerState {
	const all = [...states.values()];
	return {
		parameters: concatenated(all.map(({parameters}) => parameters)),
		buffers: concatenated(all.map(({buffers}) => buffers)),
		slots: Array.from({length: slots}, (_, index) =>
			concatenated(all.map(state => state.slots[index] ?? new Float32Array(state.parameters.length))),
		),
		updates: Math.max(...all.map(({updates}) => updates)),
	};
}

export function unpacked(
	{parameters, buffers, slots}: TrainerState,
	groups: z.output<typeof progressSchema>['groups'],
): GroupStates {
	let [at, bufferAt] = [0, 0];
	return new Map(
		groups.map(group => {
			const [from, fromBuffer] = [at, bufferAt];
			at += group.parameters;
			bufferAt += group.buffers;
			return [
				group.key,
				{
					parameters: parameters.slice(from, at),
					buffers: buffers.slice(fromBuffer, bufferAt),
					slots: slots.slice(0, group.slots).map(slot => slot.slice(from, at)),
					updates: group.updates,
				},
			];
		}),
	);
}

/** @throws FplError `CHECKPOINT_CORRUPT`; `PLAN_INVALID` when the plan is another one than that of the checkpoint. */
export function resumed({progress, state, run}: Checkpoint, plan: Plan) {
	const parsed = progressSchema.safeParse(progress);
	if (!parsed.success) {
		throw new FplError('CHECKPOINT_CORRUPT', {where: run, problem: 'it is of no run with stages'});
	}
	if (parsed.data.plan !== planDigest(plan)) {
		throw new FplError('PLAN_INVALID', {
			where: `plan of ${run}`,
			problem: 'it was changed after the run began',
			expected: `digest ${parsed.data.plan.slice(0, 12)}…`,
			got: `${planDigest(plan).slice(0, 12)}…`,
			fix: 'Put the plan back as it was, or begin a new run with the new one.',
		});
	}
	return {...parsed.data, states: unpacked(state, parsed.data.groups)};
}
