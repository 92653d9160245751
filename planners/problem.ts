/** What a planner is asked, and what it answers. Pure data: planners know no sockets, no files and no clock of their own. */
import type {CodecSpec} from '../core/codec/spec.js';
import type {TrainingCosts} from '../core/cost/episode.js';
import type {Evaluation} from '../core/cost/evaluate.js';
import type {CostFleet} from '../core/cost/fleet.js';
import type {ModelCosts} from '../core/cost/model-costs.js';
import type {ErrorFacts} from '../core/errors.js';
import type {Plan, Stage} from '../core/plan/plan.js';

export const measures = ['time', 'bytes', 'energy', 'money'] as const;
export type Measure = (typeof measures)[number];

/** seconds, bytes, joules, dollars of a whole run. */
export type Amounts = Readonly<Record<Measure, number>>;

export type Objective =
	| {readonly kind: 'one'; readonly measure: Measure}
	/** Σ weight · amount: a weight says what a second, a byte, a joule, a dollar is worth in common units. */
	| {readonly kind: 'weighted'; readonly weights: Readonly<Partial<Record<Measure, number>>>};

export interface Constraints {
	/** The most that a run may take of each. */
	readonly most: Readonly<Partial<Record<Measure, number>>>;
	/** Devices that may not take part. */
	readonly exclude: ReadonlySet<string>;
	/** Units that only this device may compute. */
	readonly pinned: ReadonlyArray<{readonly device: string; readonly first: number; readonly last: number}>;
	/** Replicas that every stage which is not the sources' own must have at least, so that one may fail; no more than `mostReplicas`. */
	readonly minimumReplicas: number;
}

/** Where the data are, which says who computes the first stage. */
export type DataPlacement =
	/**
	 * Each of these owns samples, all of them take part. `stays`: only what has gone through trained units leaves them. Labels
	 * that `stay` leave them never: whoever computes the first stage computes the last one as well. Default: they travel.
	 */
	| {
			readonly kind: 'sources';
			readonly devices: readonly string[];
			readonly rawData: 'stays' | 'may-move';
			readonly labels?: 'stay' | 'travel';
	  }
	/** They see the same items; their branches are merged by a junction. `cut`: the branches' last unit; undefined: any. */
	| {
			readonly kind: 'aligned';
			readonly devices: readonly string[];
			readonly junction: JunctionKind;
			readonly cut?: number | undefined;
	  }
	/** The data are dealt out to whoever computes the first stage. */
	| {readonly kind: 'dealt'; readonly rawData: 'stays' | 'may-move'};

export type JunctionKind = Extract<Stage['junction'], {mode: 'aligned'}>['kind'];

/** Which plans are looked at besides stages, cuts, devices and shares. */
export interface Space {
	/** None larger than a batch. */
	readonly microBatches: readonly number[];
	readonly schedules: readonly Plan['pipeline']['schedule'][];
	/** One of them for all links between stages. */
	readonly codecs: readonly CodecSpec[];
	/** Passes over the data between two means of the weights of the whole model; 0: gradients at every step. */
	readonly localEpochs: readonly number[];
	readonly mostStages: number;
	/** Devices that may share a stage. */
	readonly mostReplicas: number;
}

export interface Problem {
	readonly costs: ModelCosts;
	readonly fleet: CostFleet;
	readonly training: TrainingCosts;
	readonly data: DataPlacement;
	readonly objective: Objective;
	readonly constraints: Constraints;
	readonly space: Space;
}

/** A plan with what it costs. */
export interface Costed {
	readonly plan: Plan;
	readonly evaluation: Evaluation;
	/** Of the objective; less is better. */
	readonly value: number;
}

/** How far a constraint is from being met by the plan that comes nearest. */
export interface Shortfall {
	/** In words: «time», «memory of cam-1», «battery of cam-1». */
	readonly constraint: string;
	readonly needed: number;
	readonly available: number;
	readonly unit: 's' | 'B' | 'J' | 'USD';
}

export interface SearchFigures {
	/** No plan of the space is better than this. */
	readonly bound: number;
	/** (value − bound) / value in [0, 1]; 0 where the whole space was searched. */
	readonly gap: number;
	readonly exact: boolean;
	/** Plans that were evaluated. */
	readonly evaluated: number;
}

/** A plan that keeps to the constraints, what else there is, and how good it is. */
export interface Findings {
	readonly best: Costed;
	/** Other plans worth knowing, the best first. */
	readonly alternatives: readonly Costed[];
	readonly figures: SearchFigures;
}

export type Outcome =
	| ({readonly kind: 'planned'} & Findings)
	| {
			readonly kind: 'infeasible';
			/** What cannot be met, the worst first; never empty. */
			readonly shortfalls: readonly Shortfall[];
			/** Whether no plan of the space can meet them; else none was found. */
			readonly proven: boolean;
			/** The plan that comes nearest. */
			readonly nearest: Costed;
	  }
	/** There is no plan in the space at all, whatever it costs. */
	| {readonly kind: 'none'; readonly obstacle: ErrorFacts}
	| {
			readonly kind: 'interrupted';
			/** Of the plans looked at until then; absent where none keeps to the constraints. */
			readonly best?: Costed;
			readonly figures: SearchFigures;
	  };

/** How long a search may go on. */
export interface Budget {
	/** Whether to stop now; asked every so often. */
	readonly expired: () => boolean;
	/** Whether somebody wants it to end without an answer of its own. */
	readonly interrupted: () => boolean;
	/** Most plans evaluated while searching exactly; beyond that the rest is left to bounds. */
	readonly exactPlans: number;
	/**
	 * How much a space that is too large to search whole is looked at; absent: as its size suggests.
	 * brief: one of many searches; thorough: until the budget has expired.
	 */
	readonly effort?: 'brief' | 'thorough';
}
