/**
 * How long a step takes at least that goes through given stages. Every replica, and each direction of its link, does one thing
 * after the other; whatever it is,
 *
 *   step ≥ shortest way to it + all that it does + shortest way from there to the end of the step
 *
 * (the one-machine bound of flow shops: Lageweg, Lenstra and Rinnooy Kan 1978, «A general bounding scheme for the permutation
 * flow-shop problem»).
 * Ways count passes, latencies and links at their full rates; nothing is waited for.
 */
import type {Messaging} from '../../core/cost/fleet.js';
import type {ItemBytes, ReplicaBound, StageBound} from './stage-bound.js';

export interface LinkedStage {
	readonly stage: StageBound;
	/** Bytes of an item that the stage makes for later ones, and that it reads from earlier ones. */
	readonly made: ItemBytes;
	readonly read: ItemBytes;
	/** How often it reads each item: once from every branch. */
	readonly copies: number;
}

export interface Chain {
	/** No step is shorter. */
	readonly seconds: number;
	/** The earliest that something has left the last of the stages, since the step began. */
	readonly leaving: number;
	/** From the gradient's arrival at the last of the stages to the end of the step. */
	readonly closing: number;
}

export function chainOf(stages: readonly LinkedStage[], {chunkBytes}: Messaging): Chain {
	const starts = startsOf(stages, chunkBytes);
	const afters = aftersOf(stages);
	const trips = tripsOf(stages);
	let seconds = 0;
	for (let index = 0; index < stages.length; index++) {
		seconds = Math.max(seconds, longestOf(stages, index, {starts, afters, trips}));
	}
	const tail = stages.at(-1);
	if (!tail) {
		return {seconds, leaving: 0, closing: 0};
	}
	const index = stages.length - 1;
	return {
		seconds,
		leaving: earliestDeparture(tail.stage, starts[index]!),
		closing: tail.made.backward > 0 ? homeward(tail.stage, afters[index]!) : 0,
	};
}

/** Seconds by stage and replica. */
type Seconds = readonly (readonly number[])[];

interface Ways {
	readonly starts: Seconds;
	readonly afters: Seconds;
	readonly trips: Seconds;
}

/** The longest that any replica of a stage, or its link, takes with the ways to it and from there. */
function longestOf(stages: readonly LinkedStage[], index: number, {starts, afters, trips}: Ways): number {
	const {stage, made, read, copies} = stages[index]!;
	const {range, isLast, replicas, vectorBytes} = stage;
	const next = stages[index + 1];
	const previous = stages[index - 1];
	const before = previous ? earliestDeparture(previous.stage, starts[index - 1]!) : 0;
	const home = previous && read.backward > 0 ? homeward(previous.stage, afters[index - 1]!) : 0;
	const onward = next ? onwardLeast(next.stage, trips[index + 1]!, afters[index + 1]!) : 0;
	let longest = 0;
	for (let replica = 0; replica < replicas.length; replica++) {
		const own = replicas[replica]!;
		const {forward, backward, both, passes, hand, items, message, up, down} = own;
		const start = starts[index]![replica]!;
		const after = afters[index]![replica]!;
		// What lies between a pass forward and its gradient's.
		const trip = trips[index]![replica]! - both;
		const sent = items * made.forward;
		const returned = items * copies * read.backward;
		const came = items * copies * read.forward;
		const cameBack = items * made.backward;
		const first = isLast ? both : forward;
		const final = isLast ? both : backward;
		// Nothing comes to the first stage but gradients.
		const opening = range.first === 0 ? start + first : before;
		longest = Math.max(
			longest,
			// Computing.
			start + passes + after,
			isLast ? 0 : start + own.allForward + trip + backward + after,
			isLast ? 0 : start + forward + trip + own.allBackward + after,
			// What is sent: all of it, until it goes on, until it goes back.
			start + first + (sent + returned) / up + (vectorBytes > 0 ? hand : 0),
			next && sent > 0 ? start + first + sent / up + message + onward : 0,
			returned > 0 ? start + first + (sent + returned) / up + message + home : 0,
			// What is received: all of it, what comes from before, what comes back.
			(vectorBytes + came + cameBack) / down + message + final + hand,
			previous && came > 0 ? before + came / down + message + trip + both + after : 0,
			came + cameBack > 0 ? opening + (came + cameBack) / down + message + final + after : 0,
		);
	}
	return longest;
}

/** When something that a stage makes of the first micro-batch has left, but for its bytes. */
function earliestDeparture({replicas}: StageBound, starts: readonly number[]): number {
	let earliest = Number.POSITIVE_INFINITY;
	for (let replica = 0; replica < replicas.length; replica++) {
		const {forward, message} = replicas[replica]!;
		earliest = Math.min(earliest, starts[replica]! + forward + message);
	}
	return earliest;
}

