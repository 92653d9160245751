/**
 * What a plan costs, predicted: seconds, bytes, joules, memory and money per device and in all. Pure. The same counts and
 * formulas serve planners, reports and agents that emulate a device (docs/cost-model.md).
 */
import {phaseCosts} from '../energy/model.js';
import {FplError} from '../errors.js';
import type {Phase, PhaseCost} from '../ledger/ledger.js';
import {devicesOf} from '../plan/fallback.js';
import {isDataParallel, type Plan, synchronisationOf} from '../plan/plan.js';
import {activeIn, isBranched} from '../plan/routing.js';
import {apportion} from '../plan/shares.js';
import {calendarOf, stepsFor} from './calendar.js';
import {checkpointEpisodes, type UsualStep} from './checkpoints.js';
import {type Episode, freshSpending, type Spending, type TrainingCosts} from './episode.js';
import {type Collection, collect, type StepKind} from './exchanges.js';
import {type CostDevice, type CostFleet, devicesByName} from './fleet.js';
import {memoryByDevice, memoryOfParts, type PartMemory} from './memory.js';
import type {ModelCosts} from './model-costs.js';
import {roundTimes} from './rounds.js';
import {stageCountsOf} from './stage-counts.js';
import {type Load, stepTimes} from './step.js';
import type {PassTime} from './step-clock.js';
import {giftsOf, rangesOfPlan, stateBytes, vectorElements} from './traffic.js';

export interface DeviceCosts {
	readonly device: string;
	readonly role: string;
	readonly phases: Readonly<Record<Phase, PhaseCost>>;
	readonly joules: number;
	readonly radioJoules: number;
	readonly bytesSent: number;
	readonly bytesReceived: number;
	readonly items: number;
	readonly memoryBytes: number;
	readonly dollars: number;
	/** Joules that its battery has left at the end; negative: it does not last. Absent without a battery. */
	readonly batteryLeft?: number;
}

/** What holds a step up. */
export interface Bottleneck {
	readonly device: string;
	readonly kind: 'compute' | 'up' | 'down';
	/** Part of the step in which it is busy, in [0, 1]. */
	readonly busy: number;
}

export interface Evaluation {
	readonly plan: Plan;
	/** Of one step; of one round where replicas train on their own. */
	readonly stepSeconds: number;
	readonly steps: number;
	readonly seconds: number;
	/** Of tensors and their answers, each transfer counted once. */
	readonly bytes: number;
	readonly joules: number;
	readonly dollars: number;
	readonly devices: readonly DeviceCosts[];
	readonly memory: readonly PartMemory[];
	readonly bottleneck: Bottleneck;
	/** Of one step, in seconds since it began. */
	readonly passes: readonly PassTime[];
}

export interface EvaluateInput {
	readonly plan: Plan;
	readonly costs: ModelCosts;
	readonly fleet: CostFleet;
	readonly training: TrainingCosts;
	/** What the plan takes, where that is known already. */
	readonly memory?: readonly PartMemory[];
}

/** Rounds of a plan whose replicas have the whole model. */
function rounds({plan, costs, fleet, training}: EvaluateInput, devices: ReadonlyMap<string, CostDevice>): Episode {
	const {batch, epochs, samples} = training;
	const [{replicas}] = plan.stages as [Plan['stages'][number]];
	const {exchange, every} = synchronisationOf(plan, plan.stages[0]!);
	const local = exchange === 'weights' && every.kind === 'epochs' ? every.epochs : 0;
	const owned = samplesOf(plan, devices, samples);
	const shares = apportion(
		batch,
		replicas.map(({share}) => share),
	);
	const work = replicas.map(({device}, index) => {
		const items = local > 0 ? local * owned[index]! : Math.max(1, shares[index]!);
		return {device: devices.get(device)!, items, localSteps: local > 0 ? stepsFor(items, batch) : 0};
	});
	const times = local > 0 ? Math.max(1, Math.ceil(epochs / local)) : epochs * stepsFor(samples, batch);
	return {...roundTimes({costs, fleet, work}), times};
}

