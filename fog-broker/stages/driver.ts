/**
 * Carries out what the state machine of a run with stages decides: sends orders and weights, takes means, sets deadlines,
 * evaluates and keeps checkpoints, and reports what happened back to the machine.
 */
import type {Clock} from '../../core/clock.js';
import {asFplError} from '../../core/errors.js';
import type {DeviceId} from '../../core/ids.js';
import type {RunUpdate} from '../../core/ledger/run-update.js';
import {devicesOf} from '../../core/plan/fallback.js';
import {groupsOf} from '../../core/plan/groups.js';
import {gradientKey, type StepReport, stepReportSchema} from '../../core/plan/orders.js';
import type {Plan} from '../../core/plan/plan.js';
import {activeIn} from '../../core/plan/routing.js';
import type {BodyOf} from '../../core/wire/bodies.js';
import {peerError} from '../../core/wire/messenger.js';
import type {Acceptance, IncomingTransfer} from '../../core/wire/tensor-link.js';
import {lrScale} from '../../models/compile/schedule.js';
import type {Model} from '../../models/graph.js';
import {arrange, plannedModel} from '../../models/plans/arrange.js';
import {encodeState} from '../../models/plans/state.js';
import type {ActiveRun} from '../run/conduct.js';
import {endOf, failedEnd, type RunEnd} from '../run/end.js';
import type {LedgerBook} from '../run/ledger-book.js';
import type {ServerAccounts} from '../server/accounts.js';
import type {MeanAggregator} from '../server/aggregator.js';
import {itemsPerEpoch} from './calendar.js';
import {Exchange} from './exchange.js';
import {averageKey, stateKey} from './flow.js';
import {startStages, stepStages} from './machine.js';
import {Outbox, type OutboxOptions} from './outbox.js';
import type {GroupPart, Outcome, Position, StageEffect, StageEvent, StageState} from './state.js';
import type {GroupStates, StageWeights} from './weights.js';

export interface StageParts extends Omit<OutboxOptions, 'onTrouble'> {
	readonly clock: Clock;
	readonly base: Model;
	readonly weights: StageWeights;
	readonly book: LedgerBook;
	readonly accounts: ServerAccounts;
	/** Seconds that earlier attempts took. */
	readonly earlierSeconds: number;
	readonly emit: (update: RunUpdate) => void;
	/** Writes down that this attempt has begun. */
	readonly onAttempt: (attempt: number) => Promise<void>;
	/** Loss and accuracy of the weights, in [0, 1]; undefined where there are no test data. */
	readonly evaluate: (
		plan: Plan,
		wholes: ReturnType<StageWeights['wholes']>,
	) => Promise<{readonly accuracy: number | undefined; readonly loss: number} | undefined>;
	readonly checkpoint: (state: StageState, position: Position, states: GroupStates) => Promise<void>;
}

const updateEveryMs = 250;

/** What the devices have told of the step under way. */
interface StepUnderWay {
	readonly began: number;
	readonly reports: Map<string, {readonly body: BodyOf<'roundReport'>; readonly report: StepReport}>;
	readonly means: Map<string, MeanAggregator>;
}

export class StageDriver implements ActiveRun {
	readonly #parts: StageParts;
	readonly #outbox: Outbox;
	readonly #exchange: Exchange;
	readonly #started: number;
	readonly #tasks = new Set<Promise<void>>();
	#state: StageState;
	#step: StepUnderWay = {began: 0, reports: new Map(), means: new Map()};
	/** By part: items since its weights were last averaged. */
	readonly #sinceMean = new Map<string, number>();
	#orderMs = 60_000;
	#cancelDeadline = () => {};
	#cancelCheckpoint = () => {};
	#lastUpdate = Number.NEGATIVE_INFINITY;
	#serverTraffic: number;
	#assigning: Promise<void> = Promise.resolve();
	#end: (end: RunEnd) => void = () => {};
	#outcome: RunEnd = {state: 'done'};
	readonly ended: Promise<RunEnd>;

	constructor(parts: StageParts, state: StageState) {
		this.#parts = parts;
		this.#state = state;
		this.#started = parts.clock.monotonic();
		this.#serverTraffic = parts.link.traffic.sent;
		this.#outbox = new Outbox(
			{
				...parts,
				onTrouble: (device, {message}) => this.post({kind: 'refused', device, because: message, final: false}),
			},
			state.attempt,
		);
		this.#exchange = new Exchange(parts.run, state.attempt);
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

	get plan(): Plan {
		return this.#state.plan;
	}

	joined(device: string): void {
		this.post({kind: 'present', device});
	}

