/**
 * The stages that a plan may have, as columns of a programme: a range of units, and so many devices of each kind. Of each what it
 * takes at least of a step, whatever the other stages are; sums over the stages of a plan are never more than what `evaluate` says.
 */
import type {CostDevice} from '../../core/cost/fleet.js';
import {floatBytes} from '../../core/cost/model-costs.js';
import {answerBytes, onTheWire, openingBytes, stateBytes, vectorElements} from '../../core/cost/traffic.js';
import {apportion} from '../../core/plan/shares.js';
import {type Candidate, replicasOf} from '../../planners/fpl/candidate.js';
import {sharesSuffice} from '../../planners/fpl/rules.js';
import {sizesOf} from '../../planners/fpl/stage-bound.js';
import type {Problem} from '../../planners/problem.js';

/** Seconds, bytes, joules of a step. */
export interface Column {
	readonly first: number;
	readonly last: number;
	/** Devices of each kind. */
	readonly counts: readonly number[];
	/** On the way of one micro-batch: passes and messages to the next stage, there and back. */
	readonly way: number;
	/** All passes of its slowest replica, and those but the first micro-batch's that come after the first gradient. */
	readonly passes: number;
	readonly later: number;
	/** From orders to its first pass, and from its last one to the last gradient at the parameter server; what that then takes. */
	readonly before: number;
	readonly after: number;
	readonly served: number;
	/** Its slowest replica from orders to the end. */
	readonly alone: number;
	readonly bytes: number;
	/** Above idle, and the idle power and price per second of its devices. */
	readonly joules: number;
	readonly idleWatts: number;
	readonly price: number;
}

/** By kind, its devices. */
export function kindsOf({fleet}: Problem): readonly (readonly number[])[] {
	const kinds = new Map<CostDevice['times'], number[]>();
	for (const [index, {times}] of fleet.devices.entries()) {
		kinds.set(times, [...(kinds.get(times) ?? []), index]);
	}
	return [...kinds.values()];
}

/** All numbers of things of each kind, of which there are so many. */
export function* countsOf(sizes: readonly number[], most: number): Generator<readonly number[]> {
	const [size, ...rest] = sizes;
	if (size === undefined) {
		yield [];
		return;
	}
	for (let count = 0; count <= Math.min(size, most); count++) {
		for (const others of countsOf(rest, most - count)) {
			yield [count, ...others];
		}
	}
}

export function columnsOf(problem: Problem): readonly Column[] {
	const {costs, training, space} = problem;
	const kinds = kindsOf(problem);
	const end = costs.units.length - 1;
	const columns: Column[] = [];
	for (const counts of countsOf(
		kinds.map(({length}) => length),
		space.mostReplicas,
	)) {
		const chosen = counts.flatMap((count, kind) => kinds[kind]!.slice(0, count));
		for (let first = 0; chosen.length > 0 && first <= end; first++) {
			for (let last = first; last <= end; last++) {
				const replicas = replicasOf(problem, chosen, 1, first, last);
				const whole = first === 0 && last === end;
				if (whole || sharesSuffice(replicas.shares, training.batch, space.microBatches[0]!)) {
					columns.push({first, last, counts, ...costsOf(problem, first, last, replicas)});
				}
			}
		}
	}
	return columns;
}

/** What stages take in any case. */
export const constantSeconds = ({fleet}: Problem): number => {
	const latency = Math.min(...fleet.devices.map(({profile}) => profile.link.latencySeconds));
	return 2 * latency + 2 * fleet.messaging.secondsPerMessage + fleet.broker.secondsPerStep;
};

