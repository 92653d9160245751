/**
 * Which rows of a batch each replica works on, and which of them go from whom to whom. Pure: the coordinator, every agent and
 * the cost model compute the same from the plan, so nobody has to be told.
 *
 * A batch is divided into micro-batches. The rows of one micro-batch are divided among the replicas of each stage as
 * intervals, in the order of the replicas, by their shares; a row goes from the replica that has it to the replica of the next
 * stage whose interval it lies in. Branches of an aligned junction all have all rows.
 */
import type {Plan} from './plan.js';
import {apportion} from './shares.js';

/** Rows `start … start + count − 1` of a micro-batch. */
export interface Rows {
	readonly start: number;
	readonly count: number;
}

/** One replica of one stage. */
export interface PartId {
	readonly stage: number;
	readonly replica: number;
}

/** Rows that one part has and another needs, in rows of the micro-batch; never empty. */
export interface Edge {
	readonly from: PartId;
	readonly to: PartId;
	readonly rows: Rows;
}

/** What is the same for all steps between two changes: who works. By stage: the replicas that do, in order. */
export type Active = readonly (readonly number[])[];

/** The stage whose junction merges branches; undefined when all junctions stack. */
export function junctionStage({stages}: Plan): number | undefined {
	const index = stages.findIndex(({junction}) => junction.mode === 'aligned');
	return index < 0 ? undefined : index;
}

/** Whether the replicas of a stage are branches that see the same items. */
export const isBranched = (plan: Plan, stage: number): boolean => stage < (junctionStage(plan) ?? 0);

/** Everybody works, and of stages that take turns the one whose turn it is. */
export const activeIn = ({stages}: Plan, turn: number): Active =>
	stages.map(({replicas, turns}) =>
		turns === 'in-turn' ? [turn % replicas.length] : replicas.map((_, index) => index),
	);

/** Items of each micro-batch of a batch; none is empty: a small batch has fewer micro-batches. */
export const microSizes = ({pipeline}: Plan, batch: number): readonly number[] =>
	apportion(
		batch,
		Array.from({length: Math.min(pipeline.microBatches, batch)}, () => 1),
	);

/** By replica of the stage: its rows of a micro-batch of so many items; none for those that do not work. */
export function rowsOf(plan: Plan, active: Active, stage: number, size: number): readonly Rows[] {
	const {replicas} = plan.stages[stage]!;
	const working = active[stage]!;
	if (isBranched(plan, stage)) {
		return replicas.map((_, index) => ({start: 0, count: working.includes(index) ? size : 0}));
	}
	const counts = apportion(
		size,
		replicas.map(({share}, index) => (working.includes(index) ? share : 0)),
	);
	let start = 0;
	return counts.map(count => {
		const rows = {start, count};
		start += count;
		return rows;
	});
}

/** What goes from one stage to a later one, for a micro-batch of so many items. */
export function edgesBetween(plan: Plan, active: Active, from: number, to: number, size: number): readonly Edge[] {
	const senders = rowsOf(plan, active, from, size);
	const receivers = rowsOf(plan, active, to, size);
	const alongBranches = isBranched(plan, from) && isBranched(plan, to);
	return senders.flatMap((sent, sender) =>
		receivers.flatMap((wanted, receiver) => {
			const start = Math.max(sent.start, wanted.start);
			const count = Math.min(sent.start + sent.count, wanted.start + wanted.count) - start;
			return count > 0 && (!alongBranches || sender === receiver)
				? [{from: {stage: from, replica: sender}, to: {stage: to, replica: receiver}, rows: {start, count}}]
				: [];
		}),
	);
}

/** Items that each replica of the first stage draws for one batch: by replica, the count in each micro-batch. */
export function drawsOf(plan: Plan, active: Active, batch: number): readonly (readonly number[])[] {
	const sizes = microSizes(plan, batch);
	const byMicro = sizes.map(size => rowsOf(plan, active, 0, size));
	return plan.stages[0]!.replicas.map((_, replica) => byMicro.map(rows => rows[replica]!.count));
}

/** Items of a batch that each replica of a stage works on. */
export function itemsOf(plan: Plan, active: Active, stage: number, batch: number): readonly number[] {
	const byMicro = microSizes(plan, batch).map(size => rowsOf(plan, active, stage, size));
	return plan.stages[stage]!.replicas.map((_, replica) => byMicro.reduce((sum, rows) => sum + rows[replica]!.count, 0));
}
