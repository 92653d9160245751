/** Learns from what devices report how fast they and their links are, and says so when that is far from what was known. */
import type {Clock} from '../../../core/clock.js';
import type {Prediction} from '../../../core/ledger/prediction.js';
import {devicesOf} from '../../../core/plan/fallback.js';
import type {Job} from '../../../core/plan/job.js';
import type {Plan} from '../../../core/plan/plan.js';
import type {DeviceProfile} from '../../../core/profile/profile.js';
import type {BodyOf} from '../../../core/wire/bodies.js';
import type {Sending} from '../../../core/wire/link/sendings.js';
import {coordinatorId} from '../../../core/wire/topics.js';
import type {Fleet} from '../../fleet.js';
import {learnedText, namesOf} from './learned.js';
import {LinkPace} from './link-pace.js';
import type {Memory, Slowness} from './memory.js';
import {isOff, leastReportsOf, Pace} from './pace.js';

export interface LearnerOptions {
	readonly context: {readonly clock: Pick<Clock, 'monotonic'>; readonly fleet: Pick<Fleet, 'find'>};
	readonly job: Job;
	/** The plan with all its devices. */
	readonly plan: Plan;
	readonly prediction: Prediction;
	/** What the prediction takes as known of devices and links. */
	readonly assumed: Slowness;
	/** What is learned goes into it. */
	readonly memory: Pick<Memory, 'slowness'>;
	/** Links are looked at no more often, all of them together. */
	readonly betweenLooksMs: number;
	/** The coordinator's own transfers since it was asked last. */
	readonly sendings: () => readonly Sending[];
	/** Something is new of a device or a link, or `recalled`: known from before, but not what the prediction takes as known. */
	readonly onNews: (name: string, text: string, recalled: boolean) => void;
}

export class Learner {
	readonly #options: LearnerOptions;
	readonly #pace: Pace;
	readonly #links: LinkPace;
	#lookedAt = Number.NEGATIVE_INFINITY;
	#round: number | undefined;
	#recalled = false;

	constructor(options: LearnerOptions) {
		this.#options = options;
		const {prediction, plan, job} = options;
		this.#pace = new Pace(prediction, plan, job.training.batch);
		const latency = (device: string) => this.#profileOf(device)?.link.latencySeconds ?? 0;
		this.#links = new LinkPace({prediction, least: leastReportsOf(plan), latency});
	}

	/** @param full whether all devices of the plan take part: who stands in for others has more to do than was predicted. */
	reported(device: string, {round, phases, sendings = []}: BodyOf<'roundReport'>, full: boolean): void {
		const own = this.#options.sendings();
		const isFirst = !this.#recalled;
		if (isFirst) {
			this.#recalled = true;
			this.#recall();
		}
		if (!full) {
			return;
		}
		if (round !== this.#round) {
			// All of the round before have reported: who looks earlier may take one's part for all that a link carries.
			this.#round = round;
			this.#lookAtLinks();
		}
		this.#pace.report(device, phases.compute.seconds);
		const slowness = this.#pace.slowness(device);
		if (slowness !== undefined) {
			this.#learn(device, slowness);
		}
		this.#links.report(device, sendings);
		// What the coordinator sent before found devices that were getting ready.
		this.#links.report(coordinatorId, isFirst ? [] : own);
	}

	#lookAtLinks(): void {
		const {context, betweenLooksMs, memory, assumed} = this.#options;
		const now = context.clock.monotonic();
		if (now - this.#lookedAt < betweenLooksMs) {
			return;
		}
		this.#lookedAt = now;
		const odd = this.#links.slowness();
		for (const [link, factor] of odd) {
			this.#learn(link, factor);
		}
		for (const [link, slowness] of memory.slowness) {
			if (!odd.has(link) && this.#links.refutes(link, slowness / (assumed.get(link) ?? 1))) {
				this.#learn(link, 1);
			}
		}
	}

	/** @param name of a device or a link; `factor`: how many times as slow as predicted it is. */
	#learn(name: string, factor: number): void {
		const {memory, assumed} = this.#options;
		const slowness = (assumed.get(name) ?? 1) * factor;
		if (this.#isNews(slowness / (memory.slowness.get(name) ?? 1))) {
			memory.slowness.set(name, slowness);
			this.#tell(name, slowness, false);
		}
	}

	/** What was learned before the coordinator was started again, and perhaps not yet acted on. */
	#recall(): void {
		const {plan, memory, assumed} = this.#options;
		for (const name of devicesOf(plan).flatMap(namesOf)) {
			const slowness = memory.slowness.get(name);
			if (slowness !== undefined && this.#isNews(slowness / (assumed.get(name) ?? 1))) {
				this.#tell(name, slowness, true);
			}
		}
	}

	#isNews(ratio: number): boolean {
		return isOff(ratio, this.#options.job.planning.replanFactor);
	}

	#tell(name: string, slowness: number, recalled: boolean): void {
		const text = learnedText(name, slowness, device => this.#profileOf(device));
		this.#options.onNews(name, text, recalled);
	}

	#profileOf(device: string): DeviceProfile | undefined {
		return this.#options.context.fleet.find(device)?.profile;
	}
}
