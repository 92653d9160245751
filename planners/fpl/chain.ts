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
import type {Plan} from '../../core/plan/plan.js';
import {warmUp} from '../../core/plan/schedule.js';
import type {ItemBytes, ReplicaBound, StageBound} from './stage-bound.js';

export interface LinkedStage extends StageBound {
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
	/** So many of the first stages alone take it: with others behind them it is no less. */
	readonly held: number;
}

/** How batches flow through the stages. */
export interface Flow {
	readonly micros: number;
	readonly schedule: Plan['pipeline']['schedule'];
	readonly chunkBytes: number;
	readonly mostStages: number;
}

/** @param beyond seconds at least of a micro-batch's passes there and back after the last of the stages. */
export function chainOf(stages: readonly LinkedStage[], flow: Flow, beyond = 0): Chain {
	const {starts, outs} = startsOf(stages, flow.chunkBytes);
	const {afters, homes} = aftersOf(stages);
	const ways: Ways = {starts, outs, afters, homes, trips: tripsOf(stages, beyond)};
	let [seconds, held] = [0, 0];
	for (let index = 0; index < stages.length; index++) {
		const {alone, withLater} = longestOf(stages, index, ways, flow);
		if (Math.max(alone, withLater) > seconds) {
			seconds = Math.max(alone, withLater);
			held = alone >= withLater ? index + 1 : stages.length;
		}
	}
	const tail = stages.at(-1);
	if (!tail) {
		return {seconds, leaving: 0, closing: 0, held};
	}
	const index = stages.length - 1;
	return {
		seconds,
		leaving: earliestDeparture(tail, starts[index]!),
		closing: tail.made.backward > 0 ? homes[index]! : 0,
		held,
	};
}

/** Seconds by stage and replica. */
type Seconds = readonly (readonly number[])[];

interface Ways {
	/** The first pass of each replica since the step began: when weights are right and inputs are there. */
	readonly starts: Seconds;
	/** By stage: when all of the first micro-batch has left it. */
	readonly outs: readonly number[];
	/** From the end of each replica's last pass to the end of the step: gradients go back, and everybody reports. */
	readonly afters: Seconds;
	/** By stage: from when all gradients of a micro-batch are on their way to it to the end of the step. */
	readonly homes: readonly number[];
	/** From the beginning of a micro-batch's pass forward to the end of the one backward. */
	readonly trips: Seconds;
}

/** Messages to the same replica that may be under way at once (`core/cost/step-clock`). */
const sendsAhead = 2;

interface Longest {
	/** Whatever the later stages are, and with them. */
	readonly alone: number;
	readonly withLater: number;
}

/** The longest that any replica of a stage, or its link, takes with the ways to it and from there. */
function longestOf(stages: readonly LinkedStage[], index: number, ways: Ways, flow: Flow): Longest {
	const {starts, afters, trips} = ways;
	const stage = stages[index]!;
	const {range, isLast, replicas, vectorBytes, made, read, copies} = stage;
	const next = stages[index + 1];
	const previous = stages[index - 1];
	const before = previous ? earliestDeparture(previous, starts[index - 1]!) : 0;
	const home = previous && read.backward > 0 ? homeward(previous, afters[index - 1]!) : 0;
	const onward = next ? onwardLeast(next, trips[index + 1]!, afters[index + 1]!) : 0;
	// A micro-batch begins when another one's gradient is back, or another message has been answered.
	const count = stages.at(-1)!.isLast ? stages.length : flow.mostStages;
	const ahead = Math.max(1, warmUp(flow.schedule, index, count, flow.micros));
	// Forward passes that are left when the first gradient is back, and backward passes before the last forward one.
	const left = flow.micros - ahead;
	const turns = isLast ? 0 : Math.floor((flow.micros - 1) / ahead);
	const waits = Math.floor((flow.micros - 1) / sendsAhead);
	const onwardAnswer = next && made.forward > 0 && meet(stage, next) ? waits * leastMessage(next) : 0;
	const homeAnswer = previous && read.backward > 0 && meet(previous, stage) ? waits * leastMessage(previous) : 0;
	let [alone, withLater] = [0, 0];
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
		alone = Math.max(
			alone,
			// Computing.
			start + passes + after,
			// What is sent: all of it, until it goes back.
			start + first + (sent + returned) / up + (vectorBytes > 0 ? hand : 0),
			returned > 0 ? start + first + (sent + returned) / up + message + home : 0,
			homeAnswer > 0 ? start + first + 2 * (waits * message + homeAnswer) + message + home : 0,
			// What is received: all of it, until the last pass.
			(vectorBytes + came + cameBack) / down + message + final + hand,
			came + cameBack > 0 ? opening + (came + cameBack) / down + message + final + after : 0,
		);
		withLater = Math.max(
			withLater,
			// All passes one way, and one micro-batch's way through what comes later.
			isLast ? 0 : start + own.allForward + left * backward + trip + backward + after,
			isLast ? 0 : start + forward + trip + own.allBackward + left * forward + after,
			isLast ? 0 : start + (turns + 1) * (trip + both) + after,
			// What goes on, and what comes, with the last one's way through what comes later.
			next && sent > 0 ? start + first + sent / up + message + onward : 0,
			onwardAnswer > 0 ? start + first + 2 * (waits * message + onwardAnswer) + message + onward : 0,
			previous && came > 0 ? before + came / down + message + trip + both + after : 0,
		);
	}
	return {alone, withLater};
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

