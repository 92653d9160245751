/** What a run with stages does when something that it needs will not come. */
import {devicesOf} from '../../core/plan/fallback.js';
import {groupsOf} from '../../core/plan/groups.js';
import {activeIn} from '../../core/plan/routing.js';
import {isMilestone} from './calendar.js';
import {after, averageKey, fetchMs, keysOf, note, partsOf, stateKey, stepDeadline, waitFor} from './flow.js';
import {gather, mayStage, replan} from './staging.js';
import type {StageEffect, StageState, Transition} from './state.js';

/** How long devices have to say how far they are: at least as long as a pass, which they end first. */
const holdMs = (state: StageState): number => Math.min(25_000, Math.max(5000, stepDeadline(state)));

/** A device left, or could not do its part. */
export function lost(state: StageState): Transition {
	switch (state.phase) {
		case 'gathering':
		case 'pausing':
		case 'finishing':
		case 'ended':
			return [state, []];
		case 'staging':
			return replan(state);
		case 'running':
		case 'syncing':
		case 'concluding':
			return hold({...state, failures: state.failures + 1});
		case 'holding':
		case 'collecting':
			// Whoever is left is asked again.
			return hold(state);
		default:
			return state.phase satisfies never;
	}
}

/** Everybody who is here gives up the step and says how far its weights are. */
export function hold(before: StageState): Transition {
	const state = {...before, saving: undefined, held: new Set<string>()};
	const here = devicesOf(state.plan).filter(device => state.present.has(device) && !state.refused.has(device));
	if (here.length === 0) {
		return replan(state);
	}
	const keys = here.map(device => `held:${device}`);
	const [next, deadline] = waitFor(state, 'holding', keys, holdMs(state));
	return [next, [...here.map((device): StageEffect => ({kind: 'hold', device})), ...deadline]];
}

/** Fetches the weights of the last completed step from those who have them; where some are lost, goes back. */
export function collect(state: StageState): Transition {
	const {plan, position, held, saved} = state;
	const {step} = position;
	const active = activeIn(plan, position.turn);
	const sources = groupsOf(plan).map(group => ({
		group,
		parts: partsOf(group).filter(
			({stage, replica}) =>
				held.has(plan.stages[stage]!.replicas[replica]!.device) &&
				(group.kind !== 'turn' || active[stage]!.includes(replica)),
		),
	}));
	// The weights of a branch that is away are lost with it, and nobody else needs them.
	const gone = sources.some(({group, parts}) => parts.length === 0 && group.owner === undefined);
	const found = sources.filter(({parts}) => parts.length > 0);
	if (gone || found.length === 0 || step === saved.step) {
		return replan(state);
	}
	const keyed = found.map(({group: {kind, key}, parts}) =>
		kind === 'interval'
			? {key: averageKey(step, key), effect: {kind: 'average', key, parts, step} satisfies StageEffect}
			: {key: stateKey(step, key), effect: {kind: 'fetch', part: parts[0]!, step} satisfies StageEffect},
	);
	const [next, deadline] = waitFor(
		state,
		'collecting',
		keyed.map(({key}) => key),
		fetchMs,
	);
	return [next, [...keyed.map(({effect}) => effect), ...deadline]];
}

/** The weights of the last completed step are here: nothing is repeated but the step under way. */
export function collected(state: StageState): Transition {
	const position = {...state.position, sinceSync: 0};
	const complete = position.step >= (state.steps ?? Number.POSITIVE_INFINITY);
	const ending = state.ending ?? (complete ? {kind: 'done'} : undefined);
	const ends = ending !== undefined && ending.kind !== 'moved';
	const save = {kind: 'save', position, milestone: ends || isMilestone(state, position)} as const;
	return after(replan({...state, position, saved: position, ending}), save);
}

export function deadlinePassed(state: StageState): Transition {
	switch (state.phase) {
		case 'gathering':
			return mayStage(state, true);
		case 'pausing':
			return gather(state);
		case 'staging': {
			const late = keysOf(state, 'ready');
			return after(replan(refusing(state, late, 'it was not ready in time')), ...told(late, 'was not ready in time'));
		}
		case 'running':
		case 'syncing':
		case 'concluding': {
			const text = `step ${state.position.step + 1} took too long; what did not come: ${[...state.waiting].join(', ')}`;
			return after(hold({...state, failures: state.failures + 1}), note(text));
		}
		case 'holding': {
			const silent = keysOf(state, 'held');
			return after(collect(refusing(state, silent, 'it does not answer')), ...told(silent, 'does not answer'));
		}
		case 'collecting':
			return after(replan(state), note('weights did not come in time'));
		case 'finishing':
		case 'ended':
			return [state, []];
		default:
			return state.phase satisfies never;
	}
}

const told = (devices: readonly string[], text: string) => devices.map(device => note(text, device));

/** These devices are not counted on until they speak again, or leave and come back. */
const refusing = (state: StageState, devices: readonly string[], because: string): StageState => ({
	...state,
	refused: new Map([...state.refused, ...devices.map(device => [device, because] as const)]),
	silences: new Map([
		...state.silences,
		...devices.map(device => [device, (state.silences.get(device) ?? 0) + 1] as const),
	]),
});
