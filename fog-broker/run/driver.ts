/**
 * Carries out what the run's state machine decides: sends assignments, weights and rounds, sets deadlines, updates,
 * evaluates, writes checkpoints, and reports what happened back to the machine.
 */
import type {Clock} from '../../core/clock.js';
import {asFplError} from '../../core/errors.js';
import {type DeviceId, deviceId} from '../../core/ids.js';
import type {RunUpdate} from '../../core/ledger/run-update.js';
import type {BodyOf} from '../../core/wire/bodies.js';
import {peerError} from '../../core/wire/messenger.js';
import type {Acceptance, IncomingTransfer} from '../../core/wire/tensor-link.js';
import {lrScale} from '../../models/compile/schedule.js';
import type {Trainer} from '../../models/engines/engine.js';
import type {ServerAccounts} from '../server/accounts.js';
import type {CheckpointStore} from '../server/checkpoints.js';
import {ParameterServer} from '../server/parameter-server.js';
import {Dispatch, type DispatchParts} from './dispatch.js';
import {endOf, failedEnd, type RunEnd} from './end.js';
import type {Evaluator} from './evaluator.js';
import type {LedgerBook} from './ledger-book.js';
import {startRun, stepRun} from './machine.js';
import type {Outcome, RunEffect, RunEvent, RunState} from './state.js';

export interface RunParts extends DispatchParts {
	readonly clock: Clock;
	readonly trainer: Trainer;
	/** Undefined where the fog broker has no test data. */
	readonly evaluator: Evaluator | undefined;
	readonly checkpoints: CheckpointStore;
	readonly book: LedgerBook;
	readonly accounts: ServerAccounts;
	/** Seconds that earlier attempts took. */
	readonly earlierSeconds: number;
	readonly emit: (update: RunUpdate) => void;
}

const updateEveryMs = 250;

export class RunDriver {
	readonly #parts: RunParts;
	readonly #server: ParameterServer;
	readonly #dispatch: Dispatch;
	readonly #shares: ReadonlyMap<string, number>;
	readonly #started: number;
	readonly #tasks = new Set<Promise<void>>();
	#state: RunState;
	#weights: Float32Array = new Float32Array(0);
	#roundBegan = 0;
	#roundTraffic: number;
	#roundJoules = 0;
	#cancelDeadline = () => {};
	#lastCheckpoint = Number.NEGATIVE_INFINITY;
	#writing = false;
	#lastUpdate = Number.NEGATIVE_INFINITY;
	#end: (end: RunEnd) => void = () => {};
	#outcome: RunEnd = {state: 'done'};
	readonly ended: Promise<RunEnd>;

