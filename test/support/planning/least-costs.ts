/**
 * What a finished plan costs at least, much faster than `evaluate` says what it costs: its passes in their order, each after what
 * it reads; of messages only that a way carries one after the other, at no more than the rates of its two links, and that nobody
 * else is on them. Times are too short therefore, never too long; bytes are exact. It shares nothing with the planner's bounds.
 */
import {checkpointsOf} from '../../../core/cost/checkpoints.js';
import type {CostDevice} from '../../../core/cost/fleet.js';
import {
	answerBytes,
	giftsOf,
	onTheWire,
	orderBytes,
	type Parcel,
	parcelsOf,
	type Range,
	rangesOfPlan,
	reportBytes,
	vectorBytes,
	vectorElements,
} from '../../../core/cost/traffic.js';
import type {Plan} from '../../../core/plan/plan.js';
import {activeIn, divisionsOf, isBranched} from '../../../core/plan/routing.js';
import {type Pass, passesOf} from '../../../core/plan/schedule.js';
import type {Amounts, Problem} from '../../../planners/problem.js';

/** Messages of one part to another one, micro-batch after micro-batch. */
interface Way {
	readonly to: Part;
	/** Bytes by micro-batch; 0: nothing is sent. */
	readonly bytes: number[];
	/** When its links have carried what was sent so far, at the earliest. */
	upUntil: number;
	downUntil: number;
}

interface Part {
	readonly device: CostDevice;
	readonly range: Range;
	readonly items: readonly number[];
	readonly order: readonly Pass[];
	readonly forward: Way[];
	readonly backward: Way[];
	/** By micro-batch: messages that are still to come, and when those that have come were there. */
	readonly missing: Record<'forward' | 'backward', number[]>;
	readonly arrived: Record<'forward' | 'backward', number[]>;
	next: number;
	free: number;
	compute: number;
	/** When it knows that all it sent has arrived. */
	settled: number;
	firstSent: number;
	firstReceived: number;
	up: number;
	down: number;
}

const lone = (pass: Pass): 'forward' | 'backward' => (pass.kind === 'backward' ? 'backward' : 'forward');

export class LeastCosts {
	readonly #problem: Problem;
	readonly #steps: number;
	readonly #devices: ReadonlyMap<string, CostDevice>;

	constructor(problem: Problem) {
		const {training, fleet} = problem;
		this.#problem = problem;
		this.#steps = training.epochs * Math.max(1, Math.ceil(training.samples / training.batch));
		this.#devices = new Map(fleet.devices.map(device => [device.device, device]));
	}

	/** @param plan with several stages, gradients at every step, nothing computed again. */
	amounts(plan: Plan): Amounts {
		const {costs, fleet, training} = this.#problem;
		const {broker, messaging} = fleet;
		const ranges = rangesOfPlan(plan, costs.units.length);
		const parts = this.#parts(plan, ranges);
		const shared = plan.stages.map(({replicas}, stage) => replicas.length > 1 && !isBranched(plan, stage));
		const vector = (stage: number) => (shared[stage] ? vectorBytes(vectorElements(costs, ranges[stage]!)) : 0);
		let bytes = 0;
		for (const [stage, own] of parts.entries()) {
			for (const part of own) {
				const {there, back} = vector(stage) > 0 ? onTheWire(vector(stage), messaging.chunkBytes) : {there: 0, back: 0};
				bytes += 2 * (there + back);
				const {link} = part.device.profile;
				const begun = link.latencySeconds + messaging.secondsPerMessage;
				const update = part.device.times.update(...part.range);
				part.free = begun + (orderBytes + there) / link.downBytesPerSecond + update;
				part.compute += update;
				part.up += there + (vector(stage) > 0 ? back : 0);
				part.down += there + (vector(stage) > 0 ? back : 0);
			}
		}
		bytes += this.#play(parts.flat());
		let ended = 0;
		for (const [stage, own] of parts.entries()) {
			const {there} = vector(stage) > 0 ? onTheWire(vector(stage), messaging.chunkBytes) : {there: 0};
			for (const {device, settled, free, firstSent, up} of own) {
				const {link} = device.profile;
				const last = link.latencySeconds + messaging.secondsPerMessage;
				// The report waits for all answers, and for the link.
				const reported = Math.max(settled, free) + (there + reportBytes) / link.upBytesPerSecond;
				const carried = firstSent + (up + reportBytes) / link.upBytesPerSecond;
				ended = Math.max(ended, last + reported, last + Math.min(carried, Number.MAX_VALUE));
			}
		}
		const exchanged = ranges.reduce((sum, range, stage) => sum + (shared[stage] ? vectorElements(costs, range) : 0), 0);
		const seconds = this.#steps * (ended + broker.secondsPerStep + exchanged * broker.secondsPerElement);
		const kept = checkpointsOf(plan, costs, messaging, training);
		const joules = parts.flat().reduce((sum, {device, compute, up, down}) => {
			const {idleWatts, busyWatts, link} = device.profile;
			const moved = up * link.joulesPerByteUp + down * link.joulesPerByteDown;
			return sum + this.#steps * ((busyWatts - idleWatts) * device.utilisation * compute + moved);
		}, 0);
		// Those who have two stages are there once.
		const devices = [...new Set(parts.flat().map(({device}) => device))];
		const idleWatts = devices.reduce((sum, {profile}) => sum + profile.idleWatts, 0);
		return {
			time: seconds,
			bytes: this.#steps * bytes + kept.reduce((sum, {sent, answered, times}) => sum + times * (sent + answered), 0),
			energy: joules + idleWatts * seconds,
			money: seconds * devices.reduce((sum, {pricePerSecond}) => sum + pricePerSecond, 0),
		};
	}

