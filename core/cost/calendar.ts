/** How often what happens in a run with stages: steps of each turn, means of weights, turns that end. */
import {type Group, groupsOf} from '../plan/groups.js';
import {type Plan, synchronisationOf} from '../plan/plan.js';
import type {TrainingCosts} from './episode.js';

/** What happens while one replica of the stage that takes turns has its turn; or all the time, where none does. */
export interface Turn {
	readonly turn: number;
	readonly steps: number;
	/** Of these, steps before which weights came from the coordinator: the others begin with the update of the step before. */
	readonly loaded: number;
	/** Times that its weights are handed over. */
	readonly handed: number;
}

/** Weights of a group that are averaged so many times. */
export interface Averages {
	readonly group: Group;
	readonly times: number;
}

export interface Calendar {
	readonly turns: readonly Turn[];
	readonly averages: readonly Averages[];
}

export const stepsFor = (items: number, batch: number): number => Math.max(1, Math.ceil(items / batch));

/** @param owned items of each replica of the first stage. */
export function calendarOf(plan: Plan, {batch, epochs, samples}: TrainingCosts, owned: readonly number[]): Calendar {
	const groups = groupsOf(plan);
	const turning = plan.stages.findIndex(({turns}) => turns === 'in-turn');
	const perEpoch =
		turning === 0 ? owned.reduce((sum, items) => sum + stepsFor(items, batch), 0) : stepsFor(samples, batch);
	const steps = epochs * perEpoch;
	// At the end of an epoch, and of the run, all weights are averaged that are averaged at all.
	const averages = groups
		.filter(({kind}) => kind === 'interval')
		.map((group): Averages => {
			const {every} = synchronisationOf(plan, plan.stages[group.stage]!);
			const times =
				every.kind === 'steps'
					? epochs * Math.ceil(perEpoch / every.steps)
					: every.kind === 'epochs'
						? Math.ceil(epochs / every.epochs)
						: 0;
			return {group, times};
		});
	const most = Math.max(0, ...averages.map(({times}) => times));
	if (turning < 0) {
		// The last mean is followed by no step.
		return {turns: [{turn: 0, steps, loaded: Math.max(0, most - 1), handed: 0}], averages};
	}
	const {replicas} = plan.stages[turning]!;
	const {every} = synchronisationOf(plan, plan.stages[turning]!);
	const lengths = replicas.map((_, replica) => {
		switch (every.kind) {
			case 'step':
				return 1;
			case 'steps':
				return every.steps;
			case 'epochs':
				return every.epochs * (turning === 0 ? stepsFor(owned[replica]!, batch) : perEpoch);
			case 'never':
				return steps + 1;
			default:
				return every satisfies never;
		}
	});
	const cycle = lengths.reduce((sum, length) => sum + length, 0);
	const whole = Math.floor(steps / cycle);
	let rest = steps - whole * cycle;
	const turns = lengths.map((length, turn) => {
		const more = Math.min(rest, length);
		rest -= more;
		return {
			turn,
			steps: whole * length + more,
			begun: whole + (more > 0 ? 1 : 0),
			handed: whole + (more === length ? 1 : 0),
		};
	});
	return {
		// The first turn begins with the weights that are there.
		turns: turns.map(({turn, steps: own, begun, handed}) => ({
			turn,
			steps: own,
			loaded: Math.max(0, begun - (turn === 0 ? 1 : 0)),
			handed,
		})),
		averages,
	};
}
