/**
 * A run with stages as a pure state machine: `(state, event) → [state, effects]`; see `machine.ts` for the transitions.
 *
 * Life of a run: gathering (waiting for devices; pausing before they are asked again) → staging (they get model and data) → running (a step after the other) →
 * finishing → ended. Between two steps weights may be averaged or handed over (syncing). When a device leaves, everybody
 * holds (holding), the weights of those who are left are fetched (collecting), and a plan without it is staged.
 *
 * What the machine waits for are keys: `ready:<device>`, `report:<device>`, `gradient:<stage>.<replica>`, `held:<device>`,
 * and, of the weights after some step, `average:<step>:<group>` and `state:<step>:<group>`.
 */
import type {ErrorCode, ErrorFacts} from '../../core/errors.js';
import type {Plan} from '../../core/plan/plan.js';
import type {PartId} from '../../core/plan/routing.js';

export interface StageSettings {
	readonly epochs: number;
	/** Items of a global batch. */
	readonly batch: number;
	/** How long to wait for devices without which the run cannot go on. */
	readonly waitMs: number;
	readonly stagingDeadlineMs: number;
	/** Undefined: adapts to the steps seen so far. */
	readonly stepDeadlineMs: number | undefined;
	readonly targetAccuracy: number | undefined;
}

export type Outcome =
	| {readonly kind: 'done'}
	| {readonly kind: 'stopped'; readonly because: string}
	/** It goes on by another plan from where this one ended. */
	| {readonly kind: 'moved'; readonly because: string}
	| {readonly kind: 'failed'; readonly code: ErrorCode; readonly facts: ErrorFacts};

/** Where a run may leave its plan: between any two steps, or only where an epoch ends. */
export interface Leaving {
	readonly because: string;
	readonly at: 'step' | 'epoch';
}

/** Where a run is between two steps; what a checkpoint keeps besides the weights. */
export interface Position {
	/** Updates done. */
	readonly step: number;
	/** Items that each source has drawn. */
	readonly cursors: Readonly<Record<string, number>>;
	/** Which replica's turn it is in stages that take turns, and for how many steps still; 0: not yet known. */
	readonly turn: number;
	readonly turnLeft: number;
	/** Steps since the weights of the stages that average them were averaged. */
	readonly sinceSync: number;
}

export type Phase =
	| 'gathering'
	| 'pausing'
	| 'staging'
	| 'running'
	| 'syncing'
	| 'holding'
	| 'collecting'
	| 'concluding'
	| 'finishing'
	| 'ended';

export interface StageState {
	readonly phase: Phase;
	readonly settings: StageSettings;
	/** With all devices, and as it is executed now. */
	readonly original: Plan;
	readonly plan: Plan;
	readonly attempt: number;
	readonly present: ReadonlySet<string>;
	/** Devices that can take over a stage, the best first. */
	readonly spares: readonly string[];
	/** Why devices that are present cannot take part; until they leave and come back. */
	readonly refused: ReadonlyMap<string, string>;
	/** Of these, those that were only silent: they count again when they speak. By device, how often that has been. */
	readonly silences: ReadonlyMap<string, number>;
	/** Training items of the sources that were ready once. */
	readonly items: ReadonlyMap<string, number>;
	readonly position: Position;
	/** The position that the coordinator has the weights of. */
	readonly saved: Position;
	/** Planned when the first step begins. */
	readonly steps: number | undefined;
	readonly stepsPerEpoch: number;
	/** What the phase waits for. */
	readonly waiting: ReadonlySet<string>;
	/** Weights on their way for a checkpoint while the run goes on. */
	readonly saving:
		| {readonly position: Position; readonly waiting: ReadonlySet<string>; readonly milestone: boolean}
		| undefined;
	readonly checkpointDue: boolean;
	/** Whose weights are of the current step, found while holding. */
	readonly held: ReadonlySet<string>;
	/** Times in a row that trouble came before a step was completed. */
	readonly failures: number;
	/** How the run ends as soon as its weights are here. */
	readonly ending: Outcome | undefined;
	/** The run is to go on by another plan as soon as it comes there. */
	readonly leaving: Leaving | undefined;
	readonly deadline: string | undefined;
	readonly recentStepsMs: readonly number[];
}