/** Items of each source: its own where it says so, else an equal part. */
export function samplesOf(plan: Plan, devices: ReadonlyMap<string, CostDevice>, samples: number): readonly number[] {
	const sources = plan.stages[0]!.replicas.map(({device}) => devices.get(device)!.samples);
	if (isBranched(plan, 0)) {
		return sources.map(() => samples);
	}
	return sources.every(own => own !== undefined)
		? sources
		: apportion(
				samples,
				sources.map(() => 1),
			);
}

/**
 * Steps of a plan with stages, and what lies between them. Stages that take turns have steps of their own for each replica; a
 * step before which weights were exchanged begins with these weights, others with the update of the step before.
 */
function steps(input: EvaluateInput, devices: ReadonlyMap<string, CostDevice>): readonly Episode[] {
	const {plan, costs, fleet, training} = input;
	const {turns, averages} = calendarOf(plan, training, samplesOf(plan, devices, training.samples));
	const gifts = giftsOf(plan, costs);
	const ranges = rangesOfPlan(plan, costs.units.length);
	const stepIn = (turn: number) => ({plan, costs, fleet, gifts, batch: training.batch, active: activeIn(plan, turn)});
	const turning = plan.stages.findIndex(stage => stage.turns === 'in-turn');
	const nameOf = (stage: number, replica: number) => plan.stages[stage]!.replicas[replica]!.device;
	const bytesOf = (stage: number, slots: number) => stateBytes(costs, ranges[stage]!, slots);
	const averaged = averages.flatMap(({group: {stage, replicas}}) =>
		replicas.map(replica => ({device: nameOf(stage, replica), bytes: bytesOf(stage, 0)})),
	);
	const playing = turns.filter(turn => turn.steps > 0);
	const means = averages.map(({group: {stage, replicas}, times}) => {
		const gifts = replicas.map(replica => ({device: nameOf(stage, replica), bytes: bytesOf(stage, 0)}));
		return {gifts, elements: vectorElements(costs, ranges[stage]!), times};
	});
	const usual = playing.map(({turn, steps: count, loaded, handed}): UsualStep => {
		const step = stepIn(turn);
		const holder = turning < 0 ? [] : [{device: nameOf(turning, turn), bytes: bytesOf(turning, training.slots)}];
		const loads = [...averaged, ...holder];
		const hands = means.reduce<Collection & {readonly times: number}>(
			(all, {gifts, elements, times}) => ({
				gifts: [...all.gifts, ...gifts],
				elements: all.elements + elements,
				times: Math.max(all.times, times),
			}),
			{gifts: holder, elements: 0, times: handed},
		);
		return {input: step, times: stepTimes(step, devices), count, kind: usualKind(count, loaded, loads, hands)};
	});
	const episodes = playing.flatMap(({turn, steps: count, loaded, handed}, index): Episode[] => {
		const {input: step, times} = usual[index]!;
		const holder = turning < 0 ? [] : [{device: nameOf(turning, turn), bytes: bytesOf(turning, training.slots)}];
		return [
			{...times, times: count - loaded},
			...(loaded > 0 ? [{...stepTimes(step, devices, [...averaged, ...holder]), times: loaded}] : []),
			...(handed > 0 ? [{...collect(step, devices, {gifts: holder, elements: 0}), times: handed}] : []),
		];
	});
	episodes.push(...means.map(({times, ...mean}): Episode => ({...collect(stepIn(0), devices, mean), times})));
	return [...episodes, ...checkpointEpisodes(input, devices, episodes, usual)];
}

/** What happens in most of so many steps of a turn; of what is as frequent, what comes first here. */
function usualKind(
	count: number,
	loaded: number,
	loads: readonly Load[],
	{times, ...collection}: Collection & {readonly times: number},
): StepKind {
	// Before and after the same step, where nothing lies between two exchanges.
	const both = times >= count;
	const kinds: readonly (readonly [number, StepKind])[] = both
		? [
				[count - loaded, {collection}],
				[loaded, {loads, collection}],
			]
		: [
				[count - loaded - times, {}],
				[loaded, {loads}],
				[times, {collection}],
			];
	return kinds.reduce((most, one) => (one[0] > most[0] ? one : most))[1];
}

