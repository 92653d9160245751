/**
 * Carries out what the state machine of a run with stages decides: sends orders and weights, takes means, sets deadlines,
 * evaluates and keeps checkpoints, and reports what happened back to the machine.
 */
import {asFplError} from '../../core/errors.js';
import type {DeviceId} from '../../core/ids.js';
import {devicesOf} from '../../core/plan/fallback.js';
import {stepReportSchema} from '../../core/plan/orders.js';
import type {Plan} from '../../core/plan/plan.js';
import {activeIn, isBranched} from '../../core/plan/routing.js';
import type {BodyOf} from '../../core/wire/bodies.js';
import {peerError} from '../../core/wire/messenger.js';
import type {Acceptance, IncomingTransfer} from '../../core/wire/tensor-link.js';
import {lrScale} from '../../models/compile/schedule.js';
import {arrange} from '../../models/plans/arrange.js';
import {branchesOf, plannedModel} from '../../models/plans/cut.js';
import {endOf, type RunEnd} from '../run/end.js';
import {CheckpointPace} from '../server/checkpoint-pace.js';
import {updatesOf} from './commit.js';
import {Exchange} from './exchange.js';
import {finish} from './flow.js';
import {Keeper} from './keeper.js';
import {startStages, stepStages} from './machine.js';
import {Outbox} from './outbox.js';
import type {StageParts} from './parts.js';
import {Recorder, roleOf, type StepUnderWay} from './recorder.js';
import type {Outcome, Position, StageEffect, StageEvent, StageState, Transition} from './state.js';
import {Transfers} from './transfers.js';

export class StageDriver {
	readonly #parts: StageParts;
	readonly #outbox: Outbox;
	readonly #exchange: Exchange;
	readonly #started: number;
	readonly #keeper: Keeper;
	#state: StageState;
	#step: StepUnderWay = {began: 0, reports: new Map(), means: new Map()};
	readonly #transfers: Transfers;
	#orderMs = 60_000;
	#cancelDeadline = () => {};
	readonly #recorder: Recorder;
	#assigning: Promise<void> = Promise.resolve();
	/** Devices of the attempt under way. */
	#assigned: ReadonlySet<string> = new Set();
	#end: (end: RunEnd) => void = () => {};
	#outcome: RunEnd = {state: 'done'};
	readonly ended: Promise<RunEnd>;

