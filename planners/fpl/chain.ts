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
import type {LinkProfile} from '../../core/profile/profile.js';
import type {ItemBytes, StageBound} from './stage-bound.js';

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

export function chainOf(stages: readonly LinkedStage[], {secondsPerMessage, chunkBytes}: Messaging): Chain {
	const starts = startsOf(stages, secondsPerMessage, chunkBytes);
	const afters = aftersOf(stages, secondsPerMessage);
	const trips = tripsOf(stages, secondsPerMessage);
	let seconds = 0;
	for (const [index, {stage, made, read, copies}] of stages.entries()) {
		const {range, isLast, forward, backward, both, allForward, allBackward, passes, hand, items, vectorBytes} = stage;
		const next = stages[index + 1];
		const before = index > 0 ? least(departures(stages[index - 1]!, starts[index - 1]!, secondsPerMessage)) : 0;
		const homeward = index > 0 && read.backward > 0 ? homewardLeast(stages[index - 1]!.stage, afters[index - 1]!) : 0;
		const onward = next ? onwardLeast(next.stage, trips[index + 1]!, afters[index + 1]!) : 0;
		for (let replica = 0; replica < passes.length; replica++) {
			const {link} = range.devices[replica]!.profile;
			const start = starts[index]![replica]!;
			const after = afters[index]![replica]!;
			// What lies between the first pass forward and its gradient's.
			const trip = trips[index]![replica]! - both[replica]!;
			const message = link.latencySeconds + secondsPerMessage;
			const sent = items[replica]! * made.forward;
			const returned = items[replica]! * copies * read.backward;
			const came = items[replica]! * copies * read.forward;
			const cameBack = items[replica]! * made.backward;
			const first = isLast ? both[replica]! : forward[replica]!;
			const final = isLast ? both[replica]! : backward[replica]!;
			// Nothing comes to the first stage but gradients.
			const opening = range.first === 0 ? start + first : before;
			const up = link.upBytesPerSecond;
			const down = link.downBytesPerSecond;
			seconds = Math.max(
				seconds,
				// Computing.
				start + passes[replica]! + after,
				isLast ? 0 : start + allForward[replica]! + trip + backward[replica]! + after,
				isLast ? 0 : start + forward[replica]! + trip + allBackward[replica]! + after,
				// What is sent: all of it, until it goes on, until it goes back.
				start +
					first +
					(sent + returned + vectorBytes) / up +
					(vectorBytes > 0 ? hand[replica]! - vectorBytes / up : 0),
				next && sent > 0 ? start + first + sent / up + message + onward : 0,
				returned > 0 ? start + first + (sent + returned) / up + message + homeward : 0,
				// What is received: all of it, what comes from before, what comes back.
				(vectorBytes + came + cameBack) / down + message + final + hand[replica]!,
				index > 0 && came > 0 ? before + came / down + message + trip + both[replica]! + after : 0,
				came + cameBack > 0 ? opening + (came + cameBack) / down + message + final + after : 0,
			);
		}
	}
	const tail = stages.at(-1);
	if (!tail) {
		return {seconds, leaving: 0, closing: 0};
	}
	return {
		seconds,
		leaving: least(departures(tail, starts.at(-1)!, secondsPerMessage)),
		closing: tail.made.backward > 0 ? homewardLeast(tail.stage, afters.at(-1)!) + secondsPerMessage : 0,
	};
}

const least = (values: readonly number[]): number => {
	let found = Number.POSITIVE_INFINITY;
	for (const value of values) {
		found = Math.min(found, value);
	}
	return found;
};

/** When what each replica makes of its first micro-batch has left it, but for the bytes. */
const departures = ({stage}: LinkedStage, starts: readonly number[], secondsPerMessage: number): readonly number[] =>
	starts.map(
		(start, replica) =>
			start + stage.forward[replica]! + stage.range.devices[replica]!.profile.link.latencySeconds + secondsPerMessage,
	);

/** Whether every replica of one stage sends to every replica of the next. */
const meet = (from: StageBound, to: StageBound): boolean =>
	from.forward.length === 1 || to.forward.length === 1 || (from.range.branched && !to.range.branched);

/**
 * Seconds between two replicas, of so many bytes at least. What fits into a chunk with everything that may come with it goes
 * over one link and then over the other; chunks of larger messages go over both at once.
 */
