/**
 * How a plan trains, besides who computes what: a run that goes on by another plan goes on training in the same manner, so that
 * its weights, its optimiser and its place in the data mean the same. Pure.
 */
import {type Plan, synchronisationOf} from '../core/plan/plan.js';
import {junctionStage} from '../core/plan/routing.js';
import type {Space} from './problem.js';

export type Manner =
	/** One update of all at every step: what one machine would compute. */
	| {readonly kind: 'together'}
	/** Branches that a junction merges; `cut` is their last unit: with another one they would be another model. */
	| {readonly kind: 'aligned'; readonly cut: number}
	/** The whole model on every device, and the mean of the weights after so many passes over the data. */
	| {readonly kind: 'means'; readonly epochs: number}
	/** Plans that only classic schemes have: sources that take turns, or mean the weights of their stage. */
	| {readonly kind: 'classic'; readonly scheme: 'split-learning' | 'split-fed'};

/** @returns undefined for plans that no planner chooses: devices that keep weights of their own, unusual intervals. */
export function mannerOf(plan: Plan): Manner | undefined {
	const [first, ...rest] = plan.stages as [Plan['stages'][number], ...Plan['stages']];
	const everyOf = (stage: Plan['stages'][number]) => synchronisationOf(plan, stage).every;
	if (plan.stages.slice(1).some(({turns}) => turns === 'in-turn')) {
		return undefined;
	}
	const atEveryStep = rest.every(stage => everyOf(stage).kind === 'step');
	const junction = junctionStage(plan);
	if (junction !== undefined) {
		const trunk = plan.stages[junction]!.units;
		return junction === 1 && trunk !== 'all' && atEveryStep ? {kind: 'aligned', cut: trunk[0] - 1} : undefined;
	}
	const every = everyOf(first);
	if (every.kind === 'step') {
		return first.turns === 'together' && atEveryStep ? {kind: 'together'} : undefined;
	}
	if (every.kind !== 'epochs' || !atEveryStep) {
		return undefined;
	}
	if (rest.length === 0) {
		return first.turns === 'together' ? {kind: 'means', epochs: every.epochs} : undefined;
	}
	return every.epochs === 1
		? {kind: 'classic', scheme: first.turns === 'in-turn' ? 'split-learning' : 'split-fed'}
		: undefined;
}

/** The plans of a space that train in this manner. */
export function spaceOf(space: Space, manner: Manner): Space {
	switch (manner.kind) {
		case 'together':
		case 'aligned':
			return {...space, localEpochs: [0]};
		case 'means':
			return {...space, localEpochs: [manner.epochs], mostStages: 1};
		case 'classic':
			return {...space, localEpochs: [1]};
		default:
			return manner satisfies never;
	}
}
