/**
 * What checkpoints of a run with stages send, how often, and what they take from its steps. The coordinator asks one part of
 * each group for its weights and the optimiser's vectors, at the end of each epoch and within it; the run goes on meanwhile.
 * Means of weights are there already.
 */
import {groupsOf} from '../plan/groups.js';
import {type Plan, synchronisationOf} from '../plan/plan.js';
import type {Active} from '../plan/routing.js';
import {type Episode, freshSpending, type TrainingCosts, type Upload} from './episode.js';
import type {EvaluateInput} from './evaluate.js';
import {passBeside, type StepKind} from './exchanges.js';
import type {CostDevice, CostFleet, Messaging} from './fleet.js';
import type {ModelCosts} from './model-costs.js';
import type {StepTimes} from './step.js';
import type {StepInput} from './step-clock.js';
import {onTheWire, rangesOfPlan, reportBytes, stateBytes} from './traffic.js';
import {mostUnsent, type Wire} from './wire.js';

/** After a checkpoint nothing of the next one is sent for this many times as long as it took: they take an eleventh at most. */
export const checkpointRest = 10;

/**
 * How long a coordinator waits after a checkpoint before the next one within an epoch.
 * @param interval that the job asks for; 0: one checkpoint follows the other.
 * @param took from asking for the weights until all were there, in the same unit.
 */
export const checkpointPause = (interval: number, took: number): number =>
	interval === 0 ? 0 : Math.max(interval, checkpointRest * took);

/** What one device sends for checkpoints. */
export interface Checkpoint {
	readonly device: string;
	readonly stage: number;
	/** Of the state. */
	readonly bytes: number;
	/** From the device, and answers to it. */
	readonly sent: number;
	readonly answered: number;
	/** Of all checkpoints, those in which it is this device that sends its group's weights. */
	readonly share: number;
	/** At the ends of the epochs of a run. */
	readonly times: number;
}

/** @param plan with stages: of whole models the parameter server has the weights. */
export function checkpointsOf(
	plan: Plan,
	costs: ModelCosts,
	{chunkBytes}: Messaging,
	{slots, epochs}: Pick<TrainingCosts, 'slots' | 'epochs'>,
): readonly Checkpoint[] {
	const ranges = rangesOfPlan(plan, costs.units.length);
	const ends = Math.ceil(epochs / averaging(plan).epochs);
	return groupsOf(plan).flatMap(({kind, stage, replicas}): Checkpoint[] => {
		if (kind === 'interval') {
			return [];
		}
		const bytes = stateBytes(costs, ranges[stage]!, slots);
		const {there, back} = onTheWire(bytes, chunkBytes);
		const holders = kind === 'turn' ? replicas : replicas.slice(0, 1);
		return holders.map(holder => ({
			device: plan.stages[stage]!.replicas[holder]!.device,
			stage,
			bytes,
			sent: there,
			answered: back,
			share: 1 / holders.length,
			times: ends / holders.length,
		}));
	});
}

/** Checkpoints only begin when weights have just been averaged: once in so many steps of an epoch, or epochs. */
function averaging(plan: Plan): {readonly steps: number; readonly epochs: number} {
	const rules = groupsOf(plan)
		.filter(({kind}) => kind === 'interval')
		.map(({stage}) => synchronisationOf(plan, plan.stages[stage]!).every);
	return {
		steps: Math.max(
			1,
			...rules.map(every =>
				every.kind === 'steps' ? every.steps : every.kind === 'epochs' ? Number.POSITIVE_INFINITY : 1,
			),
		),
		epochs: Math.max(1, ...rules.map(every => (every.kind === 'epochs' ? every.epochs : 1))),
	};
}

export interface CheckpointCounts {
	/** Checkpoints of a run, the last one included, which is made when all steps are done. */
	readonly all: number;
	/** Of these, how many are on their way while steps are made; parts of those that are when the last step ends. */
	readonly beside: number;
}

/** How long a checkpoint is on its way, in seconds, and in steps that are made meanwhile. */
interface Flight {
	readonly seconds: number;
	readonly steps: number;
}

/**
 * The coordinator's rule: a checkpoint begins between two steps, a pause after the one before, and at the end of an epoch unless one
 * is still on its way.
 * @param perEpoch steps of an epoch, each of so many seconds.
 */
