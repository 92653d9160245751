/**
 * Looks for a better plan while a run goes on: when a device has left for good, another one has joined, or one computes at
 * another speed than its profile says. The run then leaves its plan where this may be, and goes on by the new one.
 */
import {asFplError} from '../../../core/errors.js';
import type {Prediction} from '../../../core/ledger/prediction.js';
import {planDigest} from '../../../core/plan/digest.js';
import {devicesOf} from '../../../core/plan/fallback.js';
import type {Job} from '../../../core/plan/job.js';
import {type Plan, synchronisationOf} from '../../../core/plan/plan.js';
import {checkPlanFor} from '../../../models/plans/check.js';
import type {FleetDevice} from '../../fleet.js';
import type {RunContext, RunObserver, TrainingRun} from '../conduct.js';
import {aboutOf, planDevices, suitable, type Wanted} from '../gather.js';
import type {PlanningOrder} from '../planning/order.js';
import {shouldReplan} from './decide.js';
import {Pace, slowed} from './pace.js';
import {sameDivision, sourcesOf} from './standing.js';

export interface ReplanTimes {
	/** A device that has been away for so long has left for good. */
	readonly graceMs: number;
	/** Others may join with a device that joins. */
	readonly settleMs: number;
	/** From one move to the next. */
	readonly leastIntervalMs: number;
}

export const replanTimes: ReplanTimes = {graceMs: 5000, settleMs: 1000, leastIntervalMs: 30_000};

/** Planning costs as well: so much lies between two looks at least. */
const betweenLooksMs = 5000;

/** The plan to go on with. */
export interface Move {
	readonly plan: Plan;
	readonly prediction: Prediction;
	readonly because: string;
	/** Part of the cost of what is left, in (0, 1]. */
	readonly gain: number;
}

/** What a run keeps in mind from one plan to the next. */
export interface Memory {
	/** How many times as long as their profiles say devices take. */
	readonly slowness: Map<string, number>;
	/** Digests of plans that could not be begun. */
	readonly refused: Set<string>;
	/** When the run moved last, in milliseconds of the clock. */
	movedAt: number;
}

export interface ReplannerOptions {
	readonly context: Pick<RunContext, 'clock' | 'log' | 'fleet' | 'planner'>;
	readonly wanted: Wanted;
	/** The plan with all its devices. */
	readonly plan: Plan;
	readonly prediction: Prediction | undefined;
	readonly active: TrainingRun;
	readonly memory: Memory;
	readonly times: ReplanTimes;
	/** What the run has taken so far. */
	readonly spent: () => {readonly time: number; readonly bytes: number; readonly energy: number};
}

/** Whether a run may leave its plan: with branches that merge, or replicas that meet now and then, there is no one state to move. */
export const isMovable = (job: Job, plan: Plan): boolean =>
	job.data.views === undefined &&
	plan.stages.every(
		stage =>
			stage.turns === 'together' &&
			synchronisationOf(plan, stage).every.kind === 'step' &&
			stage.junction.mode === 'stack',
	);

/** Sources keep their places, and with them their parts of the data; devices that are new take the places that are left. */
function inOrder(plan: Plan, order: readonly string[]): Plan {
	const [first, ...rest] = plan.stages as [Plan['stages'][number]];
	const names = sourcesOf(plan);
	if (names.length !== order.length) {
		return plan;
	}
	const strangers = names.filter(name => !order.includes(name));
	const places = order.map(name => (names.includes(name) ? name : strangers.shift()!));
	const replicas = places.map(name => first.replicas.find(({device}) => device === name)!);
	return {...plan, stages: [{...first, replicas}, ...rest]};
}

export class Replanner implements RunObserver {
	readonly #options: ReplannerOptions;
	readonly #pace: Pace | undefined;
	/** What was known of devices when the plan was made. */
	readonly #known: ReadonlyMap<string, number>;
	readonly #causes = new Map<string, string>();
	readonly #stop = new AbortController();
	#cancel: (() => void) | undefined;
	#looking = false;
	#lookedAt = Number.NEGATIVE_INFINITY;
	#move: Move | undefined;

	constructor(options: ReplannerOptions) {
		this.#options = options;
		this.#pace = options.prediction && new Pace(options.prediction);
		this.#known = new Map(options.memory.slowness);
	}

	/** Where the run is to go when it has left its plan; undefined where that has become impossible. */
	get move(): Move | undefined {
		return this.#move && this.#areHere(this.#move.plan) ? this.#move : undefined;
	}

	joined(device: string): void {
		this.#causes.delete(`left ${device}`);
		const {plan, times} = this.#options;
		if (!devicesOf(plan).includes(device)) {
			this.#want(`joined ${device}`, `${device} joined`, times.settleMs);
		}
	}

	left(device: string): void {
		this.#causes.delete(`joined ${device}`);
		const {plan, active, times} = this.#options;
		const now = active.standing.plan;
		if (devicesOf(plan).includes(device) || (now && devicesOf(now).includes(device))) {
			this.#want(`left ${device}`, `${device} left`, times.graceMs);
		}
	}

