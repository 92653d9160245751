/**
 * A run as a pure state machine: `(state, event) → [state, effects]`. No clock, no network: the driver reports what
 * happened and carries out the effects. Deadlines are effects too, and come back as events.
 *
 * Life of a run: gathering (waiting for devices) → training (rounds, one after the other) → ended.
 * Life of a member: absent → staging (gets model and data) → ready ⇄ working → late (missed a deadline) → ready.
 */
import type {ErrorCode, ErrorFacts} from '../../core/errors.js';

export type MemberState = 'absent' | 'staging' | 'ready' | 'working' | 'late';

export interface Member {
	readonly state: MemberState;
	/** Training items it owns; 0 until it was ready once. */
	readonly items: number;
	/** Items drawn so far: where its item order goes on. */
	readonly cursor: number;
	/** Why it cannot take part, however often it is asked. */
	readonly refusal?: string | undefined;
	/** Why it could not take part when it was asked last, and how often in a row; it will be asked again. */
	readonly trouble?: {readonly because: string; readonly times: number} | undefined;
}

export interface RoundReport {
	/** Mean loss over the items of the round. */
	readonly loss: number;
	readonly items: number;
}

export type Outcome =
	| {readonly kind: 'done'}
	| {readonly kind: 'stopped'; readonly because: string}
	/** It goes on by another plan from where this one ended. */
	| {readonly kind: 'moved'; readonly because: string}
	| {readonly kind: 'failed'; readonly code: ErrorCode; readonly facts: ErrorFacts};

export interface RunSettings {
	/** Rounds in all. For step synchronisation it follows from the items: see `plannedRounds`. */
	readonly sync: {readonly kind: 'step'; readonly batch: number} | {readonly kind: 'epochs'; readonly epochs: number};
	readonly epochs: number;
	readonly minimum: number;
	readonly waitMs: number;
	/** Undefined: adapts to the rounds seen so far. */
	readonly roundDeadlineMs: number | undefined;
	readonly stagingDeadlineMs: number;
	readonly targetAccuracy: number | undefined;
}

export interface RunState {
	readonly phase: 'gathering' | 'training' | 'updating' | 'finishing' | 'ended';
	readonly settings: RunSettings;
	readonly members: ReadonlyMap<string, Member>;
	/** The round under way or to be done next, from 0. */
	readonly round: number;
	/** Rounds planned; undefined until the first round begins. */
	readonly rounds: number | undefined;
	/** Whether a round has begun since this state was made: before that, all devices are waited for. */
	readonly begun: boolean;
	/** Items of all members together, as counted when the first round began. */
	readonly totalItems: number;
	/** Who was asked in this round, and what has come from them. */
	readonly asked: ReadonlyMap<string, {readonly report: RoundReport | undefined; readonly delivered: boolean}>;
	/** Names the deadline that is still of interest; others are ignored. */
	readonly deadline: string | undefined;
	readonly recentRoundsMs: readonly number[];
	/** The run is to go on by another plan as soon as it comes there. */
	readonly leaving: Leaving | undefined;
}

/** Where a run may leave its plan: between any two rounds, or only where an epoch ends. */
export interface Leaving {
	readonly because: string;
	readonly at: 'step' | 'epoch';
}

export type RunEvent =
	| {readonly kind: 'present'; readonly device: string}
	| {readonly kind: 'gone'; readonly device: string}
	| {readonly kind: 'ready'; readonly device: string; readonly items: number}
	/** `final`: asking again would not help. */
	| {readonly kind: 'refused'; readonly device: string; readonly because: string; readonly final: boolean}
	| {readonly kind: 'report'; readonly device: string; readonly round: number; readonly report: RoundReport}
	| {readonly kind: 'delivered'; readonly device: string; readonly round: number}
	| {readonly kind: 'deadline'; readonly name: string}
	| {readonly kind: 'updated'; readonly round: number; readonly tookMs: number}
	| {readonly kind: 'evaluated'; readonly round: number; readonly accuracy: number | undefined}
	| {readonly kind: 'finished'}
	| ({readonly kind: 'leave'} & Leaving)
	| {readonly kind: 'stop'; readonly because: string};

export type RunEffect =
	| {readonly kind: 'assign'; readonly device: string}
	/** Answer `present` after this long if the device is in the fleet then. */
	| {readonly kind: 'ask-again'; readonly device: string; readonly ms: number}
	| {
			readonly kind: 'start-round';
			readonly round: number;
			/** Items each device draws: from its cursor on. */
			readonly work: ReadonlyMap<string, {readonly cursor: number; readonly count: number}>;
			readonly deadlineMs: number;
	  }
	/** Take the mean of what was delivered, update the weights, then answer `updated`. */
	| {
			readonly kind: 'close-round';
			readonly round: number;
			readonly contributors: ReadonlyMap<string, RoundReport>;
			/** Evaluate and checkpoint as well: an epoch ended, or the run does. */
			readonly milestone: boolean;
	  }
	| {readonly kind: 'abandon-round'; readonly round: number}
	| {readonly kind: 'set-deadline'; readonly name: string; readonly ms: number}
	| {readonly kind: 'note'; readonly text: string; readonly device?: string}
	/** Write the last checkpoint, wait for evaluations, then answer `finished`. */
	| {readonly kind: 'wind-up'; readonly outcome: Outcome}
	| {readonly kind: 'end'};

export type Transition = readonly [RunState, readonly RunEffect[]];

/** Where an earlier attempt left off. */
export interface Resumed {
	readonly round: number;
	/** As counted when the first round began: they decide about learning rates, so they must not change with the members. */
	readonly rounds: number | undefined;
	readonly totalItems: number;
	readonly members: ReadonlyMap<string, {items: number; cursor: number}>;
}

export function initialRun(settings: RunSettings, devices: readonly string[], resumed: Resumed | undefined): RunState {
	return {
		phase: 'gathering',
		settings,
		members: new Map(
			devices.map(device => [
				device,
				{state: 'absent', items: 0, cursor: 0, ...resumed?.members.get(device)} satisfies Member,
			]),
		),
		round: resumed?.round ?? 0,
		rounds: resumed?.rounds,
		totalItems: resumed?.totalItems ?? 0,
		begun: false,
		asked: new Map(),
		deadline: undefined,
		recentRoundsMs: [],
		leaving: undefined,
	};
}

/** Rounds that `epochs` passes over the data take. */
export function plannedRounds({sync, epochs}: RunSettings, totalItems: number): number {
	switch (sync.kind) {
		case 'step':
			return epochs * Math.max(1, Math.ceil(totalItems / sync.batch));
		case 'epochs':
			return Math.ceil(epochs / sync.epochs);
		default:
			return sync satisfies never;
	}
}

const roundsPerEpoch = ({settings: {sync, epochs}, rounds}: RunState): number =>
	sync.kind === 'step' ? (rounds ?? 1) / epochs : 1;

/** The last round of an epoch or of the run. */
export const isMilestone = (state: RunState): boolean =>
	(state.round + 1) % roundsPerEpoch(state) === 0 || state.round + 1 === state.rounds;

/** Between two rounds: whether the run leaves its plan here. */
export const leavesHere = (state: RunState): boolean =>
	state.leaving !== undefined && (state.leaving.at === 'step' || state.round % roundsPerEpoch(state) === 0);

export const inState = (state: RunState, ...kinds: readonly MemberState[]): string[] =>
	[...state.members].filter(([, member]) => kinds.includes(member.state)).map(([device]) => device);