function costsOf(
	problem: Problem,
	first: number,
	last: number,
	{devices, shares}: ReturnType<typeof replicasOf>,
): Omit<Column, 'first' | 'last' | 'counts'> {
	const {costs, fleet, training, space} = problem;
	const {chunkBytes, secondsPerMessage} = fleet.messaging;
	const end = costs.units.length - 1;
	const whole = first === 0 && last === end;
	const micros = whole ? 1 : space.microBatches[0]!;
	const items = apportion(training.batch, shares);
	const vector = devices.length > 1 ? floatBytes * vectorElements(costs, [first, last]) : 0;
	// The parameter server has the weights of whole models that several devices train.
	const isServed = whole && devices.length > 1;
	const [made, read] = [crossing(problem, last), crossing(problem, first - 1)];
	const wire = (bytes: number) => (bytes > 0 ? onTheWire(bytes, chunkBytes) : {there: 0, back: 0});
	// To one other replica at least; heads of chunks are left out, which for several small messages there are none of.
	const message = (bytes: number) => (bytes > 0 ? bytes + openingBytes + answerBytes : 0);
	const exchanged = wire(vector);
	const own = devices.map(({times, profile, utilisation}, replica) => {
		const {link, busyWatts, idleWatts} = profile;
		const sizes = sizesOf(items[replica]!, micros);
		const forwardOf = (count: number) => (last === end ? 0 : times.pass('forward', first, last, count));
		const backwardOf = (count: number) => times.pass(last === end ? 'learn' : 'backward', first, last, count);
		// Of the micro-batches in which it has fewest items; of a usual one.
		const fewest = Math.min(...sizes.map(({count}) => count));
		const count = items[replica]! / micros;
		const [forward, backward] = [forwardOf(fewest), backwardOf(fewest)];
		const update = isServed ? 0 : times.update(first, last);
		const passes = sizes.reduce((sum, {count, times}) => sum + times * (forwardOf(count) + backwardOf(count)), 0);
		// As much comes in as goes out: every tensor has a gradient, and each is answered.
		const moved = micros * (message(count * made) + message(count * read)) + exchanged.there + exchanged.back;
		const before = update + exchanged.there / link.downBytesPerSecond;
		const after = exchanged.there / link.upBytesPerSecond;
		return {
			forward,
			backward,
			passes,
			before,
			after,
			alone: before + passes + after,
			made: 2 * micros * message(count * made),
			joules:
				(busyWatts - idleWatts) * utilisation * (passes + update) +
				moved * (link.joulesPerByteUp + link.joulesPerByteDown),
		};
	});
	type Own = (typeof own)[number];
	const least = (of: (one: Own) => number) => Math.min(...own.map(of));
	const most = (of: (one: Own) => number) => Math.max(...own.map(of));
	const sum = (of: (one: Own) => number) => own.reduce((total, one) => total + of(one), 0);
	// To whom it sends is not known: to as many receivers as there may be, with the best link.
	const links = fleet.devices.map(({profile}) => profile.link);
	const latency = Math.min(...links.map(({latencySeconds}) => latencySeconds)) + secondsPerMessage;
	const rate = Math.max(...links.flatMap(link => [link.upBytesPerSecond, link.downBytesPerSecond]));
	const fewest = training.batch / micros / space.mostReplicas;
	const hop = last === end ? 0 : 2 * latency + (fewest * made) / rate;
	const kept = wire(isServed ? 0 : stateBytes(costs, [first, last], training.slots));
	const steps = Math.max(1, Math.ceil(training.samples / training.batch));
	return {
		way: least(({forward, backward}) => forward + backward) + 2 * hop,
		passes: most(({passes}) => passes),
		later: (micros - 1) * most(({backward}) => backward),
		before: least(({before}) => before),
		after: least(({after}) => after),
		served: (vector / floatBytes) * fleet.broker.secondsPerElement,
		alone: most(({alone}) => alone),
		bytes:
			sum(one => one.made) + 2 * devices.length * (exchanged.there + exchanged.back) + (kept.there + kept.back) / steps,
		joules: sum(({joules}) => joules),
		idleWatts: devices.reduce((total, {profile}) => total + profile.idleWatts, 0),
		price: devices.reduce((total, {pricePerSecond}) => total + pricePerSecond, 0),
	};
}

/** Bytes of an item over the cut after a unit, one way. */
function crossing({costs}: Problem, cut: number): number {
	return costs.values
		.filter(({madeBy, readBy}) => madeBy <= cut && readBy.some(unit => unit > cut))
		.reduce((sum, {shape}) => sum + floatBytes * shape.reduce((product, dim) => product * dim, 1), 0);
}

/** The plan that columns stand for. */
export function candidateOf(problem: Problem, chosen: readonly Column[]): Candidate {
	const [microBatches] = problem.space.microBatches as readonly [number];
	const pools = kindsOf(problem).map(kind => [...kind]);
	return {
		stages: chosen
			.toSorted((a, b) => a.first - b.first)
			.map(({last, counts}) => ({last, devices: counts.flatMap((count, kind) => pools[kind]!.splice(0, count))})),
		mode: {microBatches, schedule: '1f1b', codec: {kind: 'fp32'}, localEpochs: 0},
	};
}