export function checkpointCounts(
	plan: Plan,
	{epochs, checkpointInterval}: Pick<TrainingCosts, 'epochs' | 'checkpointInterval'>,
	{perEpoch, seconds}: {readonly perEpoch: number; readonly seconds: number},
	flight: Flight,
): CheckpointCounts {
	const rule = averaging(plan);
	/** Steps until a checkpoint can begin that is wanted after so many. */
	const whole = (steps: number) => rule.steps * Math.max(1, Math.ceil(steps / rule.steps));
	const wanted = checkpointInterval !== undefined && rule.steps < perEpoch;
	const pause = wanted ? checkpointPause(checkpointInterval, flight.seconds) / seconds : Number.POSITIVE_INFINITY;
	const every = whole(flight.steps + pause);
	let all = 0;
	// Both in steps since the epoch began.
	let next = wanted ? whole(checkpointInterval / seconds) : every;
	let busyUntil = 0;
	for (let epoch = 1; epoch <= epochs; epoch++) {
		const within = next < perEpoch ? 1 + Math.floor((perEpoch - 1 - next) / every) : 0;
		if (within > 0) {
			busyUntil = next + (within - 1) * every + flight.steps;
			next += within * every;
		}
		all += within;
		if (epoch === epochs || (busyUntil <= perEpoch && epoch % rule.epochs === 0)) {
			all++;
			next = every;
			busyUntil = epoch === epochs ? busyUntil - perEpoch : flight.steps;
		} else {
			next -= perEpoch;
			busyUntil -= perEpoch;
		}
	}
	const cutOff = busyUntil > 0 ? Math.min(1, busyUntil / flight.steps) : 0;
	return {all, beside: all - 1 - cutOff};
}

/** Of the steps of one turn, or all: how one of them goes without a checkpoint, and how many there are. */
export interface UsualStep {
	readonly input: StepInput;
	readonly times: StepTimes;
	readonly count: number;
	/** What most of them do besides. */
	readonly kind: StepKind;
}

const noFlight: Flight = {seconds: 0, steps: 0};

const longestOf = (flights: readonly Flight[]): Flight =>
	flights.reduce((most, one) => (one.seconds > most.seconds ? one : most), noFlight);

/** A checkpoint from a device that goes on with its steps. */
interface Sharing {
	readonly flight: Flight;
	/** Seconds by which the device's own transfers are held up, at most. */
	readonly delay: number;
	/** Seconds that the link needs for the checkpoint, and for what the step sends. */
	readonly own: number;
	readonly others: number;
}

/**
 * Checkpoint and step share the link: what the step leaves idle is the checkpoint's alone. Whenever the step sends something, up to
 * four chunks of the checkpoint are in front of each four of its own; all of it is, if both go to the coordinator.
 */
function shareLink(
	sent: number,
	{profile: {link}}: CostDevice,
	{broker, messaging: {chunkBytes, secondsPerMessage}}: CostFleet,
	{seconds, from, uploads}: {readonly seconds: number; readonly from: number; readonly uploads: readonly Upload[]},
): Sharing {
	const rate = Math.min(link.upBytesPerSecond, broker.inBytesPerSecond);
	const burst = mostUnsent * chunkBytes;
	/** Seconds of the link that the checkpoint still needs. */
	let left = sent / rate;
	let delay = 0;
	/** Answers the part of the step in which all of the rest has gone, or 1. */
	const step = (begin: number): number => {
		let busyUntil = begin;
		for (const {at, bytes, isToServer} of [...uploads, {at: seconds, bytes: reportBytes, isToServer: false}]) {
			const idle = Math.max(0, at - busyUntil);
			if (left <= idle) {
				const gone = (busyUntil + left) / seconds;
				left = 0;
				return gone;
			}
			left -= idle;
			const ahead = isToServer ? left : Math.min(left, (burst * Math.ceil(bytes / burst)) / rate);
			left -= ahead;
			delay += ahead;
			busyUntil = Math.max(at, busyUntil);
			if (left === 0) {
				// As much of the step's own is through, less the chunks in front of which the checkpoint's were.
				return (busyUntil + (isToServer ? 0 : Math.max(0, ahead - burst / rate))) / seconds;
			}
			busyUntil += bytes / rate;
		}
		return 1;
	};
	let steps = step(from);
	const rest = left;
	const delayed = delay;
	if (rest > 0) {
		steps += step(0);
		// Steps in the middle are alike.
		const each = rest - left;
		const alike = Math.floor(left / each);
		delay += alike * (delay - delayed);
		steps += alike;
		left -= alike * each;
		steps += left > 0 ? step(0) : 0;
	}
	const later = link.latencySeconds + secondsPerMessage;
	return {
		flight: {steps: steps + later / seconds, seconds: steps * seconds + delay + later},
		delay,
		own: sent / rate,
		others: uploads.reduce((sum, {bytes}) => sum + bytes / rate, 0),
	};
}

