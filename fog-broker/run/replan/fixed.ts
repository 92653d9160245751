/**
 * A run whose plan somebody chose keeps it. What another run would be planned anew for is said once, for those who wonder why this one
 * is not.
 */
import type {Prediction} from '../../../core/ledger/prediction.js';
import {planDigest} from '../../../core/plan/digest.js';
import {devicesOf} from '../../../core/plan/fallback.js';
import type {BodyOf} from '../../../core/wire/bodies.js';
import {Learner} from './learner.js';
import {mayTakePart, type PlanObserver, type ReplannerOptions} from './replanner.js';

export interface FixedOptions
	extends Pick<
		ReplannerOptions,
		'context' | 'wanted' | 'plan' | 'prediction' | 'sendings' | 'active' | 'memory' | 'times' | 'note' | 'onLearned'
	> {
	/** What the plan costs, where that is found out while the run goes on. */
	readonly predicted: Promise<Prediction | undefined> | undefined;
}

export class FixedPlan implements PlanObserver {
	readonly move = undefined;
	readonly #options: FixedOptions;
	#learner: Learner | undefined;
	/** By device that is away. */
	readonly #graces = new Map<string, () => void>();
	#isTold = false;

	constructor(options: FixedOptions) {
		this.#options = options;
		this.#predicted(options.prediction);
		// Where there is none, devices and links are held against nothing.
		options.predicted?.then(prediction => this.#predicted(prediction)).catch(() => {});
	}

	#predicted(prediction: Prediction | undefined): void {
		if (prediction?.planDigest !== planDigest(this.#options.plan)) {
			return;
		}
		const {context, wanted, plan, memory, times, sendings, onLearned} = this.#options;
		this.#learner = new Learner({
			context,
			job: wanted.job,
			plan,
			prediction,
			assumed: new Map(),
			memory,
			betweenLooksMs: times.settleMs,
			sendings,
			onNews: (_, text, recalled) => {
				if (!recalled) {
					onLearned();
				}
				this.#tell(text);
			},
		});
	}

	began(): void {}

	joined(device: string): void {
		this.#graces.get(device)?.();
		this.#graces.delete(device);
		const {wanted, plan} = this.#options;
		if (!devicesOf(plan).includes(device) && mayTakePart(wanted.job, device)) {
			this.#tell(`${device} joined`);
		}
	}

	freed(device: string): void {
		if (mayTakePart(this.#options.wanted.job, device)) {
			this.#tell(`${device} is free again`);
		}
	}

	left(device: string): void {
		const {plan, context, times} = this.#options;
		if (devicesOf(plan).includes(device)) {
			this.#graces.get(device)?.();
			this.#graces.set(
				device,
				context.clock.after(times.graceMs, () => this.#tell(`${device} left`)),
			);
		}
	}

	reported(device: string, report: BodyOf<'roundReport'>): void {
		const {plan, active} = this.#options;
		const now = active.standing.plan;
		this.#learner?.reported(device, report, now !== undefined && devicesOf(now).length === devicesOf(plan).length);
	}

	close(): void {
		for (const cancel of this.#graces.values()) {
			cancel();
		}
	}

	#tell(because: string): void {
		if (!this.#isTold) {
			this.#isTold = true;
			this.#options.note(
				`keeps its plan, though ${because}: somebody chose it. With «scheme: auto» the planner chooses, and plans anew.`,
			);
		}
	}
}
