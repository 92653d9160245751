/**
 * The agent: joins the fleet, gets ready for runs, works on rounds, and survives what happens to links, brokers and
 * coordinators. What it does when is decided by `state.ts`; here it is done.
 */

import type {Clock} from '../core/clock.js';
import {asFplError, FplError} from '../core/errors.js';
import type {RunId} from '../core/ids.js';
import type {Logger} from '../core/log.js';
import {type Orders, ordersSchema} from '../core/plan/orders.js';
import type {Random} from '../core/random.js';
import type {Body, BodyOf} from '../core/wire/bodies.js';
import {Inbox} from '../core/wire/inbox.js';
import type {Message} from '../core/wire/message.js';
import type {Messenger} from '../core/wire/messenger.js';
import type {Acceptance, IncomingTransfer, TensorLink} from '../core/wire/tensor-link.js';
import {coordinatorId} from '../core/wire/topics.js';
import {InferTask} from './inference/task.js';
import type {Meter} from './meter.js';
import {acceptProbe, isProbe} from './probe/peer.js';
import {RoundTask} from './rounds.js';
import {StageTask} from './stages/task.js';
import {type StagingContext, stage, type Workspace} from './staging.js';
import {type AgentEffect, type AgentEvent, type AgentState, stepAgent, type Task} from './state.js';

export interface AgentParts {
	readonly clock: Clock;
	readonly log: Logger;
	readonly messenger: Messenger;
	/** Decides in codecs that round by chance. */
	readonly random: Random;
	readonly link: TensorLink;
	readonly staging: Omit<StagingContext, 'receive' | 'log' | 'device'>;
	/** Stretches computing times to the emulated device, where one is emulated, and turns time and bytes into joules. */
	readonly meter: Meter;
	/** Tells the fleet which run this agent works for. */
	readonly onBusy: (run: RunId | undefined) => void;
}

const answerMs = 15_000;
const maxPayloadBytes = 2 * 1024 ** 3;
/** Weights and gradients that may come before they are asked for: a few for every stage that is here. */
const maxKept = 16;

type StartRound = BodyOf<'startRound'>;

type Worker =
	| {readonly kind: 'rounds'; readonly task: RoundTask}
	| {readonly kind: 'stages'; readonly task: StageTask}
	| {readonly kind: 'inference'; readonly task: InferTask};

export class Agent {
	readonly #parts: AgentParts;
	readonly #inbox: Inbox;
	#state: AgentState = {kind: 'idle'};
	#assign: BodyOf<'assign'> | undefined;
	#start: StartRound | undefined;
	#workspace: Workspace | undefined;
	/** What works on the run once it is staged. */
	#worker: Worker | undefined;
	#abort = new AbortController();
	/** What is under way: the next thing begins when it has ended. */
	#busy: Promise<void> = Promise.resolve();

	constructor(parts: AgentParts) {
		this.#parts = parts;
		this.#inbox = new Inbox({clock: parts.clock, maxBytes: maxPayloadBytes, maxKept});
		parts.link.onTransfer(transfer => this.#accept(transfer));
		parts.messenger.serve(message => this.#answer(message));
	}

	/** Ends what is under way and gives up the model and data held. */
	async close(): Promise<void> {
		this.#abort.abort();
		await this.#busy;
		await this.#clear();
	}

	/** Weights and models come from the coordinator, what crosses cuts and what measures links from other agents. */
	#accept(transfer: IncomingTransfer): Acceptance {
		if (transfer.purpose.kind === 'boundary') {
			return this.#worker && this.#worker.kind !== 'rounds'
				? this.#worker.task.accept(transfer)
				: {refuse: 'this device works on no run with stages'};
		}
		if (isProbe(transfer)) {
			return acceptProbe(transfer, this.#state.kind === 'idle' ? undefined : this.#state.task.run);
		}
		if (transfer.from !== coordinatorId) {
			return {refuse: 'only the coordinator sends this to an agent'};
		}
		return this.#holds(transfer) ? 'already' : this.#inbox.accept(transfer);
	}

	/** Ends the work for the run and gives up what is held for it. */
	async #clear(): Promise<void> {
		if (this.#worker && this.#worker.kind !== 'rounds') {
			await this.#worker.task.close();
		}
		this.#worker = undefined;
		await this.#workspace?.close();
		this.#workspace = undefined;
	}

	/** The model of the run that this agent is ready for need not come again when the run is assigned again. */
	#holds({purpose}: IncomingTransfer): boolean {
		const settled = this.#state.kind === 'ready' || this.#state.kind === 'working';
		return settled && purpose.kind === 'model' && purpose.digest === this.#assign?.modelDigest;
	}

