/**
 * The agent: joins the fleet, gets ready for runs, works on rounds, and survives what happens to links, brokers and
 * coordinators. What it does when is decided by `state.ts`; here it is done.
 */

import {z} from 'zod';
import type {Clock} from '../core/clock.js';
import {asFplError, FplError, isFplError} from '../core/errors.js';
import type {RunId} from '../core/ids.js';
import type {Logger} from '../core/log.js';
import {bytesOf} from '../core/tensor/tensor.js';
import type {Body, BodyOf} from '../core/wire/bodies.js';
import {Inbox} from '../core/wire/inbox.js';
import type {Message} from '../core/wire/message.js';
import type {Messenger} from '../core/wire/messenger.js';
import type {IncomingTransfer, TensorLink} from '../core/wire/tensor-link.js';
import {coordinatorId} from '../core/wire/topics.js';
import {Laps} from './laps.js';
import type {Meter} from './meter.js';
import {type StagingContext, stage, type Workspace} from './staging.js';
import {type AgentEffect, type AgentEvent, type AgentState, stepAgent, type Task} from './state.js';
import {computeContribution, type RoundWork} from './work.js';

export interface AgentParts {
	readonly clock: Clock;
	readonly log: Logger;
	readonly messenger: Messenger;
	readonly link: TensorLink;
	readonly staging: Omit<StagingContext, 'receive' | 'log'>;
	/** Stretches computing times to the emulated device, where one is emulated, and turns time and bytes into joules. */
	readonly meter: Meter;
	/** Tells the fleet which run this agent works for. */
	readonly onBusy: (run: RunId | undefined) => void;
}

const answerMs = 15_000;
const maxPayloadBytes = 2 * 1024 ** 3;

const batchesSchema = z.strictObject({
	cursor: z.number().int().min(0),
	count: z.number().int().min(1),
	batch: z.number().int().min(1),
});

type StartRound = BodyOf<'startRound'>;

export class Agent {
	readonly #parts: AgentParts;
	readonly #inbox: Inbox;
	readonly #laps: Laps;
	#state: AgentState = {kind: 'idle'};
	#assign: BodyOf<'assign'> | undefined;
	#start: StartRound | undefined;
	#workspace: Workspace | undefined;
	#abort = new AbortController();
	/** What is under way: the next thing begins when it has ended. */
	#busy: Promise<void> = Promise.resolve();
	#traffic = {sent: 0, received: 0};

	constructor(parts: AgentParts) {
		this.#parts = parts;
		this.#inbox = new Inbox({clock: parts.clock, maxBytes: maxPayloadBytes, maxKept: 3});
		this.#laps = new Laps(parts.clock);
		parts.link.onTransfer(transfer =>
			transfer.from === coordinatorId
				? this.#holds(transfer)
					? 'already'
					: this.#inbox.accept(transfer)
				: {refuse: 'only the coordinator sends to this agent'},
		);
		parts.messenger.serve(message => this.#answer(message));
	}

	/** Ends what is under way and gives up the model and data held. */
	async close(): Promise<void> {
		this.#abort.abort();
		await this.#busy;
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
		if (from !== coordinatorId) {
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
			case 'release':
				this.#post({kind: 'released', run: body.run});
				return {kind: 'ack'};
			default:
				throw new FplError('WIRE_INVALID', {where: from, problem: `an agent does not answer «${body.kind}»`});
		}
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
					await this.#workspace?.close();
					this.#workspace = undefined;
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
			await this.#workspace?.close();
			this.#workspace = await stage(assign, {
				...this.#parts.staging,
				log: this.#parts.log,
				receive: async (transfer, deadlineMs) => (await this.#inbox.take(transfer, deadlineMs, signal)).data,
			});
			this.#laps.lap('idle');
			this.#laps.read();
			this.#post({kind: 'staged', task, items: this.#workspace.data.items});
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

	async #work(task: Task, start: StartRound, signal: AbortSignal): Promise<void> {
		const workspace = this.#workspace;
		try {
			if (!signal.aborted && workspace) {
				await this.#round(workspace, task, start, signal);
			}
		} catch (error) {
			const {code, facts, message} = asFplError(error);
			if (code === 'INTERRUPTED') {
				return;
			}
			this.#parts.log.warn(`round ${start.round + 1}: ${message}`, {code});
			if (code === 'WIRE_TIMEOUT' || code === 'WIRE_CLOSED') {
				// The link failed us, not the machine: this round is lost, the next one may do.
				this.#tell({kind: 'ready', ...task, items: workspace?.data.items ?? 0});
			} else {
				this.#tell({kind: 'failed', ...task, code, facts: JSON.stringify(facts)});
			}
		} finally {
			this.#post({kind: 'round-over', task, round: start.round});
		}
	}

	async #round(
		{trainer, data, order, plan, workload}: Workspace,
		task: Task,
		start: StartRound,
		signal: AbortSignal,
	): Promise<void> {
		const {clock, link, meter} = this.#parts;
		const {data: payload, seconds} = await this.#inbox.take(start.weightsTransfer, start.deadlineMs, signal);
		// The weights may have begun to come before the order to use them.
		const passed = this.#laps.lap('wait');
		this.#laps.move('wait', 'receive', Math.min(passed, seconds));
		const weights = new Float32Array(payload.buffer, payload.byteOffset, payload.byteLength / 4);
		const work: RoundWork = {
			kind: plan.synchronisation.exchange === 'gradients' ? 'gradient' : 'local-training',
			...batchesSchema.parse(JSON.parse(start.batches)),
			round: start.round,
			lrScale: start.lrScales[0] ?? 1,
		};
		const began = clock.monotonic();
		const result = await computeContribution(trainer, data, order, weights, work, signal);
		const surplus = await meter.stretch(
			workload(result.items, result.steps),
			(clock.monotonic() - began) / 1000,
			signal,
		);
		this.#laps.lap('compute');
		this.#laps.move('compute', 'wait', surplus);
		// The coordinator names every asking anew, so the answer to a repeated round is another transfer.
		const transfer = `${start.weightsTransfer}/c`;
		const sending = link.send(
			coordinatorId,
			{
				id: transfer,
				purpose: {
					kind: 'contribution',
					...task,
					round: start.round,
					weight: result.items,
					parameters: trainer.parameters.length,
					buffers: trainer.buffers.length,
					key: '',
				},
				data: bytesOf({data: result.vector}),
			},
			{stallMs: start.deadlineMs, signal},
		);
		const refused = await sending.then(
			() => false,
			(error: unknown) => {
				if (!isFplError(error, 'AGENT_FAILED')) {
					throw error;
				}
				this.#parts.log.info(`round ${start.round + 1} went on without us: ${error.message}`);
				return true;
			},
		);
		this.#laps.lap('send');
		const {sent, received} = link.traffic;
		const bytes = {bytesSent: sent - this.#traffic.sent, bytesReceived: received - this.#traffic.received};
		this.#traffic = {sent, received};
		this.#tell({
			kind: 'roundReport',
			...task,
			round: start.round,
			loss: result.loss,
			items: result.items,
			steps: result.steps,
			correct: result.correct,
			...(await meter.cost(this.#laps.read(), bytes)),
			...bytes,
			peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
			transfer,
			parts: '',
		});
		if (refused) {
			// The report says what the round cost; this says that the next one may count on us.
			this.#tell({kind: 'ready', ...task, items: data.items});
		}
	}
}