	/** By stage and replica. */
	#parts(plan: Plan, ranges: readonly Range[]): readonly (readonly Part[])[] {
		const {costs, training} = this.#problem;
		const divisions = divisionsOf(plan, activeIn(plan, 0), training.batch);
		const parts = plan.stages.map(({replicas}, stage) => {
			return replicas.map(({device}, replica): Part => {
				const items = divisions.map(division => division[stage]![replica]!.count);
				const micros = items.flatMap((count, micro) => (count > 0 ? [micro] : []));
				return {
					device: this.#devices.get(device)!,
					range: ranges[stage]!,
					items,
					order: passesOf(plan.pipeline.schedule, stage, plan.stages.length, micros),
					forward: [],
					backward: [],
					missing: {forward: divisions.map(() => 0), backward: divisions.map(() => 0)},
					arrived: {forward: divisions.map(() => 0), backward: divisions.map(() => 0)},
					next: 0,
					free: 0,
					compute: 0,
					settled: 0,
					firstSent: Number.POSITIVE_INFINITY,
					firstReceived: Number.POSITIVE_INFINITY,
					up: 0,
					down: 0,
				};
			});
		});
		const gifts = giftsOf(plan, costs);
		const at = ({stage, replica}: Parcel['from']) => parts[stage]![replica]!;
		const parcels = parcelsOf(plan, costs, gifts, divisions);
		for (const [micro, division] of divisions.entries()) {
			for (const {from, to, forwardBytes, backwardBytes} of parcels.get(division)!) {
				give(at(from), 'forward', at(to), micro, forwardBytes, divisions.length);
				give(at(to), 'backward', at(from), micro, backwardBytes, divisions.length);
			}
		}
		return parts;
	}

	/** Every pass as early as can be; answers the bytes on the wire. */
	#play(parts: readonly Part[]): number {
		let bytes = 0;
		for (let moved = true; moved; ) {
			moved = false;
			for (const part of parts) {
				for (;;) {
					const pass = part.order[part.next];
					if (!pass || part.missing[lone(pass)][pass.micro]! > 0) {
						break;
					}
					part.next++;
					moved = true;
					const seconds = part.device.times.pass(pass.kind, ...part.range, part.items[pass.micro]!);
					part.compute += seconds;
					part.free = Math.max(part.free, part.arrived[lone(pass)][pass.micro]!) + seconds;
					part.settled = Math.max(part.settled, part.free);
					const direction = pass.kind === 'forward' ? 'forward' : 'backward';
					for (const way of part[direction]) {
						bytes += this.#send(part, way, direction, pass.micro);
					}
				}
			}
		}
		return bytes;
	}

	#send(part: Part, way: Way, direction: 'forward' | 'backward', micro: number): number {
		const length = way.bytes[micro]!;
		if (length === 0) {
			return 0;
		}
		const {secondsPerMessage, chunkBytes} = this.#problem.fleet.messaging;
		const [from, to] = [part.device.profile.link, way.to.device.profile.link];
		const {there, back, messages} = onTheWire(length, chunkBytes);
		const [up, down] = [there / from.upBytesPerSecond, there / to.downBytesPerSecond];
		const [first, second] = [from.latencySeconds + secondsPerMessage, to.latencySeconds + secondsPerMessage];
		part.firstSent = Math.min(part.firstSent, part.free);
		way.upUntil = Math.max(way.upUntil, part.free) + up;
		// A single message goes on when all of it is at the broker, of several each by itself.
		way.downUntil = Math.max(way.downUntil, messages === 1 ? way.upUntil + first : part.free + first) + down;
		const arrived = Math.max(way.upUntil + first, way.downUntil) + second;
		way.to.missing[direction][micro]! -= 1;
		way.to.arrived[direction][micro] = Math.max(way.to.arrived[direction][micro]!, arrived);
		const answer = answerBytes / to.upBytesPerSecond + answerBytes / from.downBytesPerSecond + first + second;
		part.settled = Math.max(part.settled, arrived + answer);
		part.up += there;
		part.down += back;
		way.to.down += there;
		way.to.up += back;
		return there + back;
	}
}

function give(
	from: Part,
	direction: 'forward' | 'backward',
	to: Part,
	micro: number,
	bytes: number,
	micros: number,
): void {
	if (bytes === 0) {
		return;
	}
	let way = from[direction].find(one => one.to === to);
	if (!way) {
		way = {to, bytes: new Array<number>(micros).fill(0), upUntil: 0, downUntil: 0};
		from[direction].push(way);
	}
	way.bytes[micro] = bytes;
	to.missing[direction][micro]! += 1;
}