	constructor(parts: RunParts, state: RunState) {
		this.#parts = parts;
		this.#state = state;
		this.#started = parts.clock.monotonic();
		// The link carried earlier runs as well.
		this.#roundTraffic = parts.link.traffic.sent + parts.link.traffic.received;
		this.#shares = new Map(parts.plan.stages[0]!.replicas.map(({device, share}) => [device, share]));
		this.#dispatch = new Dispatch(parts);
		this.#server = new ParameterServer({
			run: parts.run,
			attempt: parts.attempt,
			exchange: parts.plan.synchronisation.exchange,
			trainer: parts.trainer,
			onDelivered: (device, round) => this.post({kind: 'delivered', device, round}),
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

	async start(present: Iterable<string>): Promise<void> {
		this.#weights = await this.#server.weights();
		const [state, effects] = startRun(this.#state);
		this.#state = state;
		this.#carryOut(effects);
		for (const device of present) {
			this.post({kind: 'present', device});
		}
	}

	/** Tells the state machine what happened. */
	post(event: RunEvent): void {
		const [state, effects] = stepRun(this.#state, event, this.#shares);
		this.#state = state;
		this.#carryOut(effects);
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
		this.#roundJoules += Object.values(body.phases).reduce((sum, {joules}) => sum + joules, 0);
		this.post({kind: 'report', device: from, round: body.round, report: {loss: body.loss, items: body.items}});
	}

	#carryOut(effects: readonly RunEffect[]): void {
		for (const effect of effects) {
			this.#do(effect);
		}
	}

	#do(effect: RunEffect): void {
		switch (effect.kind) {
			case 'assign':
				this.#spawn(`assign ${effect.device}`, () => this.#assign(deviceId(effect.device)));
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
			this.post({kind: 'refused', device, because: message, final: !retryable});
		}
	}

	/** Factor of the learning rate in this round. */
	#lrScale(round: number): number {
		return lrScale(this.#parts.job.training.schedule, round, this.#state.rounds ?? 1);
	}

	#startRound({round, work, deadlineMs}: RunEffect & {kind: 'start-round'}): void {
		this.#roundBegan = this.#parts.clock.monotonic();
		this.#server.openRound(round, work.keys());
		const order = {round, lrScale: this.#lrScale(round), deadlineMs, weights: this.#weights};
		for (const [name, part] of work) {
			this.#parts.book.asked(name);
			this.#spawn(`round ${round + 1}, ${name}`, () => this.#dispatch.startRound(deviceId(name), part, order));
		}
	}

	async #closeRound({round, contributors, milestone}: RunEffect & {kind: 'close-round'}): Promise<void> {
		const {clock, book, accounts, job} = this.#parts;
		this.#dispatch.endRound();
		await accounts.computing(() => this.#server.closeRound(this.#lrScale(round)));
		this.#weights = await this.#server.weights();
		const tookMs = clock.monotonic() - this.#roundBegan;
		const reports = [...contributors.values()];
		const items = reports.reduce((sum, report) => sum + report.items, 0);
		for (const device of contributors.keys()) {
			book.contributed(device);
		}
		const traffic = this.#parts.link.traffic;
		const bytes = traffic.sent + traffic.received;
		const before = book.rounds.at(-1);
		const record = {
			round,
			step: round + 1,
			epoch: (before?.epoch ?? 0) + items / Math.max(1, this.#state.totalItems),
			at: this.seconds,
			seconds: tookMs / 1000,
			loss: reports.reduce((sum, report) => sum + report.loss * report.items, 0) / items,
			bytes: bytes - this.#roundTraffic,
			joules: this.#roundJoules,
			devices: [...contributors.keys()],
		};
		this.#roundTraffic = bytes;
		this.#roundJoules = 0;
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
			this.#spawn('evaluation', () => this.#evaluate(round));
		}
		this.post({kind: 'updated', round, tookMs});
		if (now - this.#lastCheckpoint >= job.faults.checkpointInterval * 1000 || milestone) {
			this.#spawn('checkpoint', () => this.#checkpoint());
		}
	}

	async #evaluate(round: number): Promise<void> {
		const {evaluator, accounts, book, emit} = this.#parts;
		if (!evaluator) {
			return;
		}
		const {accuracy, loss} = await accounts.computing(() => evaluator.evaluate(this.#weights));
		book.evaluated(round, accuracy, loss);
		emit({kind: 'evaluated', round, accuracy, testLoss: loss});
		this.post({kind: 'evaluated', round, accuracy});
	}

	/** Writes a checkpoint unless one is being written: the next round will come soon enough. */
	async #checkpoint(): Promise<void> {
		if (this.#writing) {
			return;
		}
		this.#writing = true;
		this.#lastCheckpoint = this.#parts.clock.monotonic();
		try {
			// The state is read after the update of the last finished round and before that of the next one: both are
			// calls on the same trainer, which does one after the other.
			const {round} = this.#state;
			const saving = this.#server.state();
			const members = [...this.#state.members].map(([device, {items, cursor}]) => ({device, items, cursor}));
			const pages = this.#parts.book.pages(this.seconds);
			const state = await saving;
			await this.#parts.checkpoints.save({
				run: this.#parts.run,
				round,
				state,
				progress: JSON.parse(JSON.stringify({members, pages})),
			});
			this.#parts.emit({kind: 'checkpoint', round});
		} finally {
			this.#writing = false;
		}
	}

	async #windUp(outcome: Outcome): Promise<void> {
		this.#cancelDeadline();
		this.#dispatch.endRound();
		this.#server.abandonRound();
		// Updates, evaluations and checkpoints under way may finish.
		await Promise.race([Promise.allSettled([...this.#tasks]), this.#parts.clock.sleep(60_000)]);
		const last = this.#parts.book.rounds.at(-1);
		if (outcome.kind === 'done' && last?.testLoss === undefined) {
			// The target was reached while the next rounds were under way: what is kept are the weights of the last one.
			await this.#evaluate(this.#state.round - 1);
		}
		try {
			await this.#checkpoint();
		} catch (error) {
			this.#note(asFplError(error).message);
		}
		if (this.#outcome.state === 'done') {
			this.#outcome = endOf(outcome);
		}
		this.#dispatch.release(
			this.devices.map(device => deviceId(device)),
			outcome.kind,
		);
		this.post({kind: 'finished'});
	}

	#note(text: string, device?: string): void {
		const {book, emit, log} = this.#parts;
		book.note(device === undefined ? {at: this.seconds, text} : {at: this.seconds, device, text});
		emit(device === undefined ? {kind: 'note', text} : {kind: 'note', text, device});
		log.info(text, device === undefined ? {} : {device});
	}
}