export type StageEvent =
	| {readonly kind: 'present'; readonly device: string}
	| {readonly kind: 'gone'; readonly device: string}
	/** It has said something. */
	| {readonly kind: 'heard'; readonly device: string}
	| {readonly kind: 'spares'; readonly devices: readonly string[]}
	| {readonly kind: 'ready'; readonly device: string; readonly items: number}
	/** `final`: asking again would not help. */
	| {readonly kind: 'refused'; readonly device: string; readonly because: string; readonly final: boolean}
	/** One of the things waited for is here. `tookMs`: of a step, with its last report. */
	| {readonly kind: 'arrived'; readonly key: string; readonly tookMs?: number}
	/** `steps` of its weights; undefined: it has none, since it began anew. */
	| {readonly kind: 'held'; readonly device: string; readonly steps: number | undefined}
	/** A loss that is not finite. */
	| {readonly kind: 'diverged'; readonly device: string; readonly loss: number}
	| {readonly kind: 'checkpoint-due'}
	| {readonly kind: 'evaluated'; readonly step: number; readonly accuracy: number | undefined}
	| {readonly kind: 'deadline'; readonly name: string}
	| {readonly kind: 'finished'}
	| ({readonly kind: 'leave'} & Leaving)
	| {readonly kind: 'stop'; readonly because: string};

/** One group's weights, from or to one part. */
export interface GroupPart extends PartId {
	readonly key: string;
}

export type StageEffect =
	/** Messages of this attempt only count from now on. Weights are mapped to the new plan where it differs. */
	| {readonly kind: 'attempt'; readonly attempt: number; readonly plan: Plan; readonly position: Position}
	| {readonly kind: 'assign'; readonly device: string}
	| {readonly kind: 'begin-step'; readonly position: Position; readonly deadlineMs: number}
	/** Everybody has computed the step at `position`. */
	| {readonly kind: 'commit'; readonly position: Position}
	/** Take the mean of the parts' weights, then `arrived`. */
	| {readonly kind: 'average'; readonly key: string; readonly parts: readonly GroupPart[]; readonly step: number}
	/** Fetch a state, then `arrived`. */
	| {readonly kind: 'fetch'; readonly part: GroupPart; readonly step: number}
	/** The states asked for next are those of a checkpoint, which the run does not wait for. */
	| {readonly kind: 'checkpoint'}
	/** Send the group's latest state. */
	| {readonly kind: 'load'; readonly parts: readonly GroupPart[]}
	/** The weights of this position are complete: keep them; at a milestone evaluate them too. */
	| {readonly kind: 'save'; readonly position: Position; readonly milestone: boolean}
	/** Give up the step and say how far the weights are. */
	| {readonly kind: 'hold'; readonly device: string}
	| {readonly kind: 'set-deadline'; readonly name: string; readonly ms: number}
	| {readonly kind: 'note'; readonly text: string; readonly device?: string}
	| {readonly kind: 'wind-up'; readonly outcome: Outcome}
	| {readonly kind: 'end'};

export type Transition = readonly [StageState, readonly StageEffect[]];

export const startPosition: Position = {step: 0, cursors: {}, turn: 0, turnLeft: 0, sinceSync: 0};

export function initialState(
	settings: StageSettings,
	plan: Plan,
	attempt: number,
	resumed: {readonly position: Position; readonly items: ReadonlyMap<string, number>} | undefined,
	/** Devices that are not waited for before they come. */
	away: readonly string[] = [],
): StageState {
	const position = resumed?.position ?? startPosition;
	return {
		phase: 'gathering',
		settings,
		original: plan,
		plan,
		attempt,
		present: new Set(),
		spares: [],
		silences: new Map(),
		refused: new Map(away.map(device => [device, 'it is away'])),
		items: resumed?.items ?? new Map(),
		position,
		saved: position,
		steps: undefined,
		stepsPerEpoch: 1,
		waiting: new Set(),
		saving: undefined,
		checkpointDue: false,
		held: new Set(),
		failures: 0,
		ending: undefined,
		leaving: undefined,
		deadline: undefined,
		recentStepsMs: [],
	};
}
