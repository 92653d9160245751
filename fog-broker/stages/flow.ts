/** What the transitions of a run with stages have in common. */
import type {Group} from '../../core/plan/groups.js';
import {activeIn} from '../../core/plan/routing.js';
import type {GroupPart, Outcome, Phase, StageEffect, StageState, Transition} from './state.js';

/** How long devices have to send their weights. */
export const fetchMs = 120_000;
const firstStepMs = 120_000;
/** A step may take this many times the median of the last ones, but never less than the floor. */
const patience = 6;
const patienceFloorMs = 8000;

export const note = (text: string, device?: string): StageEffect =>
	device === undefined ? {kind: 'note', text} : {kind: 'note', text, device};

/** The effects of before, then those of the transition. */
export const after = ([state, effects]: Transition, ...before: readonly StageEffect[]): Transition => [
	state,
	[...before, ...effects],
];

/** Goes on with what the first transition led to. */
export function then([state, effects]: Transition, next: (state: StageState) => Transition): Transition {
	const [result, more] = next(state);
	return [result, [...effects, ...more]];
}

export const without = <T>(set: ReadonlySet<T>, value: T): ReadonlySet<T> => {
	const rest = new Set(set);
	rest.delete(value);
	return rest;
};

/** Enters a phase that waits for these keys, no longer than `ms`. */
export function waitFor(state: StageState, phase: Phase, keys: Iterable<string>, ms: number): Transition {
	const name = `${phase}-${state.attempt}-${state.position.step}`;
	return [{...state, phase, waiting: new Set(keys), deadline: name}, [{kind: 'set-deadline', name, ms}]];
}

export const stateKey = (step: number, key: string): string => `state:${step}:${key}`;
export const averageKey = (step: number, key: string): string => `average:${step}:${key}`;

/** What follows the kind in the keys of that kind which are still awaited. */
export const keysOf = ({waiting}: StageState, kind: string): readonly string[] =>
	[...waiting].filter(key => key.startsWith(`${kind}:`)).map(key => key.slice(kind.length + 1));

export const partsOf = ({key, stage, replicas}: Group): readonly GroupPart[] =>
	replicas.map(replica => ({key, stage, replica}));

/** The part that has a group's weights. */
export function holderOf({plan, position, present}: StageState, {key, stage, replicas, kind}: Group): GroupPart {
	const [active] = activeIn(plan, position.turn)[stage]!;
	const alive = replicas.find(replica => present.has(plan.stages[stage]!.replicas[replica]!.device));
	return {key, stage, replica: kind === 'turn' ? active! : (alive ?? replicas[0]!)};
}

export function stepDeadline({settings, recentStepsMs}: StageState): number {
	if (settings.stepDeadlineMs !== undefined) {
		return settings.stepDeadlineMs;
	}
	const sorted = [...recentStepsMs].sort((a, b) => a - b);
	const median = sorted[Math.floor(sorted.length / 2)];
	return median === undefined ? firstStepMs : Math.max(patienceFloorMs, patience * median);
}

export function finish(state: StageState, outcome: Outcome): Transition {
	return state.phase === 'finishing'
		? [state, []]
		: [
				{...state, phase: 'finishing', deadline: undefined, waiting: new Set(), saving: undefined},
				[{kind: 'wind-up', outcome}],
			];
}
