/**
 * Looks for a better plan while a run goes on: when a device has left for good, another one has joined, or a device or its link is
 * slower or faster than its profile says. The run then leaves its plan where this may be, and goes on by the new one.
 */
import {asFplError, FplError} from '../../../core/errors.js';
import type {Prediction} from '../../../core/ledger/prediction.js';
import {planDigest} from '../../../core/plan/digest.js';
import {devicesOf} from '../../../core/plan/fallback.js';
import type {Job} from '../../../core/plan/job.js';
import type {Plan} from '../../../core/plan/plan.js';
import type {BodyOf} from '../../../core/wire/bodies.js';
import type {Sending} from '../../../core/wire/link/sendings.js';
import {checkPlanFor} from '../../../models/plans/check.js';
import type {Manner} from '../../../planners/manner.js';
import type {FleetDevice} from '../../fleet.js';
import type {RunContext, RunObserver, TrainingRun} from '../conduct.js';
import {aboutOf, planDevices, suitable, type Wanted} from '../gather.js';
import type {PlanningOrder} from '../planning/order.js';
import {leastGain, shouldReplan} from './decide.js';
import {asLearned} from './learned.js';
import {Learner} from './learner.js';
import type {Memory, Slowness} from './memory.js';
import {inOrder, sameWork, withBranches} from './places.js';
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

/** When the coordinator has been started again, devices may take longer to come back than one that lost its link. */
const returnGraces = 3;
/** Planning costs as well: so much lies between two looks at least. */
const betweenLooksMs = 5000;

/** The plan to go on with. */
export interface Move {
	readonly plan: Plan;
	readonly prediction: Prediction;
	readonly because: string;
	/** Part of the cost of what is left, in (0, 1]. */
	readonly gain: number;
	/** What was known of devices and links when the plan was made. */
	readonly assumed: Slowness;
}

export interface ReplannerOptions {
	readonly context: Pick<RunContext, 'clock' | 'log' | 'fleet' | 'planner'>;
	readonly wanted: Wanted;
	/** The plan with all its devices. */
	readonly plan: Plan;
	/** How it trains: the plan to go on with does so as well. */
	readonly manner: Manner;
	readonly prediction: Prediction | undefined;
	/** What the prediction takes as known of devices and links. */
	readonly assumed: Slowness;
	/** The coordinator's own transfers since it was asked last. */
	readonly sendings: () => readonly Sending[];
	/** Devices of the plan that are known to be away. */
	readonly away: readonly string[];
	readonly active: TrainingRun;
	readonly memory: Memory;
	readonly times: ReplanTimes;
	/** What the run has taken so far. */
	readonly spent: () => {readonly time: number; readonly bytes: number; readonly energy: number};
	/** For the run's report and those who follow it. */
	readonly note: (text: string) => void;
	/** Something new is known of a device or a link. */
	readonly onLearned: () => void;
}

export const mayTakePart = ({devices, planning}: Job, device: string): boolean =>
	(devices.only?.includes(device) ?? true) && !planning.exclude.includes(device);

export interface PlanObserver extends RunObserver {
	/** Where the run is to go when it has left its plan; undefined where that has become impossible. */
	readonly move: Move | undefined;
	close(): void;
}

export class Replanner implements PlanObserver {
	readonly #options: ReplannerOptions;
	readonly #learner: Learner | undefined;
	readonly #causes = new Map<string, string>();
	readonly #stop = new AbortController();
	#cancel: (() => void) | undefined;
	#looking = false;
	#lookedAt = Number.NEGATIVE_INFINITY;
	#move: {readonly move: Move; readonly devices: readonly string[]} | undefined;

	constructor(options: ReplannerOptions) {
		this.#options = options;
		const {prediction, plan, assumed, memory, sendings, wanted, context, times} = options;
		this.#learner =
			prediction &&
			new Learner({
				context,
				job: wanted.job,
				plan,
				prediction,
				assumed,
				memory,
				betweenLooksMs: times.settleMs,
				sendings,
				onNews: (name, text, recalled) => {
					if (!recalled) {
						options.onLearned();
					}
					this.#want(`pace ${name}`, text, recalled ? times.settleMs : 0);
				},
			});
	}

	get move(): Move | undefined {
		return this.#move && this.#areHere(this.#move.devices) ? this.#move.move : undefined;
	}

	/** After a restart of the coordinator devices of the plan may be away that nobody saw leave. */
	began(): void {
		const {plan, away, context, times} = this.#options;
		for (const device of devicesOf(plan)) {
			if (!context.fleet.find(device) && !away.includes(device)) {
				this.#want(`left ${device}`, `${device} is not here`, returnGraces * times.graceMs);
			}
		}
	}

	joined(device: string): void {
		this.#causes.delete(`left ${device}`);
		const {plan, times, wanted} = this.#options;
		if (!devicesOf(plan).includes(device) && mayTakePart(wanted.job, device)) {
			this.#want(`joined ${device}`, `${device} joined`, times.settleMs);
		}
	}

