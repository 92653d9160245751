/**
 * What goes to the coordinator between steps and beside them: replicas that train by themselves meet now and then, clients in turn
 * hand over their weights, and checkpoints take theirs while the run goes on.
 */
import type {Episode} from './episode.js';
import type {CostDevice} from './fleet.js';
import {beginStep, commit, countdown, hand, type Load, machinesOf, type StepTimes} from './step.js';
import type {Machine, StepInput} from './step-clock.js';
import {Wire} from './wire.js';

/** What a device sends to the coordinator. */
export interface Gift {
	readonly device: string;
	readonly bytes: number;
}

/** Weights that go up for a mean, or to be handed on. */
export interface Collection {
	readonly gifts: readonly Gift[];
	/** Of the mean; 0: weights are handed on as they are. */
	readonly elements: number;
}

/** Weights go up: after the update of the step that is over, from each giver, and then the coordinator takes their mean. */
export function collect(
	input: StepInput,
	devices: ReadonlyMap<string, CostDevice>,
	collection: Collection,
): Omit<Episode, 'times'> {
	const wire = new Wire(input.fleet);
	const machines = machinesOf(input, devices, wire);
	let seconds = 0;
	beginCollecting(input, wire, machines, collection, end => {
		seconds = end;
	});
	wire.agenda.run();
	return {seconds, devices: new Map([...machines].map(([name, {spent}]) => [name, spent])), passes: []};
}

/** @param ended is told when the coordinator will have taken the mean. */
export function beginCollecting(
	input: StepInput,
	wire: Wire,
	machines: ReadonlyMap<string, Machine>,
	{gifts, elements}: Collection,
	ended: (seconds: number) => void,
): void {
	const {broker} = input.fleet;
	const {agenda} = wire;
	const come = countdown(gifts.length, () => {
		ended(agenda.now + broker.secondsPerStep + elements * broker.secondsPerElement);
	});
	commit(input, wire, machines, (machine: Machine) => {
		const own = gifts.filter(({device}) => device === machine.device.device);
		const next = () => {
			const gift = own.shift();
			if (gift) {
				const since = agenda.now;
				const acknowledged = () => {
					machine.spent.send += agenda.now - since;
					next();
				};
				hand(wire, machine, gift.bytes, {arrived: come, acknowledged});
			}
		};
		next();
	});
}

/** What most steps do besides. */
export interface StepKind {
	readonly loads?: readonly Load[];
	/** What comes after the step. */
	readonly collection?: Collection;
}

export interface Passage {
	/** From the order to send them until all are there, in seconds and in steps that are made meanwhile. */
	readonly seconds: number;
	readonly steps: number;
	/** Seconds that all these steps take longer because of it. */
	readonly delay: number;
	/** What senders have learnt by the end. */
	readonly wire: Wire;
}

/** Of steps with weights beside them so many are played: where it takes more, the rest goes as in the second half of these. */
const mostPlayed = 16;

/** Plays steps one after the other until `done` says so after one of them. Answers when each ended, from 0 on. */
function playSteps(
	input: StepInput,
	devices: ReadonlyMap<string, CostDevice>,
	{loads, collection}: StepKind,
	wire: Wire,
	stores: readonly Gift[],
	onReady: (machine: Machine, count: number) => void,
	done: (ends: readonly number[]) => boolean,
): readonly number[] {
	const {agenda} = wire;
	const more = [...stores, ...(loads ?? [])].map(({device}) => device);
	const machines = machinesOf(input, devices, wire, more);
	const ends = [0];
	const ended = (end: number) =>
		agenda.at(end, () => {
			ends.push(end);
			if (done(ends)) {
				agenda.stop();
			} else {
				play();
			}
		});
	const play = () => {
		const count = ends.length - 1;
		beginStep(
			input,
			wire,
			machines,
			loads,
			machine => onReady(machine, count),
			end => {
				if (collection) {
					agenda.at(end, () => beginCollecting(input, wire, machines, collection, ended));
				} else {
					ended(end);
				}
			},
		);
	};
	play();
	agenda.run();
	return ends;
}

/**
 * Steps one after the other, of which the first begins together with the weights' way to the coordinator.
 * @param usual a step before and after which nothing is exchanged.
 * @param before what senders have learnt.
 */
export function passBeside(
	input: StepInput,
	devices: ReadonlyMap<string, CostDevice>,
	kind: StepKind,
	stores: readonly Gift[],
	usual: StepTimes,
	before = usual.wire,
): Passage {
	const isUsual = !kind.loads && !kind.collection && !before.learns;
	const warm = isUsual ? before : new Wire(input.fleet, before);
	const once = () =>
		playSteps(
			input,
			devices,
			kind,
			warm,
			[],
			() => {},
			() => true,
		)[1]!;
	const plain = isUsual ? usual.seconds : once();
	const wire = new Wire(input.fleet, warm);
	const total = stores.reduce((sum, {bytes}) => sum + bytes, 0);
	let moved = 0;
	/** What had arrived when each step ended. */
	const there = [0];
	let stored: number | undefined;
	const arrived = countdown(stores.length, () => {
		stored = wire.agenda.now;
	});
	const onMoved = (bytes: number) => {
		moved += bytes;
	};
	const store = (machine: Machine, step: number) => {
		for (const {device, bytes} of step === 0 ? stores : []) {
			if (device === machine.device.device) {
				hand(wire, machine, bytes, {arrived, moved: onMoved});
			}
		}
	};
	const ends = playSteps(input, devices, kind, wire, stores, store, ({length}) => {
		there.push(moved);
		return stored !== undefined || length > mostPlayed;
	});
	const count = ends.length - 1;
	const ended = ends[count]!;
	if (stored !== undefined) {
		const began = ends[count - 1]!;
		const steps = count - 1 + (stored - began) / (ended - began);
		return {seconds: stored, steps, delay: ended - count * plain, wire};
	}
	const half = count >> 1;
	const each = (ended - ends[half]!) / (count - half);
	const more = (total - moved) / Math.max((moved - there[half]!) / (count - half), 1);
	const [seconds, steps] = [ended + more * each, count + more];
	return {seconds, steps, delay: seconds - steps * plain, wire};
}