	left(device: string): void {
		this.post({kind: 'gone', device});
	}

	spares(devices: readonly string[]): void {
		this.post({kind: 'spares', devices});
	}

	stop(because: string): void {
		this.post({kind: 'stop', because});
	}

	roleOf(device: string): string {
		return roleOf(this.#state.plan, device);
	}

	async results() {
		const {weights, base} = this.#parts;
		const model = plannedModel(base, this.#state.plan);
		return new Map([...weights.wholes()].map(([device, state]) => [device, {model, state}]));
	}

	async start(present: Iterable<string>): Promise<void> {
		const [state, effects] = startStages(this.#state);
		this.#state = state;
		this.#carryOut(effects);
		this.#armCheckpoint();
		for (const device of present) {
			this.post({kind: 'present', device});
		}
	}

	/** Tells the state machine what happened. */
	post(event: StageEvent): void {
		const [state, effects] = stepStages(this.#state, event);
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
		if (body.round !== this.#state.position.step || this.#step.reports.has(from)) {
			return;
		}
		const report = stepReportSchema.parse(JSON.parse(body.parts));
		this.#step.reports.set(from, {body, report});
		book.encoded(from, report.codecs);
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
				this.#beginAttempt(effect.attempt, effect.plan);
				return;
			case 'assign':
				this.#spawn(`assign ${effect.device}`, () => this.#assign(effect.device));
				return;
			case 'begin-step':
				this.#beginStep(effect.position, effect.deadlineMs);
				return;
			case 'commit':
				this.#commit(effect.position);
				return;
			case 'average':
				this.#average(effect.key, effect.parts, effect.step);
				return;
			case 'fetch':
				this.#fetch(effect.part, effect.step);
				return;
			case 'load':
				for (const part of effect.parts) {
					this.#load(part);
				}
				return;
			case 'save':
				this.#save(effect.position, effect.milestone);
				return;
			case 'hold':
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

	/** Runs a task of its own; what it throws becomes a note. */
	#spawn(what: string, task: () => Promise<void>): void {
		const promise = task()
			.catch((error: unknown) => {
				const failure = asFplError(error);
				this.#parts.log.error(`${what}: ${failure.message}`, {code: failure.code});
				this.#note(`${what}: ${failure.message}`);
				if (what === 'wind-up') {
					this.#outcome = failedEnd(failure);
					this.post({kind: 'finished'});
				}
			})
			.finally(() => this.#tasks.delete(promise));
		this.#tasks.add(promise);
	}

	#beginAttempt(attempt: number, plan: Plan): void {
		const {weights, base, model, book, onAttempt} = this.#parts;
		this.#outbox.begin(attempt);
		this.#exchange.begin(attempt);
		this.#step = {began: 0, reports: new Map(), means: new Map()};
		this.#sinceMean.clear();
		weights.change(plan, arrange(base, plan, model.digest));
		for (const device of devicesOf(plan)) {
			book.role(device, roleOf(plan, device));
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
		const {clock, job, book, weights} = this.#parts;
		const {plan} = this.#state;
		this.#orderMs = deadlineMs;
		const means = new Map<string, MeanAggregator>();
		this.#exchange.clearMeans();
		const active = activeIn(plan, turn);
		for (const {kind, key, stage, replicas} of groupsOf(plan)) {
			if (kind === 'step' && replicas.length > 1) {
				const expected = new Map(
					replicas.map(replica => [gradientKey({stage, replica}), plan.stages[stage]!.replicas[replica]!.device]),
				);
				const onDone = (name: string) => this.post({kind: 'arrived', key: name});
				means.set(key, this.#exchange.expectMean(weights.lengths(key), expected, onDone));
			}
		}
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
		const {job, weights} = this.#parts;
		const {plan, steps} = this.#state;
		const {reports, means} = this.#step;
		const parts = [...reports.values()].flatMap(({report}) => report.parts);
		const scale = lrScale(job.training.schedule, step, steps ?? 1);
		const vectors = new Map<string, Float32Array>();
		let squaredNorm = 0;
		for (const {key, stage, replicas} of groupsOf(plan)) {
			const mean = means.get(key);
			if (mean) {
				const {parameters, buffers} = weights.lengths(key);
				const vector = new Float32Array(parameters + buffers);
				mean.mean(vector);
				vectors.set(key, vector);
				squaredNorm += normOf(vector.subarray(0, parameters));
				continue;
			}
			for (const {squaredNorm: own, items} of parts.filter(
				part => part.stage === stage && replicas.includes(part.replica) && part.items > 0,
			)) {
				squaredNorm += (own ?? 0) / items ** 2;
			}
		}
		const {clipNorm} = job.training;
		const clip = clipNorm === undefined ? 1 : Math.min(1, clipNorm / (Math.sqrt(squaredNorm) + 1e-6));
		const active = activeIn(plan, turn);
		for (const {key, stage, replicas} of groupsOf(plan)) {
			for (const replica of replicas.filter(index => active[stage]!.includes(index))) {
				const {device} = plan.stages[stage]!.replicas[replica]!;
				const part = parts.find(other => other.stage === stage && other.replica === replica);
				const vector = vectors.get(key);
				if (!vector && !(part && part.items > 0)) {
					continue;
				}
				const gradient = vector ? this.#outbox.transferId('gradient') : '';
				if (vector) {
					const data = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
					this.#outbox.send(device, gradient, {kind: 'weights', run: this.#parts.run, round: step}, data);
				}
				this.#commitOf(device, step, scale).parts.push({
					stage,
					replica,
					scale: vector ? clip : clip / part!.items,
					gradient,
				});
				const name = `${stage}.${replica}`;
				this.#sinceMean.set(name, (this.#sinceMean.get(name) ?? 0) + (part?.items ?? 0));
			}
		}
		// Whoever has no part in this step counts it all the same.
		for (const device of devicesOf(plan)) {
			this.#commitOf(device, step, scale);
		}
		this.#record(step);
	}

	#commitOf(device: string, step: number, scale: number) {
		const order = this.#outbox.order(device);
		order.commit ??= {step, lrScale: scale, parts: []};
		return order.commit;
	}

	/** One step as a point of the learning curve. */
	#record(step: number): void {
		const {book, clock, link, job, emit} = this.#parts;
		const {plan, items, steps} = this.#state;
		const {reports, began} = this.#step;
		const lastStage = plan.stages.length - 1;
		const learned = [...reports.values()].map(({body, report}) => ({
			loss: body.loss,
			items: report.parts.filter(({stage}) => stage === lastStage).reduce((sum, part) => sum + part.items, 0),
		}));
		const count = learned.reduce((sum, part) => sum + part.items, 0);
		const server = link.traffic.sent - this.#serverTraffic;
		this.#serverTraffic = link.traffic.sent;
		const now = clock.monotonic();
		const sum = (of: (body: BodyOf<'roundReport'>) => number) =>
			[...reports.values()].reduce((total, {body}) => total + of(body), 0);
		for (const device of reports.keys()) {
			book.contributed(device);
		}
		const record = {
			round: step,
			step: step + 1,
			epoch: (book.rounds.at(-1)?.epoch ?? 0) + count / Math.max(1, itemsPerEpoch(this.#state.original, items)),
			at: this.seconds,
			seconds: (now - began) / 1000,
			loss: learned.reduce((total, part) => total + part.loss * part.items, 0) / Math.max(1, count),
			bytes: server + sum(body => body.bytesSent),
			joules: sum(body => Object.values(body.phases).reduce((total, {joules}) => total + joules, 0)),
			devices: [...reports.keys()],
		};
		book.addRound(record);
		book.timeline({
			step,
			milliseconds: now - began,
			passes: [...reports].flatMap(([device, {report}]) =>
				report.parts.flatMap(({stage, replica, passes}) =>
					passes.map(([kind, micro, from, to]) => ({device, stage, replica, kind, micro, from, to})),
				),
			),
		});
		if (now - this.#lastUpdate >= updateEveryMs || (steps !== undefined && step + 1 === steps)) {
			this.#lastUpdate = now;
			emit({kind: 'round', record, rounds: steps ?? 0, epochs: job.training.epochs, devices: book.progress()});
		}
	}

	#average(key: string, parts: readonly GroupPart[], step: number): void {
		const {weights} = this.#parts;
		const {plan} = this.#state;
		const lengths = weights.lengths(key);
		const expected = new Map<string, string>();
		for (const {stage, replica} of parts) {
			const {device} = plan.stages[stage]!.replicas[replica]!;
			const transfer = this.#outbox.transferId('mean');
			const name = `${stage}.${replica}`;
			const weight = Math.max(1, this.#sinceMean.get(name) ?? 0);
			this.#sinceMean.delete(name);
			expected.set(transfer, device);
			const order = this.#outbox.order(device);
			order.contribute = [...(order.contribute ?? []), {stage, replica, transfer, weight}];
		}
		const before = weights.latest(key);
		const aggregator = this.#exchange.expectMean(lengths, expected, (_, complete) => {
			if (!complete) {
				return;
			}
			const vector = new Float32Array(lengths.parameters + lengths.buffers);
			vector.set(before.parameters);
			vector.set(before.buffers, lengths.parameters);
			aggregator.mean(vector);
			// Each replica goes on with fresh slots: the means of theirs belong to none of them.
			weights.put(key, step, {
				parameters: vector.slice(0, lengths.parameters),
				buffers: vector.slice(lengths.parameters),
				slots: [],
				updates: 0,
			});
			this.post({kind: 'arrived', key: averageKey(step, key)});
		});
	}

	#fetch({key, stage, replica}: GroupPart, step: number): void {
		const {weights} = this.#parts;
		const {device} = this.#state.plan.stages[stage]!.replicas[replica]!;
		const transfer = this.#outbox.transferId('state');
		this.#exchange.expectState(transfer, device, weights.lengths(key), state => {
			weights.put(key, step, state);
			this.post({kind: 'arrived', key: stateKey(step, key)});
		});
		const order = this.#outbox.order(device);
		order.upload = [...(order.upload ?? []), {stage, replica, transfer}];
	}

	#load({key, stage, replica}: GroupPart): void {
		const {weights, run} = this.#parts;
		const {plan, attempt} = this.#state;
		const {device} = plan.stages[stage]!.replicas[replica]!;
		const transfer = this.#outbox.transferId('load');
		const order = this.#outbox.order(device);
		order.load = [...(order.load ?? []), {stage, replica, transfer}];
		this.#outbox.send(device, transfer, {kind: 'state', run, attempt, key: transfer}, encodeState(weights.latest(key)));
	}

	#save(position: Position, milestone: boolean): void {
		const {weights} = this.#parts;
		const states = weights.save(position.step);
		const {plan} = this.#state;
		const wholes = milestone ? weights.wholes(states) : undefined;
		this.#armCheckpoint();
		this.#spawn('checkpoint', async () => {
			await this.#parts.checkpoint(this.#state, position, states);
			this.#parts.emit({kind: 'checkpoint', round: position.step});
		});
		if (wholes) {
			this.#spawn('evaluation', () => this.#evaluate(plan, wholes, position.step));
		}
	}

	async #evaluate(plan: Plan, wholes: ReturnType<StageWeights['wholes']>, step: number): Promise<void> {
		const {accounts, book, emit, evaluate} = this.#parts;
		const result = await accounts.computing(() => evaluate(plan, wholes));
		if (result && step > 0) {
			const {accuracy, loss} = result;
			book.evaluated(step - 1, accuracy, loss);
			emit({kind: 'evaluated', round: step - 1, accuracy, testLoss: loss});
			this.post({kind: 'evaluated', step, accuracy});
		}
	}

	#armCheckpoint(): void {
		const {clock, job} = this.#parts;
		this.#cancelCheckpoint();
		this.#cancelCheckpoint = clock.after(job.faults.checkpointInterval * 1000, () =>
			this.post({kind: 'checkpoint-due'}),
		);
	}

	async #windUp(outcome: Outcome): Promise<void> {
		this.#cancelDeadline();
		this.#cancelCheckpoint();
		// Evaluations and checkpoints under way may finish; this task itself is among them.
		const others = [...this.#tasks];
		await Promise.race([Promise.allSettled(others), this.#parts.clock.sleep(60_000)]);
		if (this.#outcome.state === 'done') {
			this.#outcome = endOf(outcome);
		}
		this.#outbox.release([...new Set([...this.devices, ...devicesOf(this.#state.plan)])], outcome.kind);
		this.post({kind: 'finished'});
	}

	#note(text: string, device?: string): void {
		const {book, emit, log} = this.#parts;
		book.note(device === undefined ? {at: this.seconds, text} : {at: this.seconds, device, text});
		emit(device === undefined ? {kind: 'note', text} : {kind: 'note', text, device});
		log.info(text, device === undefined ? {} : {device});
	}
}

const normOf = (vector: Float32Array): number => {
	let sum = 0;
	for (const value of vector) {
		sum += value * value;
	}
	return sum;
};

/** What a device does in a plan: «stage 0», «replica 2 of stage 0, stage 1». */
export const roleOf = ({stages}: Plan, device: string): string =>
	stages
		.flatMap(({replicas}, stage) =>
			replicas.flatMap((replica, index) =>
				replica.device !== device
					? []
					: [replicas.length > 1 ? `replica ${index} of stage ${stage}` : `stage ${stage}`],
			),
		)
		.join(', ') || 'spare';
