/**
 * Which rows of a batch each replica works on, and which of them go from whom to whom. Pure: the coordinator, every agent and
 * the cost model compute the same from the plan, so nobody has to be told.
 *
 * A batch is divided into micro-batches. The rows of one micro-batch are divided among the replicas of each stage as
 * intervals, in the order of the replicas, by their shares; a row goes from the replica that has it to the replica of the next
 * stage whose interval it lies in. How many rows a replica has differs by one at most between micro-batches, so that over the
 * batch all have their share (`shares.ts`); every batch is divided alike. Branches of an aligned junction all have all rows.
 */
import type {Plan} from './plan.js';
import {alike, apportion, dealt} from './shares.js';

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

/** Rows of one micro-batch by stage and replica; none for replicas that do not work. */
export type Division = readonly (readonly Rows[])[];

/** Micro-batches of a batch: none is empty, a small batch has fewer. */
const microsOf = ({pipeline}: Plan, batch: number): number => Math.min(pipeline.microBatches, batch);

/** Items of each micro-batch of a batch. */
export function microSizes(plan: Plan, batch: number): readonly number[] {
	const micros = microsOf(plan, batch);
	return Array.from({length: micros}, (_, micro) => dealt([batch], micros, micro)[0]!);
}

/** Items of a batch that each replica of a stage works on; 0 for those that do not work. */
export function itemsOf(plan: Plan, active: Active, stage: number, batch: number): readonly number[] {
	const {replicas} = plan.stages[stage]!;
	const working = active[stage]!;
	if (isBranched(plan, stage)) {
		return replicas.map((_, index) => (working.includes(index) ? batch : 0));
	}
	return apportion(
		batch,
		replicas.map(({share}, index) => (working.includes(index) ? share : 0)),
	);
}

/** By micro-batch, how it is divided. What is divided alike is the same object: in one stage its rows, in all of them the division. */
export const divisionsOf = (plan: Plan, active: Active, batch: number): readonly Division[] =>
	divided(plan, active, batch, microsOf(plan, batch));

/** How a batch is divided that is not cut into micro-batches. */
export const wholeDivision = (plan: Plan, active: Active, batch: number): Division =>
	divided(plan, active, batch, 1)[0]!;

function divided(plan: Plan, active: Active, batch: number, micros: number): readonly Division[] {
	const items = plan.stages.map((_, stage) => itemsOf(plan, active, stage, batch));
	const kinds = alike(
		items.map((own, stage) => (isBranched(plan, stage) ? [batch] : own)),
		micros,
	);
	const made = new Map<number, Division>();
	const known = items.map(() => new Map<string, readonly Rows[]>());
	return kinds.map(first => {
		let division = made.get(first);
		if (!division) {
			division = items.map((own, stage) => {
				const branched = isBranched(plan, stage);
				const counts = branched ? own.map(total => dealt([total], micros, first)[0]!) : dealt(own, micros, first);
				const key = counts.join(' ');
				const rows =
					known[stage]!.get(key) ?? (branched ? counts.map(count => ({start: 0, count})) : following(counts));
				known[stage]!.set(key, rows);
				return rows;
			});
			made.set(first, division);
		}
		return division;
	});
}

/** Intervals one after the other. */
function following(counts: readonly number[]): readonly Rows[] {
	let start = 0;
	return counts.map(count => {
		const rows = {start, count};
		start += count;
		return rows;
	});
}

/** What goes from one stage to a later one, for a micro-batch that is divided so. */
export function edgesBetween(plan: Plan, division: Division, from: number, to: number): readonly Edge[] {
	const receivers = division[to]!;
	const alongBranches = isBranched(plan, from) && isBranched(plan, to);
	return division[from]!.flatMap((sent, sender) =>
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
	const divisions = divisionsOf(plan, active, batch);
	return plan.stages[0]!.replicas.map((_, replica) => divisions.map(([first]) => first![replica]!.count));
}