function startsOf(stages: readonly LinkedStage[], chunkBytes: number): Pick<Ways, 'starts' | 'outs'> {
	const starts: number[][] = [];
	const outs: number[] = [];
	for (let index = 0; index < stages.length; index++) {
		const stage = stages[index]!;
		const from = stages[index - 1];
		const itemBytes = stage.read.forward;
		const linked = from !== undefined && itemBytes > 0;
		const own: number[] = [];
		let [out, through] = [0, Number.POSITIVE_INFINITY];
		for (const receiver of stage.replicas) {
			const {ready, message, forward} = receiver;
			let start = ready;
			if (linked) {
				let there = inputsAt(receiver, stage, from, starts[index - 1]!, itemBytes, chunkBytes);
				if (stage.replicas.length === 1) {
					there = Math.max(there, outs[index - 1]!);
				}
				start = Math.max(ready, message + there);
			}
			own.push(start);
			out = Math.max(out, start + forward + message);
			through = Math.min(through, forward + 2 * message);
		}
		starts.push(own);
		outs.push(linked ? Math.max(out, outs[index - 1]! + through) : out);
	}
	return {starts, outs};
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

function aftersOf(stages: readonly LinkedStage[]): Pick<Ways, 'afters' | 'homes'> {
	const afters: number[][] = [];
	const homes: number[] = [];
	for (let index = 0; index < stages.length; index++) {
		const stage = stages[index]!;
		const to = stages[index - 1];
		const linked = to !== undefined && stage.read.backward > 0;
		const single = stage.replicas.length === 1;
		const own: number[] = [];
		let [home, through] = [0, Number.POSITIVE_INFINITY];
		for (const {hand, message, backward} of stage.replicas) {
			let after = hand;
			if (linked) {
				after = Math.max(hand, message + (single ? homes[index - 1]! : backTo(to, afters[index - 1]!, stage)));
			}
			own.push(after);
			home = Math.max(home, message + backward + after);
			through = Math.min(through, backward + 2 * message);
		}
		afters.push(own);
		homes.push(linked ? Math.max(home, homes[index - 1]! + through) : home);
	}
	return {afters, homes};
}

/** From when a replica's last gradient has left it to the end of the step: it goes to all replicas before it, or to some. */
function backTo(to: StageBound, afters: readonly number[], from: StageBound): number {
	if (!meet(to, from)) {
		return homeward(to, afters);
	}
	let longest = 0;
	for (let receiver = 0; receiver < afters.length; receiver++) {
		const {message, backward} = to.replicas[receiver]!;
		longest = Math.max(longest, message + backward + afters[receiver]!);
	}
	return longest;
}

function tripsOf(stages: readonly LinkedStage[], rest: number): Seconds {
	const trips: number[][] = [];
	let beyond = rest;
	for (let index = stages.length - 1; index >= 0; index--) {
		const stage = stages[index]!;
		const {made} = stage;
		const next = stages[index + 1];
		const messages = next ? 2 * (leastMessage(stage) + leastMessage(next)) : 0;
		const between = made.backward > 0 ? beyond + messages : 0;
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
