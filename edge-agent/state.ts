/**
 * What an agent does, as a pure state machine: `(state, event) → [state, effects]`. At most one run at a time; a newer
 * attempt of the same run replaces the older one; whatever is stale is answered or ignored, never acted on twice.
 */
import type {RunId} from '../core/ids.js';

/** One life of the coordinator within one run. */
export interface Task {
	readonly run: RunId;
	readonly attempt: number;
}

export type AgentState =
	| {readonly kind: 'idle'}
	| {readonly kind: 'staging'; readonly task: Task}
	| {readonly kind: 'ready'; readonly task: Task; readonly items: number; readonly lastRound: number}
	| {readonly kind: 'working'; readonly task: Task; readonly items: number; readonly round: number};

export type AgentEvent =
	| {readonly kind: 'assigned'; readonly task: Task}
	| {readonly kind: 'staged'; readonly task: Task; readonly items: number}
	| {readonly kind: 'staging-failed'; readonly task: Task}
	| {readonly kind: 'round-asked'; readonly task: Task; readonly round: number}
	| {readonly kind: 'round-over'; readonly task: Task; readonly round: number}
	| {readonly kind: 'released'; readonly run: RunId};

export type AgentEffect =
	/** Fetch the model and the data, build the trainer, then answer `staged` or `staging-failed`. */
	| {readonly kind: 'stage'; readonly task: Task}
	/** Tell the coordinator that everything is in place. */
	| {readonly kind: 'say-ready'; readonly task: Task; readonly items: number}
	| {readonly kind: 'refuse-busy'; readonly task: Task; readonly by: RunId}
	/** Work on the round, then answer `round-over`. */
	| {readonly kind: 'work'; readonly task: Task; readonly round: number}
	/** Stop whatever is under way for the task. */
	| {readonly kind: 'abort'; readonly task: Task}
	/** Give up model and data of the run. */
	| {readonly kind: 'discard'; readonly run: RunId};

export type AgentTransition = readonly [AgentState, readonly AgentEffect[]];

const same = (a: Task, b: Task) => a.run === b.run && a.attempt === b.attempt;

export function stepAgent(state: AgentState, event: AgentEvent): AgentTransition {
	switch (event.kind) {
		case 'assigned':
			return assigned(state, event.task);
		case 'staged':
			return state.kind === 'staging' && same(state.task, event.task)
				? [
						{kind: 'ready', task: event.task, items: event.items, lastRound: -1},
						[{kind: 'say-ready', task: event.task, items: event.items}],
					]
				: [state, []];
		case 'staging-failed':
			return state.kind === 'staging' && same(state.task, event.task)
				? [{kind: 'idle'}, [{kind: 'discard', run: event.task.run}]]
				: [state, []];
		case 'round-asked':
			return roundAsked(state, event.task, event.round);
		case 'round-over':
			return state.kind === 'working' && same(state.task, event.task) && state.round === event.round
				? [{kind: 'ready', task: state.task, items: state.items, lastRound: state.round}, []]
				: [state, []];
		case 'released':
			return state.kind === 'idle' || state.task.run !== event.run
				? [state, []]
				: [
						{kind: 'idle'},
						[
							{kind: 'abort', task: state.task},
							{kind: 'discard', run: event.run},
						],
					];
		default:
			return event satisfies never;
	}
}

function assigned(state: AgentState, task: Task): AgentTransition {
	const stage: AgentTransition = [{kind: 'staging', task}, [{kind: 'stage', task}]];
	if (state.kind === 'idle') {
		return stage;
	}
	if (state.task.run !== task.run) {
		return [state, [{kind: 'refuse-busy', task, by: state.task.run}]];
	}
	if (task.attempt < state.task.attempt) {
		return [state, []];
	}
	if (task.attempt > state.task.attempt) {
		return [stage[0], [{kind: 'abort', task: state.task}, ...stage[1]]];
	}
	// The same assignment again: the coordinator missed our answer.
	return state.kind === 'staging'
		? [state, []]
		: [
				{kind: 'ready', task, items: state.items, lastRound: state.kind === 'ready' ? state.lastRound : state.round},
				[
					...(state.kind === 'working' ? [{kind: 'abort', task} as const] : []),
					{kind: 'say-ready', task, items: state.items},
				],
			];
}

function roundAsked(state: AgentState, task: Task, round: number): AgentTransition {
	if ((state.kind !== 'ready' && state.kind !== 'working') || !same(state.task, task)) {
		return [state, []];
	}
	const working: AgentState = {kind: 'working', task, items: state.items, round};
	if (state.kind === 'working') {
		// The coordinator has gone on without us: what we compute for the old round is of no use any more.
		return round > state.round
			? [
					working,
					[
						{kind: 'abort', task},
						{kind: 'work', task, round},
					],
				]
			: [state, []];
	}
	// A round that had no contribution is asked for again under the same number.
	return round >= state.lastRound ? [working, [{kind: 'work', task, round}]] : [state, []];
}