/** Who sends what in a checkpoint of a turn. */
function storesIn(plan: Plan, active: Active, checkpoints: readonly Checkpoint[]): ReadonlyMap<string, Checkpoint[]> {
	const stores = new Map<string, Checkpoint[]>();
	for (const checkpoint of checkpoints) {
		const {device, stage, share} = checkpoint;
		const works = active[stage]!.some(replica => plan.stages[stage]!.replicas[replica]!.device === device);
		if (share === 1 || works) {
			stores.set(device, [...(stores.get(device) ?? []), checkpoint]);
		}
	}
	return stores;
}

/** Where checkpoints may hold a run up by more than this part of it, or the broker’s link is shared, steps with one are played. */
const noticeable = 0.01;
/** So are they where there would be another number of checkpoints if they took so many times as long: windows are small at first. */
const surely = 4;

/** All checkpoints of a run, and what its steps take longer because of them. @param steps one for each turn. */
export function checkpointEpisodes(
	{plan, costs, fleet, training}: Pick<EvaluateInput, 'plan' | 'costs' | 'fleet' | 'training'>,
	devices: ReadonlyMap<string, CostDevice>,
	made: readonly Episode[],
	steps: readonly UsualStep[],
): readonly Episode[] {
	const checkpoints = checkpointsOf(plan, costs, fleet.messaging, training);
	const {inBytesPerSecond, outBytesPerSecond} = fleet.broker;
	const isShared = Math.min(inBytesPerSecond, outBytesPerSecond) < Number.POSITIVE_INFINITY;
	const total = made.reduce((sum, {times, seconds}) => sum + times * seconds, 0);
	const count = steps.reduce((sum, own) => sum + own.count, 0);
	const epoch = {perEpoch: count / training.epochs, seconds: total / count};
	/** From one turn to the next. */
	let learnt: Wire | undefined;
	return steps.flatMap(({input, times, count: own, kind}): Episode[] => {
		const stores = storesIn(plan, input.active, checkpoints);
		const sharings = [...stores].map(([device, parts]) => {
			const sent = parts.reduce((sum, part) => sum + part.sent, 0);
			const link = {seconds: times.seconds, from: 0, uploads: [], ...times.sending.get(device)};
			return shareLink(sent, devices.get(device)!, fleet, link);
		});
		let flight = longestOf(sharings.map(one => one.flight));
		// Some of what is held up would have waited anyway.
		let delay = sharings.reduce((sum, one) => sum + one.delay, 0) / 2;
		const countsOf = (factor: number) =>
			checkpointCounts(plan, training, epoch, {seconds: factor * flight.seconds, steps: factor * flight.steps});
		let counts = countsOf(1);
		const isVague = countsOf(1 / surely).all !== countsOf(surely).all;
		const isSlow = (2 * delay * counts.beside) / count > noticeable * epoch.seconds;
		if (stores.size > 0 && (isShared || isVague || isSlow)) {
			const bytes = [...stores].flatMap(([device, parts]) => parts.map(part => ({device, bytes: part.bytes})));
			const passage = passBeside(input, devices, kind, bytes, times, learnt);
			learnt = passage.wire;
			flight = passage;
			delay = passage.delay;
			counts = countsOf(1);
		}
		const share = own / count;
		const none = {seconds: 0, passes: []};
		return [
			...[...stores.values()].flat().map(({device, sent, answered}): Episode => {
				const spent = {...freshSpending(), bytesSent: sent, bytesReceived: answered, bytesFromServer: answered};
				return {...none, times: share * counts.all, devices: new Map([[device, spent]])};
			}),
			{...none, times: share * counts.beside, seconds: delay, devices: new Map()},
		];
	});
}
