/**
 * Carries out what the run's state machine decides: sends assignments, weights and rounds, sets deadlines, updates,
 * evaluates, writes checkpoints, and reports what happened back to the machine.
 */
import {withDeadline} from '../../core/clock.js';
import {asFplError} from '../../core/errors.js';
import {type DeviceId, deviceId} from '../../core/ids.js';
import type {Plan} from '../../core/plan/plan.js';
import type {BodyOf} from '../../core/wire/bodies.js';
import {peerError} from '../../core/wire/messenger.js';
import type {Acceptance, IncomingTransfer} from '../../core/wire/tensor-link.js';
import {lrScale} from '../../models/compile/schedule.js';
import {endOf, failedEnd, type RunEnd} from '../run/end.js';
import {CheckpointPace} from '../server/checkpoint-pace.js';
import type {Checkpoint} from '../server/checkpoints.js';
import {ParameterServer} from '../server/parameter-server.js';
import {Dispatch} from './dispatch.js';
import {startRun, stepRun} from './machine.js';
import {progressOf, type RunParts} from './parts.js';
import {RoundMeter} from './round-meter.js';
import type {Outcome, RunEffect, RunEvent, RunState} from './state.js';
import {Upkeep} from './upkeep.js';

const updateEveryMs = 250;
/** What is under way when a run ends gets this long; a test of the last weights may take much longer, and is waited for. */
const windUpMs = 60_000;

export class RunDriver {
	readonly #parts: RunParts;
	readonly #server: ParameterServer;
	readonly #dispatch: Dispatch;
	readonly #shares: ReadonlyMap<string, number>;
	readonly #started: number;
	readonly #tasks = new Set<Promise<void>>();
	readonly #upkeep: Upkeep;
	readonly #meter: RoundMeter;
	/** Cancels what waits to be asked again. */
	readonly #pauses = new Set<() => void>();
	#state: RunState;
	#weights: Float32Array = new Float32Array(0);
	#cancelDeadline = () => {};
	#lastUpdate = Number.NEGATIVE_INFINITY;
	#end: (end: RunEnd) => void = () => {};
	#outcome: RunEnd = {state: 'done'};
	readonly ended: Promise<RunEnd>;

