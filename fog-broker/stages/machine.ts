/** The transitions of a run with stages. See `state.ts` for the states, events and effects. */
import {devicesOf} from '../../core/plan/fallback.js';
import {leavesAt} from './calendar.js';
import {after, finish, note, without} from './flow.js';
import {gather, mayStage, replan} from './staging.js';
import type {Outcome, StageEffect, StageEvent, StageState, Transition} from './state.js';
import {begin, commit, synced} from './steps.js';
import {collect, collected, deadlinePassed, hold, lost} from './trouble.js';

/** Times that a device may be silent and be counted on again while it stays. */
const mostSilences = 3;

export const startStages = gather;

export function stepStages(state: StageState, event: StageEvent): Transition {
	if (state.phase === 'ended') {
		return [state, []];
	}
	switch (event.kind) {
		case 'present':
			return present(state, event.device);
		case 'gone':
			return gone(state, event.device);
		case 'heard':
			return heard(state, event.device);
		case 'spares':
			return [{...state, spares: event.devices}, []];
		case 'ready':
			return arrived({...state, items: new Map(state.items).set(event.device, event.items)}, `ready:${event.device}`);
		case 'refused':
			return refused(state, event);
		case 'arrived':
			return arrived(
				event.tookMs === undefined
					? state
					: {...state, recentStepsMs: [...state.recentStepsMs, event.tookMs].slice(-9)},
				event.key,
			);
		case 'held':
			return arrived(
				state.phase === 'holding' && event.steps === state.position.step
					? {...state, held: new Set(state.held).add(event.device)}
					: state,
				`held:${event.device}`,
			);
		case 'diverged':
			return finish(state, {
				kind: 'failed',
				code: 'RUN_LOSS_NAN',
				facts: {
					where: `step ${state.position.step + 1}, device «${event.device}»`,
					expected: 'a finite loss',
					got: String(event.loss),
					fix: 'Lower the learning rate, clip the gradient («clipNorm»), or check the data of the sources.',
				},
			});
		case 'checkpoint-due':
			return [{...state, checkpointDue: true}, []];
		case 'evaluated':
			return evaluated(state, event.step, event.accuracy);
		case 'deadline':
			return event.name === state.deadline ? deadlinePassed({...state, deadline: undefined}) : [state, []];
		case 'finished':
			return [{...state, phase: 'ended', deadline: undefined}, [{kind: 'end'}]];
		case 'leave':
			return leave(state, event);
		case 'stop':
			return end(state, {kind: 'stopped', because: event.because});
		default:
			return event satisfies never;
	}
}

function present(before: StageState, device: string): Transition {
	const refusals = new Map(before.refused);
	refusals.delete(device);
	const state = {...before, present: new Set(before.present).add(device), refused: refusals};
	return state.phase === 'gathering' ? mayStage(state, false) : [state, []];
}

/** Who was counted out for its silence counts again; not for ever: each time costs a step, and getting ready. */
function heard(state: StageState, device: string): Transition {
	const times = state.silences.get(device) ?? 0;
	const isSilent = state.refused.has(device) && times > 0 && times <= mostSilences;
	return isSilent ? after(present(state, device), note('answers again', device)) : [state, []];
}

function gone(before: StageState, device: string): Transition {
	const silences = new Map(before.silences);
	silences.delete(device);
	const state = {...before, silences, present: without(before.present, device)};
	return before.present.has(device) && devicesOf(state.plan).includes(device) && state.phase !== 'finishing'
		? after(lost(state), note('left', device))
		: [state, []];
}

function refused(before: StageState, {device, because, final}: StageEvent & {kind: 'refused'}): Transition {
	const troubled = before.phase === 'holding' || before.phase === 'collecting';
	if (before.phase === 'finishing' || !devicesOf(before.plan).includes(device)) {
		return [before, []];
	}
	const silences = new Map(before.silences);
	silences.delete(device);
	const state = final ? {...before, silences, refused: new Map(before.refused).set(device, because)} : before;
	if (troubled && !final) {
		// The trouble that everybody is being held for, told by another one.
		return [state, []];
	}
	if (state.phase === 'staging' && !final) {
		return after(replan({...state, failures: state.failures + 1}, true), note(because, device));
	}
	return after(lost(state), note(final ? `cannot take part: ${because}` : because, device));
}

function arrived(before: StageState, key: string): Transition {
	const saving = before.saving && {...before.saving, waiting: without(before.saving.waiting, key)};
	const saved = saving !== undefined && saving.waiting.size === 0;
	const state: StageState = {
		...before,
		saving: saved ? undefined : saving,
		saved: saved ? saving.position : before.saved,
		waiting: without(before.waiting, key),
	};
	const saves: StageEffect[] = saved ? [{kind: 'save', position: saving.position, milestone: saving.milestone}] : [];
	return before.waiting.has(key) && state.waiting.size === 0 ? after(complete(state), ...saves) : [state, saves];
}

/** Everything that the phase waited for is here. */
function complete(state: StageState): Transition {
	switch (state.phase) {
		case 'staging':
			return begin(state);
		case 'running':
			return commit(state);
		case 'syncing':
			return synced(state);
		case 'holding':
			return collect(state);
		case 'collecting':
			return collected(state);
		case 'concluding':
			return finish(state, {kind: 'done'});
		case 'gathering':
		case 'pausing':
		case 'finishing':
		case 'ended':
			return [state, []];
		default:
			return state.phase satisfies never;
	}
}

function evaluated(state: StageState, step: number, accuracy: number | undefined): Transition {
	const target = state.settings.targetAccuracy;
	return target !== undefined && accuracy !== undefined && accuracy >= target && state.phase !== 'finishing'
		? after(end(state, {kind: 'done'}), note(`reached the target accuracy after step ${step}`))
		: [state, []];
}

/** A step under way is completed first; before one is begun, the weights that the run has are complete. */
function leave(before: StageState, {because, at}: StageEvent & {kind: 'leave'}): Transition {
	const state = {...before, leaving: {because, at}};
	const idle = state.phase === 'gathering' || state.phase === 'pausing' || state.phase === 'staging';
	return idle && leavesAt(state, state.position) ? finish(state, {kind: 'moved', because}) : [state, []];
}

/** Ends the run with the weights of the last completed step. */
function end(before: StageState, outcome: Outcome): Transition {
	const state = {...before, ending: before.ending ?? outcome};
	switch (state.phase) {
		case 'gathering':
		case 'pausing':
		case 'staging':
			return finish(state, outcome);
		case 'running':
		case 'syncing':
			return hold(state);
		case 'holding':
		case 'collecting':
		case 'concluding':
		case 'finishing':
		case 'ended':
			return [state, []];
		default:
			return state.phase satisfies never;
	}
}