	freed(device: string): void {
		if (mayTakePart(this.#options.wanted.job, device)) {
			this.#want(`joined ${device}`, `${device} is free again`, this.#options.times.settleMs);
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

	reported(device: string, report: BodyOf<'roundReport'>): void {
		const {plan, manner, active} = this.#options;
		const now = active.standing.plan;
		// Without a branch nobody has more to do.
		const full = now !== undefined && (manner.kind === 'aligned' || devicesOf(now).length === devicesOf(plan).length);
		this.#learner?.reported(device, report, full);
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
		const {context} = this.#options;
		const because = [...this.#causes.values()].join(', ');
		this.#causes.clear();
		this.#looking = true;
		try {
			await this.#find(because);
		} catch (error) {
			// The plan that the run has goes on.
			if (!this.#stop.signal.aborted) {
				this.#stays(because, asFplError(error).message);
			}
		} finally {
			this.#looking = false;
			this.#lookedAt = context.clock.monotonic();
			if (this.#causes.size > 0) {
				this.#schedule(this.#options.times.settleMs);
			}
		}
	}

	/** The run keeps its plan, or waits for the devices of it. */
	#stays(because: string, why: string): void {
		const {plan, note} = this.#options;
		note(`keeps the plan «${plan.scheme}», though ${because}: ${why}`);
	}

	async #find(because: string): Promise<void> {
		const {context, wanted, plan: original, manner, active, memory} = this.#options;
		if (this.#move) {
			if (this.move) {
				if (!active.standing.plan) {
					// The end of the epoch will not come.
					active.leave({because: this.#move.move.because, at: 'step'});
				}
				return;
			}
			this.#move = undefined;
		}
		const present = this.#present();
		const assumed = new Map(memory.slowness);
		const {plan: current} = active.standing;
		const found = await context.planner.plan(this.#order(present, current), this.#stop.signal);
		if (this.#stop.signal.aborted) {
			return;
		}
		const plan =
			manner.kind === 'aligned' ? withBranches(found.plan, original) : inOrder(found.plan, sourcesOf(original));
		const digest = planDigest(plan);
		if ((current && sameWork(plan, current)) || sameWork(plan, original)) {
			this.#stays(because, 'for the devices that are here none is better');
			return;
		}
		if (memory.refused.has(digest)) {
			this.#stays(because, `«${plan.scheme}» would be better, but could not be begun before`);
			return;
		}
		const {training, engine, privacy} = wanted.job;
		const {model} = wanted.preparation;
		const away = devicesOf(plan).filter(name => present.every(({device}) => device !== name));
		const fleet = [
			...present.map(({profile, ...rest}) => ({...rest, profile, memoryBytes: profile.memoryBytes})),
			...away.map(device => ({device})),
		];
		checkPlanFor(plan, {model, fleet, training, engine, ...privacy});
		const verdict = shouldReplan(found.weighing!, active.standing.done);
		context.log.info(`another plan: ${plan.scheme}`, {run: wanted.run, because, ...verdict});
		if (verdict.kind === 'stay') {
			this.#stays(
				because,
				`for the devices that are here none costs at least ${Math.round(leastGain * 100)} % less, the move included`,
			);
			return;
		}
		const prediction = {...found.prediction, planDigest: digest};
		this.#move = {move: {plan, prediction, because, gain: verdict.gain, assumed}, devices: devicesOf(found.plan)};
		// A round of local epochs ends with an epoch: data can be divided anew after any of them.
		const anywhere = !current || manner.kind === 'means' || sameDivision(wanted.job, original, plan);
		active.leave({because, at: anywhere ? 'step' : 'epoch'});
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

	#areHere(devices: readonly string[]): boolean {
		const here = new Set<string>(this.#present().map(({device}) => device));
		return devices.every(device => here.has(device));
	}

	#order(present: readonly FleetDevice[], current: Plan | undefined): PlanningOrder {
		const {wanted, plan, manner, memory} = this.#options;
		const {preparation} = wanted;
		const job = this.#restOfJob(present, plan);
		const devices = planDevices(present, job, preparation.items).map(device => ({
			...device,
			profile: device.profile && asLearned(device.profile, device.device, memory.slowness),
		}));
		return {
			job,
			model: preparation.bytes,
			devices,
			items: preparation.items,
			about: aboutOf(wanted),
			manner,
			against: {current, modelBytes: preparation.bytes.byteLength},
		};
	}

	/** The job with what is left of its limits, as if all of it were still to be done; data stay with whoever owns them. */
	#restOfJob(present: readonly FleetDevice[], plan: Plan): Job {
		const {wanted, active, spent} = this.#options;
		const {job} = wanted;
		const {sources, partition, views} = job.data;
		const bound = partition.kind === 'local' || views !== undefined;
		const owners = sources ?? (bound ? sourcesOf(plan) : undefined);
		const here = owners?.filter(name => present.some(({device}) => device === name));
		if (here?.length === 0) {
			throw new FplError('PLAN_INFEASIBLE', {where: 'data.sources', problem: 'no device that owns data is here'});
		}
		const used = spent();
		const left = Math.max(1e-9, 1 - active.standing.done);
		const rest = (limit: number | undefined, part: number) =>
			limit === undefined ? undefined : Math.max(Number.MIN_VALUE, (limit - part) / left);
		const {subjectTo} = job.objective ?? {};
		return {
			...job,
			data: {...job.data, ...(here ? {sources: here} : {})},
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