function hop(from: LinkProfile, to: LinkProfile, bytes: number, chunkBytes: number): number {
	const [up, down] = [bytes / from.upBytesPerSecond, bytes / to.downBytesPerSecond];
	return 2 * bytes + 4096 <= chunkBytes ? up + down : Math.max(up, down);
}

/** The first pass of each replica, by stage, since the step began: when weights are right and inputs are there. */
function startsOf(
	stages: readonly LinkedStage[],
	secondsPerMessage: number,
	chunkBytes: number,
): readonly (readonly number[])[] {
	const starts: (readonly number[])[] = [];
	for (const [index, {stage, read}] of stages.entries()) {
		const before = stages[index - 1];
		if (!before || read.forward === 0) {
			starts.push(stage.ready);
			continue;
		}
		const from = before.stage;
		const leaving = departures(before, starts[index - 1]!, secondsPerMessage);
		const together = meet(from, stage);
		const earliest = together ? 0 : least(leaving);
		starts.push(
			stage.ready.map((ready, replica) => {
				const {link} = stage.range.devices[replica]!.profile;
				const own = stage.fewest[replica]! * read.forward;
				// All of them must have come.
				let there = earliest + own / link.downBytesPerSecond;
				for (let sender = 0; together && sender < leaving.length; sender++) {
					const bytes = stage.forward.length === 1 ? Math.min(from.fewest[sender]! * read.forward, own) : own;
					there = Math.max(
						there,
						leaving[sender]! + hop(from.range.devices[sender]!.profile.link, link, bytes, chunkBytes),
					);
				}
				return Math.max(ready, there + link.latencySeconds + secondsPerMessage);
			}),
		);
	}
	return starts;
}

/** From the end of each replica's last pass to the end of the step: gradients go back, and everybody reports. */
function aftersOf(stages: readonly LinkedStage[], secondsPerMessage: number): readonly (readonly number[])[] {
	const afters: (readonly number[])[] = [];
	for (const [index, {stage, read}] of stages.entries()) {
		const before = stages[index - 1];
		if (!before || read.backward === 0) {
			afters.push(stage.hand);
			continue;
		}
		const to = before.stage;
		const following = afters[index - 1]!;
		const together = meet(to, stage);
		afters.push(
			stage.hand.map((hand, replica) => {
				const message = stage.range.devices[replica]!.profile.link.latencySeconds + secondsPerMessage;
				let way = together ? 0 : Number.POSITIVE_INFINITY;
				for (let receiver = 0; receiver < following.length; receiver++) {
					const {latencySeconds} = to.range.devices[receiver]!.profile.link;
					const arriving = message + latencySeconds + secondsPerMessage;
					const own = arriving + to.backward[receiver]! + following[receiver]!;
					way = together ? Math.max(way, own) : Math.min(way, own);
				}
				return Math.max(hand, way);
			}),
		);
	}
	return afters;
}

/** From the beginning of a micro-batch's pass forward to the end of the one backward, by stage and replica. */
function tripsOf(stages: readonly LinkedStage[], secondsPerMessage: number): readonly (readonly number[])[] {
	const trips: (readonly number[])[] = [];
	for (let index = stages.length - 1; index >= 0; index--) {
		const {stage, made} = stages[index]!;
		const next = stages[index + 1];
		const beyond = trips[0];
		if (!next || !beyond || made.backward === 0) {
			trips.unshift(stage.both);
			continue;
		}
		const latency = (bound: StageBound) =>
			least(bound.range.devices.map(({profile}) => profile.link.latencySeconds)) + secondsPerMessage;
		const between = least(beyond) + 2 * (latency(stage) + latency(next.stage));
		trips.unshift(stage.both.map(seconds => seconds + between));
	}
	return trips;
}

/** From a gradient on its way to a stage to the end of the step. */
const homewardLeast = ({range, backward}: StageBound, afters: readonly number[]): number =>
	least(
		afters.map((after, replica) => range.devices[replica]!.profile.link.latencySeconds + backward[replica]! + after),
	);

/** From what is on its way to a stage to the end of the step. */
const onwardLeast = ({range}: StageBound, trips: readonly number[], afters: readonly number[]): number =>
	least(afters.map((after, replica) => range.devices[replica]!.profile.link.latencySeconds + trips[replica]! + after));