	/** A coordinator that counts on an agent which no longer holds the run learns it at once, not from a deadline. */
	#checkTask({run, attempt}: StartRound): void {
		const held = this.#state.kind === 'ready' || this.#state.kind === 'working' ? this.#state.task : undefined;
		if (held?.run !== run || held.attempt !== attempt) {
			throw new FplError('AGENT_FAILED', {
				where: this.#parts.messenger.self,
				problem: `it is not ready for attempt ${attempt} of ${run}`,
			});
		}
	}

	#answer({body, from}: Message): Body {
		// Another agent may ask whether this one is there, to measure the way.
		if (from !== coordinatorId && body.kind !== 'ping') {
			throw new FplError('WIRE_INVALID', {where: from, problem: 'only the coordinator commands this agent'});
		}
		switch (body.kind) {
			case 'ping':
				return {kind: 'ack'};
			case 'assign': {
				const task = {run: body.run, attempt: body.attempt};
				if (this.#state.kind !== 'idle' && this.#state.task.run !== body.run) {
					throw new FplError('AGENT_BUSY', {
						where: this.#parts.messenger.self,
						problem: `it works for ${this.#state.task.run}`,
					});
				}
				this.#assign = body;
				this.#post({kind: 'assigned', task});
				return {kind: 'ack'};
			}
			case 'startRound':
				this.#checkTask(body);
				this.#start = body;
				this.#post({kind: 'round-asked', task: {run: body.run, attempt: body.attempt}, round: body.round});
				return {kind: 'ack'};
			case 'proceed':
				this.#workerAt(body).task.proceed(readOrders(body.orders), body.deadlineMs);
				return {kind: 'ack'};
			case 'hold': {
				const worker = this.#workerAt(body);
				if (worker.kind === 'stages') {
					worker.task.hold();
				}
				return {kind: 'ack'};
			}
			case 'release':
				this.#post({kind: 'released', run: body.run});
				return {kind: 'ack'};
			default:
				throw new FplError('WIRE_INVALID', {where: from, problem: `an agent does not answer «${body.kind}»`});
		}
	}

	/** @throws FplError `AGENT_FAILED` when this agent is not at that attempt of that run. */
	#workerAt({run, attempt}: {readonly run: RunId; readonly attempt: number}): Exclude<Worker, {kind: 'rounds'}> {
		const current = this.#state.kind === 'idle' ? undefined : this.#state.task;
		if (!this.#worker || this.#worker.kind === 'rounds' || current?.run !== run || current.attempt !== attempt) {
			throw new FplError('AGENT_FAILED', {
				where: this.#parts.messenger.self,
				expected: current ? `orders for attempt ${current.attempt} at ${current.run}` : 'an assignment first',
				got: `orders for attempt ${attempt} at ${run}`,
			});
		}
		return this.#worker;
	}

	#post(event: AgentEvent): void {
		const [state, effects] = stepAgent(this.#state, event);
		this.#state = state;
		for (const effect of effects) {
			this.#do(effect);
		}
	}

	#do(effect: AgentEffect): void {
		switch (effect.kind) {
			case 'stage': {
				const assign = this.#assign!;
				this.#parts.onBusy(effect.task.run);
				this.#after(signal => this.#stage(effect.task, assign, signal));
				return;
			}
			case 'say-ready':
				this.#tell({kind: 'ready', ...effect.task, items: effect.items});
				return;
			case 'refuse-busy':
				// Already answered as an error when the assignment came.
				return;
			case 'work': {
				const start = this.#start!;
				this.#after(signal => this.#work(effect.task, start, signal));
				return;
			}
			case 'abort':
				this.#abort.abort();
				return;
			case 'discard':
				this.#after(async () => {
					await this.#clear();
					if (this.#state.kind === 'idle') {
						this.#parts.onBusy(undefined);
					}
				});
				return;
			default:
				effect satisfies never;
		}
	}

	/** Runs a task when the one before has ended; `abort` reaches the last one begun. */
	#after(task: (signal: AbortSignal) => Promise<void>): void {
		const abort = new AbortController();
		this.#abort = abort;
		this.#busy = this.#busy
			.then(() => task(abort.signal))
			.catch((error: unknown) => this.#parts.log.error(asFplError(error).message));
	}

	/** A message that the coordinator must get; it is repeated until it is acknowledged or too late. */
	#tell(body: Body): void {
		this.#parts.messenger
			.request(coordinatorId, body, {expect: ['ack'], deadlineMs: answerMs})
			.catch((error: unknown) => this.#parts.log.warn(`${body.kind}: ${asFplError(error).message}`));
	}

	async #stage(task: Task, assign: BodyOf<'assign'>, signal: AbortSignal): Promise<void> {
		try {
			if (signal.aborted) {
				return;
			}
			await this.#clear();
			const staging = stage(assign, {
				...this.#parts.staging,
				device: this.#parts.messenger.self,
				log: this.#parts.log,
				receive: async (transfer, deadlineMs) => (await this.#inbox.take(transfer, deadlineMs, signal)).data,
			});
			this.#workspace = await unlessAborted(staging, signal, late => late.close());
			this.#worker = this.#workerFor(task, this.#workspace);
			this.#post({kind: 'staged', task, items: this.#workspace.items});
		} catch (error) {
			const {code, facts, message} = asFplError(error);
			if (code === 'INTERRUPTED') {
				return;
			}
			this.#parts.log.error(`staging ${task.run}: ${message}`, {code});
			this.#tell({kind: 'failed', ...task, code, facts: JSON.stringify(facts)});
			this.#post({kind: 'staging-failed', task});
		}
	}

	#workerFor(task: Task, workspace: Workspace): Worker {
		const {clock, log, link, meter, messenger, random} = this.#parts;
		const common = {clock, log, link, meter, inbox: this.#inbox, tell: (body: Body) => this.#tell(body)};
		switch (workspace.kind) {
			case 'rounds':
				return {kind: 'rounds', task: new RoundTask(common, task, workspace)};
			case 'stages':
				return {kind: 'stages', task: new StageTask({...common, self: messenger.self, random}, task, workspace)};
			case 'inference':
				return {kind: 'inference', task: new InferTask({...common, self: messenger.self, random}, task, workspace)};
			default:
				return workspace satisfies never;
		}
	}

	async #work(task: Task, start: StartRound, signal: AbortSignal): Promise<void> {
		if (this.#worker?.kind === 'rounds') {
			await this.#worker.task.work(start, signal);
		}
		this.#post({kind: 'round-over', task, round: start.round});
	}
}

/**
 * What a promise brings, unless the signal aborts first: then nobody waits for it any longer, and what it brings too late is
 * given back.
 * @throws FplError `INTERRUPTED`, or what the promise throws.
 */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal, giveBack: (late: T) => Promise<void>): Promise<T> {
	return new Promise((resolve, reject) => {
		const abandon = () => {
			promise.then(giveBack).catch(() => {});
			reject(new FplError('INTERRUPTED', {where: 'staging'}));
		};
		signal.addEventListener('abort', abandon, {once: true});
		promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abandon));
	});
}

/** @throws FplError `WIRE_INVALID` */
function readOrders(text: string): Orders {
	try {
		return ordersSchema.parse(JSON.parse(text));
	} catch (error) {
		throw new FplError('WIRE_INVALID', {where: 'orders', problem: 'they cannot be read'}, {cause: error});
	}
}