	computed(device: string, seconds: number): void {
		const {plan, active, memory, wanted} = this.#options;
		const now = active.standing.plan;
		if (!this.#pace || !now || devicesOf(now).length !== devicesOf(plan).length) {
			return;
		}
		this.#pace.report(device, seconds);
		const factor = this.#pace.slowness(device);
		if (factor === undefined) {
			return;
		}
		const slowness = (this.#known.get(device) ?? 1) * factor;
		const off = slowness / (memory.slowness.get(device) ?? 1);
		const {replanFactor} = wanted.job.planning;
		if (off > replanFactor || off < 1 / replanFactor) {
			memory.slowness.set(device, slowness);
			const text = `${device} takes ${Number(slowness.toPrecision(2))} times as long as its profile says`;
			this.#want(`pace ${device}`, text, 0);
		}
	}

	close(): void {
		this.#stop.abort();
		this.#cancel?.();
	}

	#want(key: string, because: string, ms: number): void {
		this.#causes.set(key, because);
		this.#schedule(ms);
	}

	#schedule(ms: number): void {
		const {context, memory, times} = this.#options;
		if (this.#cancel || this.#looking || this.#stop.signal.aborted) {
			return;
		}
		const now = context.clock.monotonic();
		const earliest = Math.max(this.#lookedAt + betweenLooksMs, memory.movedAt + times.leastIntervalMs);
		this.#cancel = context.clock.after(Math.max(ms, earliest - now), () => {
			this.#cancel = undefined;
			void this.#look();
		});
	}

	async #look(): Promise<void> {
		if (this.#causes.size === 0) {
			return;
		}
		const {context, wanted} = this.#options;
		const because = [...this.#causes.values()].join(', ');
		this.#causes.clear();
		this.#looking = true;
		try {
			await this.#find(because);
		} catch (error) {
			// The plan that the run has goes on.
			context.log.info(`no other plan: ${asFplError(error).message}`, {run: wanted.run});
		} finally {
			this.#looking = false;
			this.#lookedAt = context.clock.monotonic();
			if (this.#causes.size > 0) {
				this.#schedule(this.#options.times.settleMs);
			}
		}
	}

	async #find(because: string): Promise<void> {
		const {context, wanted, plan: original, active, memory} = this.#options;
		if (this.#move) {
			if (this.move) {
				if (!active.standing.plan) {
					// The end of the epoch will not come.
					active.leave({because: this.#move.because, at: 'step'});
				}
				return;
			}
			this.#move = undefined;
		}
		const present = this.#present();
		const {plan: current} = active.standing;
		const found = await context.planner.plan(this.#order(present, current), this.#stop.signal);
		const plan = inOrder(found.plan, sourcesOf(original));
		const digest = planDigest(plan);
		if (memory.refused.has(digest) || (current && digest === planDigest(current)) || this.#stop.signal.aborted) {
			return;
		}
		const {training, engine, privacy} = wanted.job;
		const {model} = wanted.preparation;
		const fleet = present.map(({profile, ...rest}) => ({...rest, profile, memoryBytes: profile.memoryBytes}));
		checkPlanFor(plan, {model, fleet, training, engine, rawData: privacy.rawData});
		const verdict = shouldReplan(found.weighing!, active.standing.done);
		context.log.info(`another plan: ${plan.scheme}`, {run: wanted.run, because, ...verdict});
		if (verdict.kind === 'move') {
			this.#move = {plan, prediction: {...found.prediction, planDigest: digest}, because, gain: verdict.gain};
			active.leave({because, at: current === undefined || sameDivision(wanted.job, original, plan) ? 'step' : 'epoch'});
		}
	}

	/** Devices that work for this run or for none, and that the job permits. */
	#present(): readonly FleetDevice[] {
		const {context, wanted} = this.#options;
		const {only} = wanted.job.devices;
		const here = context.fleet
			.list()
			.filter(({device, run}) => (run === undefined || run === wanted.run) && (only?.includes(device) ?? true));
		return suitable(wanted.job, here);
	}

	#areHere(plan: Plan): boolean {
		const here = new Set<string>(this.#present().map(({device}) => device));
		return devicesOf(plan).every(device => here.has(device));
	}

	#order(present: readonly FleetDevice[], current: Plan | undefined): PlanningOrder {
		const {wanted, plan, memory} = this.#options;
		const {preparation} = wanted;
		const devices = planDevices(present).map(device => {
			const factor = memory.slowness.get(device.device);
			return factor === undefined || !device.profile ? device : {...device, profile: slowed(device.profile, factor)};
		});
		return {
			job: this.#restOfJob(present, plan),
			model: preparation.bytes,
			devices,
			items: preparation.items,
			about: aboutOf(wanted),
			against: {current, modelBytes: preparation.bytes.byteLength},
		};
	}

	/** The job with what is left of its limits, as if all of it were still to be done; data stay with whoever owns them. */
	#restOfJob(present: readonly FleetDevice[], plan: Plan): Job {
		const {wanted, active, spent} = this.#options;
		const {job} = wanted;
		const {sources, partition} = job.data;
		const owners = sources ?? (partition.kind === 'local' ? sourcesOf(plan) : undefined);
		const here = owners?.filter(name => present.some(({device}) => device === name));
		const used = spent();
		const left = Math.max(1e-9, 1 - active.standing.done);
		const rest = (limit: number | undefined, part: number) =>
			limit === undefined ? undefined : Math.max(Number.MIN_VALUE, (limit - part) / left);
		const {subjectTo} = job.objective ?? {};
		return {
			...job,
			data: {...job.data, ...(here && here.length > 0 ? {sources: here} : {})},
			// How often replicas meet does not change.
			planning: {...job.planning, localEpochs: [0]},
			...(job.objective && subjectTo
				? {
						objective: {
							...job.objective,
							subjectTo: {
								...subjectTo,
								time: rest(subjectTo.time, used.time),
								bytes: rest(subjectTo.bytes, used.bytes),
								energy: rest(subjectTo.energy, used.energy),
							},
						},
					}
				: {}),
		};
	}
}