	constructor(parts: RunParts, state: RunState) {
		this.#parts = parts;
		this.#state = state;
		this.#started = parts.clock.monotonic();
		this.#meter = new RoundMeter(parts.clock, parts.link);
		this.#shares = new Map(parts.plan.stages[0]!.replicas.map(({device, share}) => [device, share]));
		this.#dispatch = new Dispatch(parts);
		this.#server = new ParameterServer({
			run: parts.run,
			attempt: parts.attempt,
			exchange: parts.plan.synchronisation.exchange,
			trainer: parts.trainer,
			onDelivered: (device, round) => this.post({kind: 'delivered', device, round}),
		});
		this.#upkeep = new Upkeep({
			...parts,
			pace: new CheckpointPace(parts.clock, parts.job.faults.checkpointInterval * 1000),
			note: text => this.#note(text),
			onEvaluated: (round, {accuracy, loss}) => {
				parts.book.evaluated(round, accuracy, loss);
				parts.emit({kind: 'evaluated', round, accuracy, testLoss: loss});
				this.post({kind: 'evaluated', round, accuracy});
			},
		});
		this.ended = new Promise(resolve => {
			this.#end = resolve;
		});
	}

	/** Seconds since the run began, earlier attempts included. */
	get seconds(): number {
		return this.#parts.earlierSeconds + (this.#parts.clock.monotonic() - this.#started) / 1000;
	}

	get devices(): readonly string[] {
		return [...this.#shares.keys()];
	}

	/** Where the run stands, and the plan with those of its devices that are here; undefined: too few are. */
	get standing(): {readonly plan: Plan | undefined; readonly done: number} {
		const {members, round, rounds, settings} = this.#state;
		const [stage] = this.#parts.plan.stages as [Plan['stages'][number]];
		const replicas = stage.replicas.filter(({device}) => members.get(device)?.state !== 'absent');
		const plan = replicas.length < settings.minimum ? undefined : {...this.#parts.plan, stages: [{...stage, replicas}]};
		return {plan, done: rounds === undefined ? 0 : round / rounds};
	}

	async start(present: Iterable<string>): Promise<void> {
		this.#weights = await this.#server.weights();
		this.#goOn(startRun(this.#state));
		for (const device of present) {
			this.post({kind: 'present', device});
		}
	}

	/** Tells the state machine what happened. */
	post(event: RunEvent): void {
		this.#goOn(stepRun(this.#state, event, this.#shares));
	}

	/** A contribution announces itself. */
	accept(transfer: IncomingTransfer): Acceptance {
		return this.#server.accept(transfer);
	}

	ready({run, attempt, items}: BodyOf<'ready'>, from: DeviceId): void {
		if (run === this.#parts.run && attempt === this.#parts.attempt) {
			this.post({kind: 'ready', device: from, items});
		}
	}

	failed(body: BodyOf<'failed'>, from: DeviceId): void {
		if (body.run === this.#parts.run && body.attempt === this.#parts.attempt) {
			const {message, retryable} = peerError(from, body);
			this.post({kind: 'refused', device: from, because: message, final: !retryable});
		}
	}

	report(body: BodyOf<'roundReport'>, from: DeviceId): void {
		if (body.run !== this.#parts.run || body.attempt !== this.#parts.attempt) {
			return;
		}
		this.#parts.book.spent(from, body);
		if (body.meterNote !== '') {
			this.#note(body.meterNote, from);
		}
		this.#meter.spent(body.phases);
		this.post({kind: 'report', device: from, round: body.round, report: {loss: body.loss, items: body.items}});
	}

	#goOn([state, effects]: readonly [RunState, readonly RunEffect[]]): void {
		this.#state = state;
		for (const effect of effects) {
			this.#do(effect);
		}
	}

	#do(effect: RunEffect): void {
		switch (effect.kind) {
			case 'assign':
				this.#spawn(`assign ${effect.device}`, () => this.#assign(deviceId(effect.device)));
				return;
			case 'ask-again':
				this.#askAgain(effect.device, effect.ms);
				return;
			case 'start-round':
				this.#startRound(effect);
				return;
			case 'close-round':
				this.#spawn(`round ${effect.round}`, () => this.#closeRound(effect), true);
				return;
			case 'abandon-round':
				this.#dispatch.endRound();
				this.#server.abandonRound();
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
				this.#spawn('wind-up', () => this.#windUp(effect.outcome));
				return;
			case 'end':
				this.#cancelDeadline();
				this.#end(this.#outcome);
				return;
			default:
				effect satisfies never;
		}
	}

	/** Runs a task of its own; what it throws becomes a note, or ends the run when it was vital. */
	#spawn(what: string, task: () => Promise<void>, vital = false): void {
		const promise = task()
			.catch((error: unknown) => {
				const failure = asFplError(error);
				this.#parts.log.error(`${what}: ${failure.message}`, {code: failure.code});
				if (vital) {
					this.#outcome = failedEnd(failure);
					this.post({kind: 'stop', because: failure.message});
				} else {
					this.#note(`${what}: ${failure.message}`);
				}
			})
			.finally(() => this.#tasks.delete(promise));
		this.#tasks.add(promise);
	}

	async #assign(device: DeviceId): Promise<void> {
		try {
			await this.#dispatch.assign(device);
		} catch (error) {
			const {message, retryable} = asFplError(error);
			const state = this.#state.members.get(device)?.state;
			// A device that is ready all the same, from a model it had kept, has only refused what it did not need.
			if (state === 'staging' || state === 'late') {
				this.post({kind: 'refused', device, because: message, final: !retryable});
			}
		}
	}

	#askAgain(device: string, ms: number): void {
		const cancel = this.#parts.clock.after(ms, () => {
			this.#pauses.delete(cancel);
			// One that is not here is asked when it joins.
			if (this.#parts.isHere(device)) {
				this.post({kind: 'present', device});
			}
		});
		this.#pauses.add(cancel);
	}

	/** Factor of the learning rate in this round. */
	#lrScale(round: number): number {
		return lrScale(this.#parts.job.training.schedule, round, this.#state.rounds ?? 1);
	}

	#startRound({round, work, deadlineMs}: RunEffect & {kind: 'start-round'}): void {
		this.#meter.begin();
		this.#server.openRound(round, work.keys());
		const order = {round, lrScale: this.#lrScale(round), deadlineMs, weights: this.#weights};
		for (const [name, part] of work) {
			this.#parts.book.asked(name);
			this.#spawn(`round ${round + 1}, ${name}`, async () => {
				const lost = await this.#dispatch.startRound(deviceId(name), part, order);
				if (lost !== undefined) {
					this.post({kind: 'refused', device: name, because: lost, final: false});
				}
			});
		}
	}

	async #closeRound({round, contributors, milestone}: RunEffect & {kind: 'close-round'}): Promise<void> {
		const {clock, book, accounts, job} = this.#parts;
		this.#dispatch.endRound();
		this.#weights = await accounts.computing(() => this.#server.closeRound(this.#lrScale(round)));
		for (const device of contributors.keys()) {
			book.contributed(device);
		}
		const record = this.#meter.end(round, contributors, {
			at: this.seconds,
			epoch: book.rounds.at(-1)?.epoch ?? 0,
			totalItems: this.#state.totalItems,
		});
		book.addRound(record);
		const now = clock.monotonic();
		if (milestone || now - this.#lastUpdate >= updateEveryMs) {
			this.#lastUpdate = now;
			this.#parts.emit({
				kind: 'round',
				record,
				rounds: this.#state.rounds ?? 0,
				epochs: job.training.epochs,
				devices: book.progress(),
			});
		}
		if (milestone) {
			this.#upkeep.evaluate(round, this.#weights);
		}
		this.post({kind: 'updated', round, tookMs: record.seconds * 1000});
		if (milestone || this.#upkeep.due) {
			this.#upkeep.checkpoint(this.#state.round, () => this.#readCheckpoint());
		}
	}

	/**
	 * The state is read after the update of the last finished round and before that of the next one: both are calls on the
	 * same trainer, which does one after the other.
	 */
	async #readCheckpoint(): Promise<Checkpoint> {
		const saving = this.#server.state();
		const {run, plan, book} = this.#parts;
		const progress = progressOf(this.#state, plan, book.pages(this.seconds));
		return {run, round: this.#state.round, state: await saving, progress};
	}

	async #windUp(outcome: Outcome): Promise<void> {
		this.#cancelDeadline();
		this.#dispatch.endRound();
		this.#server.abandonRound();
		this.#dispatch.close();
		for (const cancel of this.#pauses) {
			cancel();
		}
		if (outcome.kind !== 'done' && outcome.kind !== 'moved') {
			this.#upkeep.stopEvaluating();
		}
		const tasks = Promise.allSettled([...this.#tasks]);
		await withDeadline(this.#parts.clock, windUpMs, 'what is under way', tasks).catch(() => {});
		if (outcome.kind === 'done') {
			// The last test may have been of earlier weights, and the target reached while the next rounds were under way.
			await this.#upkeep.settled();
			if (this.#parts.book.rounds.at(-1)?.testLoss === undefined) {
				this.#upkeep.evaluate(this.#state.round - 1, this.#weights);
			}
		}
		await this.#upkeep.settled();
		await this.#upkeep.finish(this.#state.round, () => this.#readCheckpoint());
		if (this.#outcome.state === 'done') {
			this.#outcome = endOf(outcome);
		}
		if (outcome.kind !== 'moved') {
			this.#dispatch.release(
				this.devices.map(device => deviceId(device)),
				outcome.kind,
			);
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
