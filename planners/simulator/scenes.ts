/** What happens in a run, each thing with how often it does. */
import type {TrainingCosts} from '../../core/cost/episode.js';
import type {CostDevice} from '../../core/cost/fleet.js';
import {isDataParallel, type Plan} from '../../core/plan/plan.js';
import {isBranched} from '../../core/plan/routing.js';
import {apportion} from '../../core/plan/shares.js';
import type {Agent, World} from './agent.js';
import {calendarOf} from './calendar.js';
import type {SimulationInput} from './input.js';
import type {Process} from './kernel.js';
import {RoundCoordinator, roundsOf} from './rounds.js';
import {Coordinator} from './steps.js';

export interface Scene {
	readonly times: number;
	/** Whose turn it is. */
	readonly turn: number;
	/** A step after and before which nothing else happens, in the first turn. */
	readonly plain: boolean;
	/** 0: weights are exchanged neither before nor after it; 1: before it, 2: after it, 3: both. */
	readonly exchanges: number;
	/** Answers the seconds of the step, without what comes after it. */
	readonly play: () => Process<number>;
	/** As `play`, with a checkpoint that begins with the step. Of rounds the coordinator has the weights: nothing is sent. */
	readonly store: (stored: () => void) => Process<number>;
}

/** Items of each source: its own where all say so, else an equal part. */
function ownedItems(plan: Plan, devices: readonly CostDevice[], {samples}: TrainingCosts): readonly number[] {
	const own = plan.stages[0]!.replicas.map(replica => devices.find(({device}) => device === replica.device)?.samples);
	if (isBranched(plan, 0)) {
		return own.map(() => samples);
	}
	const known = own.filter(items => items !== undefined);
	return known.length === own.length
		? known
		: apportion(
				samples,
				own.map(() => 1),
			);
}

export function scenesOf(input: SimulationInput, world: World, agents: ReadonlyMap<string, Agent>): readonly Scene[] {
	const {plan, training, fleet} = input;
	const owned = ownedItems(plan, fleet.devices, training);
	if (isDataParallel(plan)) {
		const coordinator = new RoundCoordinator(input, world, agents, owned);
		return [
			{
				times: roundsOf(input),
				turn: 0,
				plain: true,
				exchanges: 0,
				play: () => coordinator.play(),
				store: stored => {
					stored();
					return coordinator.play();
				},
			},
		];
	}
	const coordinator = new Coordinator(input, world, agents);
	return calendarOf(plan, training, owned).map(entry => ({
		times: entry.times,
		turn: entry.turn,
		plain: entry.commits && entry.turn === 0,
		exchanges: (entry.commits ? 0 : 1) + (entry.averages.length + entry.hands.length > 0 ? 2 : 0),
		play: () => coordinator.play(entry),
		store: stored => coordinator.play(entry, stored),
	}));
}