const roleOf = (plan: Plan, device: string): string => {
	const own = plan.stages.flatMap(({replicas}, stage) =>
		replicas.some(replica => replica.device === device) ? [stage] : [],
	);
	return own.length === 1 ? `stage ${own[0]}` : `stages ${own.join(' and ')}`;
};

/** @throws FplError `PLAN_INVALID` where the plan names a device that is not in the fleet. */
export function evaluate(input: EvaluateInput): Evaluation {
	const {plan, costs, fleet, training} = input;
	const all = devicesByName(fleet);
	const names = devicesOf(plan);
	for (const name of names) {
		if (!all.has(name)) {
			throw new FplError('PLAN_INVALID', {
				where: `device «${name}»`,
				problem: 'this device is not in the fleet',
				expected: `one of ${[...all.keys()].map(known => `«${known}»`).join(', ')}`,
			});
		}
	}
	const episodes = isDataParallel(plan) ? [rounds(input, all)] : steps(input, all);
	const [main] = episodes as readonly [Episode];
	const seconds = episodes.reduce((sum, episode) => sum + episode.times * episode.seconds, 0);
	const memory = input.memory ?? memoryOfParts(plan, training.batch, training.slots, stageCountsOf(plan, costs));
	const bytesOf = memoryByDevice(memory);
	const devices = names.map(name =>
		deviceCosts(all.get(name)!, episodes, seconds, bytesOf.get(name) ?? 0, roleOf(plan, name)),
	);
	const sum = (of: (costs: DeviceCosts) => number) => devices.reduce((total, device) => total + of(device), 0);
	return {
		plan,
		stepSeconds: main.seconds,
		steps: episodes.reduce((total, {times, passes}) => total + (passes.length > 0 ? times : 0), 0),
		seconds,
		bytes:
			sum(({bytesSent}) => bytesSent) +
			episodes.reduce((total, episode) => total + episode.times * serverBytes(episode), 0),
		joules: sum(({joules}) => joules),
		dollars: sum(({dollars}) => dollars),
		devices,
		memory,
		bottleneck: bottleneckOf(main, all),
		passes: main.passes,
	};
}

const serverBytes = ({devices}: Episode): number =>
	[...devices.values()].reduce((sum, {bytesFromServer}) => sum + bytesFromServer, 0);

function deviceCosts(
	{device, profile, utilisation, pricePerSecond}: CostDevice,
	episodes: readonly Episode[],
	seconds: number,
	memoryBytes: number,
	role: string,
): DeviceCosts {
	const total = freshSpending();
	for (const {times, devices} of episodes) {
		const spent = devices.get(device);
		for (const key of Object.keys(total) as (keyof Spending)[]) {
			total[key] += times * (spent?.[key] ?? 0);
		}
	}
	const {phases, joules, radioJoules} = phaseCosts(profile, {
		computeSeconds: total.compute,
		sendSeconds: total.send,
		receiveSeconds: total.receive,
		waitSeconds: Math.max(0, seconds - total.compute - total.send - total.receive),
		idleSeconds: 0,
		bytesUp: total.bytesSent,
		bytesDown: total.bytesReceived,
		utilisation,
	});
	return {
		device,
		role,
		phases,
		joules,
		radioJoules,
		bytesSent: total.bytesSent,
		bytesReceived: total.bytesReceived,
		items: Math.round(total.items),
		memoryBytes,
		dollars: pricePerSecond * seconds,
		...(profile.batteryJoules === undefined ? {} : {batteryLeft: profile.batteryJoules - joules}),
	};
}

function bottleneckOf({devices, seconds}: Episode, all: ReadonlyMap<string, CostDevice>): Bottleneck {
	const busy = [...devices].flatMap(([device, spent]): Bottleneck[] => {
		const {link} = all.get(device)!.profile;
		const of = (part: number) => Math.min(1, part / seconds);
		return [
			{device, kind: 'compute', busy: of(spent.compute)},
			{device, kind: 'up', busy: of(spent.bytesSent / link.upBytesPerSecond)},
			{device, kind: 'down', busy: of(spent.bytesReceived / link.downBytesPerSecond)},
		];
	});
	return busy.reduce((most, one) => (one.busy > most.busy ? one : most));
}
