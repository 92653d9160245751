/** Where a run stands, whatever plan brought it there: how it is taken up by another plan. */
import {FplError} from '../../../core/errors.js';
import {planDigest} from '../../../core/plan/digest.js';
import type {Job} from '../../../core/plan/job.js';
import {isDataParallel, type Plan} from '../../../core/plan/plan.js';
import {junctionStage} from '../../../core/plan/routing.js';
import {slotCount} from '../../../models/compile/optimizer.js';
import type {TrainerState} from '../../../models/engines/engine.js';
import type {NamedState} from '../../../models/junction/remap.js';
import {arrange} from '../../../models/plans/arrange.js';
import {plannedModel} from '../../../models/plans/cut.js';
import type {Progress} from '../../rounds/parts.js';
import {unpackBranches} from '../../server/branches-away.js';
import type {Checkpoint} from '../../server/checkpoints.js';
import {resumed} from '../../server/stage-progress.js';
import {StageWeights} from '../../stages/weights.js';
import type {Preparation} from '../preparation.js';

export interface Standing {
	/** Of the whole model, with the optimiser's slots; of the joined model of `branches` where there are some. */
	readonly state: TrainerState;
	/** The branches that the weights are of, and what those had that are away when they left. */
	readonly branches: readonly string[] | undefined;
	readonly branchesAway: ReadonlyMap<string, NamedState>;
	/** Updates done. */
	readonly step: number;
	/** Planned in all; undefined before the first. */
	readonly steps: number | undefined;
	readonly totalItems: number;
	/** Items that sources have drawn. Empty where the new plan divides the data in another way: then all begin with their part. */
	readonly cursors: Readonly<Record<string, number>>;
	/** Items that sources own; empty likewise. */
	readonly items: Readonly<Record<string, number>>;
	/** Whose turn it is and for how many steps still, of sources that take turns; 0 likewise: the first one begins. */
	readonly turn: number;
	readonly turnLeft: number;
}

/** The devices whose data a plan trains on, in the order in which data are dealt out. */
export const sourcesOf = ({stages}: Plan): readonly string[] => stages[0]!.replicas.map(({device}) => device);

/**
 * Whether two plans divide the data alike: which part is whose follows from the number of sources and their order, so that one
 * device can take the part of another. Data that lie on the devices cannot be taken.
 */
export const sameDivision = ({data}: Job, a: Plan, b: Plan): boolean =>
	data.partition.kind === 'local'
		? sourcesOf(a).join() === sourcesOf(b).join()
		: sourcesOf(a).length === sourcesOf(b).length;

/** What sources had, by the sources that now have their parts. */
function handedOn<T>(of: Readonly<Record<string, T>>, from: Plan, to: Plan): Readonly<Record<string, T>> {
	const heirs = sourcesOf(to);
	return Object.fromEntries(
		sourcesOf(from).flatMap((device, index) => (of[device] === undefined ? [] : [[heirs[index]!, of[device]]])),
	);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function digestOf({progress}: Checkpoint, plan: Plan): string {
	return (progress as {readonly plan?: string} | undefined)?.plan ?? planDigest(plan);
}

/**
 * @param plan the one to go on with; @param earlier those that the run had before.
 * @returns undefined where the checkpoint is of the plan itself.
 * @throws FplError `CHECKPOINT_CORRUPT`; `PLAN_INVALID` where it is of a plan that the run never had.
 */
export function standingOf(
	checkpoint: Checkpoint,
	plan: Plan,
	earlier: readonly Plan[],
	{preparation, job}: {readonly preparation: Pick<Preparation, 'model' | 'digest'>; readonly job: Job},
): Standing | undefined {
	const digest = digestOf(checkpoint, plan);
	if (digest === planDigest(plan)) {
		return undefined;
	}
	const from = earlier.find(other => planDigest(other) === digest);
	if (!from) {
		throw new FplError('PLAN_INVALID', {
			where: `plan of ${checkpoint.run}`,
			problem: 'it was changed after the run began',
			expected: `digest ${digest.slice(0, 12)}…`,
			got: `${planDigest(plan).slice(0, 12)}…`,
			fix: 'Put the plan back as it was, or begin a new run with the new one.',
		});
	}
	const found = isDataParallel(from) ? ofRounds(checkpoint) : ofStages(checkpoint, from, preparation, job);
	const {cursors, items} = found;
	return sameDivision(job, from, plan)
		? {...found, cursors: handedOn(cursors, from, plan), items: handedOn(items, from, plan)}
		: {...found, cursors: {}, items: {}, turn: 0, turnLeft: 0};
}

function ofRounds({round, state, progress}: Checkpoint): Standing {
	const {members, rounds, totalItems = 0} = progress as Progress;
	return {
		state,
		branches: undefined,
		branchesAway: new Map(),
		turn: 0,
		turnLeft: 0,
		step: round,
		steps: rounds,
		totalItems,
		cursors: Object.fromEntries(members.map(({device, cursor}) => [device, cursor])),
		items: Object.fromEntries(members.map(({device, items}) => [device, items])),
	};
}

function ofStages(
	checkpoint: Checkpoint,
	from: Plan,
	{model, digest}: Pick<Preparation, 'model' | 'digest'>,
	{training}: Job,
): Standing {
	const {executed, states, position, items} = resumed(checkpoint, from);
	const weights = new StageWeights(executed, arrange(model, executed, digest), slotCount(training.optimizer), states);
	const whole = weights.wholes().get('');
	if (!whole) {
		throw new FplError('PLAN_UNSUPPORTED', {where: from.scheme, problem: 'its devices keep weights of their own'});
	}
	const totalItems = sum(sourcesOf(from).map(device => items[device] ?? 0));
	return {
		state: whole,
		branches: junctionStage(from) === undefined ? undefined : sourcesOf(executed),
		branchesAway: unpackBranches(states, plannedModel(model, from)),
		turn: position.turn,
		turnLeft: position.turnLeft,
		step: position.step,
		steps: training.epochs * Math.max(1, Math.ceil(totalItems / training.batch)),
		totalItems,
		cursors: position.cursors,
		items,
	};
}