/** From a gradient on its way to a stage to the end of the step. */
function homeward({replicas}: StageBound, afters: readonly number[]): number {
	let shortest = Number.POSITIVE_INFINITY;
	for (let replica = 0; replica < replicas.length; replica++) {
		const {message, backward} = replicas[replica]!;
		shortest = Math.min(shortest, message + backward + afters[replica]!);
	}
	return shortest;
}

/** From what is on its way to a stage to the end of the step. */
function onwardLeast({replicas}: StageBound, trips: readonly number[], afters: readonly number[]): number {
	let shortest = Number.POSITIVE_INFINITY;
	for (let replica = 0; replica < replicas.length; replica++) {
		shortest = Math.min(shortest, replicas[replica]!.message + trips[replica]! + afters[replica]!);
	}
	return shortest;
}

/** Whether every replica of one stage sends to every replica of the next. */
const meet = (from: StageBound, to: StageBound): boolean =>
	from.replicas.length === 1 || to.replicas.length === 1 || (from.range.branched && !to.range.branched);

/**
 * Seconds of so many bytes at least over two links. What fits into a chunk with everything that may come with it goes over one
 * link and then over the other; chunks of larger messages go over both at once.
 */
const over = (up: number, down: number, bytes: number, chunkBytes: number): number =>
	2 * bytes + 4096 <= chunkBytes ? bytes / up + bytes / down : Math.max(bytes / up, bytes / down);

/** The first pass of each replica since the step began: when weights are right and inputs are there. */
function startsOf(stages: readonly LinkedStage[], chunkBytes: number): Seconds {
	const starts: number[][] = [];
	for (let index = 0; index < stages.length; index++) {
		const {stage, read} = stages[index]!;
		const from = stages[index - 1]?.stage;
		const own: number[] = [];
		for (const receiver of stage.replicas) {
			const {ready, message} = receiver;
			own.push(
				from && read.forward > 0
					? Math.max(ready, message + inputsAt(receiver, stage, from, starts[index - 1]!, read.forward, chunkBytes))
					: ready,
			);
		}
		starts.push(own);
	}
	return starts;
}

/** When all inputs of its first micro-batch have come to a replica. */
function inputsAt(
	{fewest, down}: ReplicaBound,
	to: StageBound,
	from: StageBound,
	starts: readonly number[],
	itemBytes: number,
	chunkBytes: number,
): number {
	if (!meet(from, to)) {
		return earliestDeparture(from, starts) + (fewest * itemBytes) / down;
	}
	let there = 0;
	for (let sender = 0; sender < starts.length; sender++) {
		const {forward, message, up, fewest: made} = from.replicas[sender]!;
		const items = to.replicas.length === 1 ? Math.min(made, fewest) : fewest;
		there = Math.max(there, starts[sender]! + forward + message + over(up, down, items * itemBytes, chunkBytes));
	}
	return there;
}

/** From the end of each replica's last pass to the end of the step: gradients go back, and everybody reports. */
function aftersOf(stages: readonly LinkedStage[]): Seconds {
	const afters: number[][] = [];
	for (let index = 0; index < stages.length; index++) {
		const {stage, read} = stages[index]!;
		const to = stages[index - 1]?.stage;
		const together = to !== undefined && meet(to, stage);
		const own: number[] = [];
		for (const {hand, message} of stage.replicas) {
			let way = 0;
			if (to && read.backward > 0) {
				way = together ? 0 : Number.POSITIVE_INFINITY;
				for (let receiver = 0; receiver < to.replicas.length; receiver++) {
					const {message: arriving, backward} = to.replicas[receiver]!;
					const total = message + arriving + backward + afters[index - 1]![receiver]!;
					way = together ? Math.max(way, total) : Math.min(way, total);
				}
			}
			own.push(Math.max(hand, way));
		}
		afters.push(own);
	}
	return afters;
}

/** From the beginning of a micro-batch's pass forward to the end of the one backward. */
function tripsOf(stages: readonly LinkedStage[]): Seconds {
	const trips: number[][] = [];
	let beyond = 0;
	for (let index = stages.length - 1; index >= 0; index--) {
		const {stage, made} = stages[index]!;
		const next = stages[index + 1]?.stage;
		const between = next && made.backward > 0 ? beyond + 2 * (leastMessage(stage) + leastMessage(next)) : 0;
		const own: number[] = [];
		beyond = Number.POSITIVE_INFINITY;
		for (const {both} of stage.replicas) {
			own.push(both + between);
			beyond = Math.min(beyond, both + between);
		}
		trips[index] = own;
	}
	return trips;
}

function leastMessage({replicas}: StageBound): number {
	let least = Number.POSITIVE_INFINITY;
	for (const {message} of replicas) {
		least = Math.min(least, message);
	}
	return least;
}
