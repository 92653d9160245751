/** A run with stages, step by step, and what lies between two steps. */
import {devicesOf} from '../../core/plan/fallback.js';
import {groupsOf} from '../../core/plan/groups.js';
import {activeIn, drawsOf, isBranched, itemsOf} from '../../core/plan/routing.js';
import {dueAverages, isConsistent, isMilestone, leavesAt, stepsOfTurn, stepsPerEpoch} from './calendar.js';
import {after, averageKey, fetchMs, finish, holderOf, partsOf, stateKey, stepDeadline, waitFor} from './flow.js';
import {someReturn} from './staging.js';
import type {Position, StageEffect, StageState, Transition} from './state.js';
import {hold} from './trouble.js';

/** All are ready: they get the weights, and the next step begins. */
export function begin(before: StageState): Transition {
	const {plan, items, settings, original} = before;
	const perEpoch = before.steps === undefined ? stepsPerEpoch(original, items, settings.batch) : before.stepsPerEpoch;
	const state = {...before, stepsPerEpoch: perEpoch, steps: before.steps ?? settings.epochs * perEpoch};
	const {position} = state;
	const ready = {
		...state,
		position: position.turnLeft > 0 ? position : {...position, turnLeft: turnSteps(state, position.turn)},
	};
	const parts = groupsOf(plan).flatMap(group => (group.kind === 'turn' ? [holderOf(ready, group)] : partsOf(group)));
	const loads: StageEffect[] = position.step === 0 ? [] : [{kind: 'load', parts}];
	return after(beginStep(ready), ...loads);
}

/** JSON knows no infinity: a turn that never ends is a very long one. */
const turnSteps = (state: StageState, turn: number): number =>
	Math.min(Number.MAX_SAFE_INTEGER, stepsOfTurn(state, turn));

function beginStep(state: StageState): Transition {
	const {plan, position, settings} = state;
	if (position.step >= (state.steps ?? 0)) {
		return conclude(state);
	}
	const active = activeIn(plan, position.turn);
	const working = devicesOf(plan).filter(device =>
		plan.stages.some(({replicas}, stage) =>
			replicas.some((replica, index) => replica.device === device && active[stage]!.includes(index)),
		),
	);
	const gradients = groupsOf(plan)
		.filter(({kind, replicas}) => kind === 'step' && replicas.length > 1)
		.flatMap(({stage, replicas}) => {
			const items = itemsOf(plan, active, stage, settings.batch);
			return replicas.filter(replica => items[replica]! > 0).map(replica => `gradient:${stage}.${replica}`);
		});
	const ms = stepDeadline(state);
	const keys = [...working.map(device => `report:${device}`), ...gradients];
	const [next, deadline] = waitFor(state, 'running', keys, ms);
	return [next, [{kind: 'begin-step', position, deadlineMs: ms}, ...deadline]];
}

/** Everybody has computed the step. */
export function commit(before: StageState): Transition {
	const {plan, position: old, settings} = before;
	const committed: StageEffect = {kind: 'commit', position: old};
	const draws = drawsOf(plan, activeIn(plan, old.turn), settings.batch);
	const cursors = {...old.cursors};
	for (const [replica, {device}] of plan.stages[0]!.replicas.entries()) {
		cursors[device] = (cursors[device] ?? 0) + draws[replica]!.reduce((sum, count) => sum + count, 0);
	}
	if (isBranched(plan, 0)) {
		// A branch that was away goes on where the others are.
		const furthest = Math.max(...Object.values(cursors));
		for (const {device} of before.original.stages[0]!.replicas) {
			cursors[device] = furthest;
		}
	}
	const position: Position = {
		...old,
		step: old.step + 1,
		cursors,
		turnLeft: old.turnLeft - 1,
		sinceSync: old.sinceSync + 1,
	};
	return after(sync({...before, position, failures: 0}), committed);
}

const handing = ({plan, position}: StageState) =>
	position.turnLeft <= 0 ? groupsOf(plan).filter(({kind}) => kind === 'turn') : [];

/** Averages what is due and hands over weights whose turn is over; or goes straight on. */
function sync(state: StageState): Transition {
	const {position} = state;
	const averages = dueAverages(state, position);
	const hands = handing(state);
	if (averages.length + hands.length === 0) {
		return mayStore(state);
	}
	const {step} = position;
	const keys = [...averages.map(({key}) => averageKey(step, key)), ...hands.map(({key}) => stateKey(step, key))];
	const [next, deadline] = waitFor(state, 'syncing', keys, Math.max(fetchMs, stepDeadline(state)));
	return [
		next,
		[
			...averages.map((group): StageEffect => ({kind: 'average', key: group.key, parts: partsOf(group), step})),
			...hands.map((group): StageEffect => ({kind: 'fetch', part: holderOf(state, group), step})),
			...deadline,
		],
	];
}

export function synced(before: StageState): Transition {
	const {position: old} = before;
	const averaged = dueAverages(before, old);
	const handed = handing(before);
	const turn = handed.length > 0 ? old.turn + 1 : old.turn;
	const position: Position = {
		...old,
		turn,
		turnLeft: handed.length > 0 ? turnSteps(before, turn) : old.turnLeft,
		sinceSync: averaged.length > 0 ? 0 : old.sinceSync,
	};
	const state = {...before, position};
	const parts = [...averaged.flatMap(partsOf), ...handed.map(group => holderOf(state, group))];
	return after(mayStore(state), {kind: 'load', parts});
}

/** Fetches the weights for a checkpoint where one is due, while the run goes on. */
function mayStore(state: StageState): Transition {
	const {position, plan, checkpointDue, saving, steps} = state;
	const {step} = position;
	const milestone = isMilestone(state, position);
	if (step < (steps ?? 0) && state.leaving && leavesAt(state, position) && isConsistent(plan, position)) {
		return hold({...state, ending: {kind: 'moved', because: state.leaving.because}});
	}
	if (step < (steps ?? 0) && !saving && someReturn(state)) {
		// Devices that came back take part in the next step; before that the weights are saved anyway.
		return hold(state);
	}
	if (step >= (steps ?? 0) || saving || !(milestone || checkpointDue) || !isConsistent(plan, position)) {
		return beginStep(state);
	}
	const fetched = groupsToFetch(state);
	const effects = fetched.map((group): StageEffect => ({kind: 'fetch', part: holderOf(state, group), step}));
	if (fetched.length === 0) {
		return after(beginStep({...state, saved: position, checkpointDue: false}), {kind: 'save', position, milestone});
	}
	const waiting = new Set(fetched.map(({key}) => stateKey(step, key)));
	return after(
		beginStep({...state, saving: {position, waiting, milestone}, checkpointDue: false}),
		{kind: 'checkpoint'},
		...effects,
	);
}

/** Weights that were averaged are here already. */
const groupsToFetch = ({plan}: StageState) => groupsOf(plan).filter(({kind}) => kind !== 'interval');

/** The last step is done: its weights are fetched, then the run is over. */
function conclude(state: StageState): Transition {
	const {position} = state;
	const fetched = groupsToFetch(state);
	if (fetched.length === 0) {
		return after(finish({...state, saved: position}, {kind: 'done'}), {kind: 'save', position, milestone: true});
	}
	const keys = fetched.map(({key}) => stateKey(position.step, key));
	const saving = {position, waiting: new Set(keys), milestone: true};
	const [next, deadline] = waitFor({...state, saving}, 'concluding', keys, fetchMs);
	const fetches = fetched.map(
		(group): StageEffect => ({kind: 'fetch', part: holderOf(state, group), step: position.step}),
	);
	return [next, [...fetches, ...deadline]];
}