	constructor(parts: StageParts, state: StageState) {
		this.#parts = parts;
		this.#state = state;
		this.#started = parts.clock.monotonic();
		this.#recorder = new Recorder({
			link: parts.link,
			book: parts.book,
			epochs: parts.job.training.epochs,
			emit: parts.emit,
		});
		this.#outbox = new Outbox(
			{
				...parts,
				onTrouble: (device, {message}) => this.post({kind: 'refused', device, because: message, final: false}),
				onForgotten: device => this.post({kind: 'held', device, steps: undefined}),
			},
			state.attempt,
		);
		this.#keeper = new Keeper({
			...parts,
			pace: new CheckpointPace(parts.clock, parts.job.faults.checkpointInterval * 1000),
			note: text => this.#note(text),
			onEvaluated: (step, accuracy) => this.post({kind: 'evaluated', step, accuracy}),
			onCheckpointDue: () => this.post({kind: 'checkpoint-due'}),
		});
		this.#exchange = new Exchange(parts.run, state.attempt);
		this.#transfers = new Transfers({
			run: parts.run,
			outbox: this.#outbox,
			exchange: this.#exchange,
			weights: parts.weights,
			onArrived: key => this.post({kind: 'arrived', key}),
		});
		this.ended = new Promise(resolve => {
			this.#end = resolve;
		});
	}

	/** Seconds since the run began, earlier attempts included. */
	get seconds(): number {
		return this.#parts.earlierSeconds + (this.#parts.clock.monotonic() - this.#started) / 1000;
	}

	/** All devices of the plan that the run began with. */
	get devices(): readonly string[] {
		return devicesOf(this.#state.original);
	}

	/** Where the run stands, and the plan as it is executed now; undefined: it waits for devices. */
	get standing(): {readonly plan: Plan | undefined; readonly done: number} {
		const {phase, plan, position, steps} = this.#state;
		const waits = phase === 'gathering' || phase === 'pausing';
		return {plan: waits ? undefined : plan, done: steps === undefined ? 0 : position.step / steps};
	}

	roleOf(device: string): string {
		return roleOf(this.#state.plan, device);
	}

	async results() {
		const model = plannedModel(this.#parts.base, this.#parts.weights.plan);
		const wholes = this.#keeper.results(this.#state.original);
		return new Map([...wholes].map(([device, state]) => [device, {model, state}]));
	}

	async start(present: Iterable<string>): Promise<void> {
		this.#enter(startStages(this.#state));
		for (const device of present) {
			this.post({kind: 'present', device});
		}
	}

	/** Tells the state machine what happened. What cannot be carried out ends the run, not the coordinator. */
	post(event: StageEvent): void {
		try {
			this.#enter(stepStages(this.#state, event));
		} catch (error) {
			const {code, facts, message} = asFplError(error);
			this.#parts.log.error(message, {code});
			this.#enter(finish(this.#state, {kind: 'failed', code, facts}));
		}
	}

	#enter([state, effects]: Transition): void {
		this.#state = state;
		this.#carryOut(effects);
	}

	accept(transfer: IncomingTransfer): Acceptance {
		return this.#exchange.accept(transfer);
	}

	ready(body: BodyOf<'ready'>, from: DeviceId): void {
		if (this.#isNow(body)) {
			this.post({kind: 'ready', device: from, items: body.items});
		}
	}

	failed(body: BodyOf<'failed'>, from: DeviceId): void {
		if (this.#isNow(body)) {
			const {message, retryable} = peerError(from, body);
			this.post({kind: 'refused', device: from, because: message, final: !retryable});
		}
	}

	held(body: BodyOf<'held'>, from: DeviceId): void {
		if (this.#isNow(body)) {
			this.post({kind: 'held', device: from, steps: body.steps});
		}
	}

	report(body: BodyOf<'roundReport'>, from: DeviceId): void {
		if (!this.#isNow(body)) {
			return;
		}
		const {book, clock} = this.#parts;
		book.spent(from, body);
		if (body.meterNote !== '') {
			this.#note(body.meterNote, from);
		}
		if (body.round !== this.#state.position.step || this.#step.reports.has(from)) {
			return;
		}
		const report = stepReportSchema.parse(JSON.parse(body.parts));
		this.#step.reports.set(from, {body, report});
		book.encoded(from, body.attempt, report.codecs);
		if (!Number.isFinite(body.loss)) {
			this.post({kind: 'diverged', device: from, loss: body.loss});
			return;
		}
		this.post({kind: 'arrived', key: `report:${from}`, tookMs: clock.monotonic() - this.#step.began});
	}

	#isNow({run, attempt}: {readonly run: string; readonly attempt: number}): boolean {
		return run === this.#parts.run && attempt === this.#state.attempt;
	}

	#carryOut(effects: readonly StageEffect[]): void {
		for (const effect of effects) {
			this.#do(effect);
		}
		this.#outbox.flush(this.#orderMs);
	}

	#do(effect: StageEffect): void {
		switch (effect.kind) {
			case 'attempt':
				this.#beginAttempt(effect.attempt, effect.plan, effect.position);
				return;
			case 'assign':
				void this.#assign(effect.device);
				return;
			case 'begin-step':
				this.#beginStep(effect.position, effect.deadlineMs);
				return;
			case 'commit':
				this.#commit(effect.position);
				return;
			case 'average':
				this.#transfers.average(this.#state.plan, effect.key, effect.parts, effect.step);
				return;
			case 'fetch':
				this.#transfers.fetch(this.#state.plan, effect.part, effect.step);
				return;
			case 'load':
				this.#transfers.load(this.#state.plan, this.#state.attempt, effect.parts);
				return;
			case 'checkpoint':
				this.#keeper.pace.begin();
				return;
			case 'save':
				this.#keeper.save(this.#state, effect.position, effect.milestone);
				return;
			case 'hold':
				this.#keeper.pace.interrupt();
				// Orders come before it: who is held has carried them out.
				this.#outbox.flush(this.#orderMs);
				this.#outbox.hold(effect.device);
				return;
			case 'set-deadline':
				this.#cancelDeadline();
				this.#cancelDeadline = this.#parts.clock.after(effect.ms, () =>
					this.post({kind: 'deadline', name: effect.name}),
				);
				return;
			case 'note':
				this.#note(effect.text, effect.device);
				return;
			case 'wind-up':
				void this.#windUp(effect.outcome);
				return;
			case 'end':
				this.#cancelDeadline();
				this.#end(this.#outcome);
				return;
			default:
				effect satisfies never;
		}
	}

	#beginAttempt(attempt: number, plan: Plan, {step}: Position): void {
		const {weights, base, model, book, enrol, onAttempt} = this.#parts;
		const {present, original} = this.#state;
		const dropped = [...this.#assigned].filter(device => present.has(device) && !devicesOf(plan).includes(device));
		this.#assigned = new Set(devicesOf(plan));
		// Steps that are repeated are in the curve once.
		book.backTo(step);
		this.#outbox.begin(attempt);
		this.#outbox.drop(dropped);
		this.#exchange.begin(attempt);
		this.#step = {began: 0, reports: new Map(), means: new Map()};
		this.#transfers.begin();
		if (isBranched(plan, 0) && !branchesOf(weights.plan).some(branch => branchesOf(plan).includes(branch))) {
			// One branch takes the place of another: they meet in the plan of all.
			weights.change(original, arrange(base, original, model.digest));
		}
		weights.change(plan, arrange(base, plan, model.digest));
		for (const device of devicesOf(plan)) {
			enrol(device, roleOf(plan, device));
		}
		// An attempt that is not written down could be taken for a later one after a restart.
		this.#assigning = onAttempt(attempt).catch((error: unknown) =>
			this.#note(`the attempt could not be written down: ${asFplError(error).message}`),
		);
	}

	async #assign(device: string): Promise<void> {
		const {attempt, plan, position} = this.#state;
		await this.#assigning;
		try {
			await this.#outbox.assign(device, plan, position.step);
		} catch (error) {
			const {message, retryable, code} = asFplError(error);
			if (code !== 'INTERRUPTED' && attempt === this.#state.attempt) {
				this.post({kind: 'refused', device, because: message, final: !retryable});
			}
		}
	}

	#beginStep({step, turn, cursors}: Position, deadlineMs: number): void {
		const {clock, job, book} = this.#parts;
		const {plan} = this.#state;
		this.#orderMs = deadlineMs;
		this.#keeper.begin();
		const means = this.#transfers.expectGradients(plan);
		const active = activeIn(plan, turn);
		this.#step = {began: clock.monotonic(), reports: new Map(), means};
		const order = {
			step,
			turn,
			batch: job.training.batch,
			cursors: plan.stages[0]!.replicas.map(({device}) => cursors[device] ?? 0),
		};
		const working = plan.stages.flatMap(({replicas}, stage) => active[stage]!.map(index => replicas[index]!.device));
		for (const device of new Set(working)) {
			book.asked(device);
			this.#outbox.order(device).step = order;
		}
	}

	/** Everybody has computed the step: weights change everywhere, by the mean where replicas share them. */
	#commit({step, turn}: Position): void {
		const {job, weights, clock} = this.#parts;
		const {plan, steps} = this.#state;
		const {reports, means, began} = this.#step;
		const scale = lrScale(job.training.schedule, step, steps ?? 1);
		// Whoever has no part in this step counts it all the same.
		for (const device of devicesOf(plan)) {
			this.#outbox.order(device).commit = {step, lrScale: scale, parts: []};
		}
		const updates = updatesOf({
			plan,
			turn,
			reports: [...reports.values()].map(({report}) => report),
			means,
			lengths: key => weights.lengths(key),
			clipNorm: job.training.clipNorm,
		});
		for (const update of updates) {
			this.#transfers.update(update, step);
		}
		this.#recorder.record(this.#state, step, reports, {began, now: clock.monotonic(), at: this.seconds});
	}

	async #windUp(outcome: Outcome): Promise<void> {
		this.#cancelDeadline();
		await this.#keeper.settle();
		this.#outcome = endOf(outcome);
		if (outcome.kind !== 'moved') {
			this.#outbox.release([...new Set([...this.devices, ...devicesOf(this.#state.plan)])], outcome.kind);
		}
		this.post({kind: 'finished'});
	}

	#note(text: string, device?: string): void {
		const {book, emit, log} = this.#parts;
		book.note(device === undefined ? {at: this.seconds, text} : {at: this.seconds, device, text});
		emit(device === undefined ? {kind: 'note', text} : {kind: 'note', text, device});
		log.info(text, device === undefined ? {} : {device});
	}
}
