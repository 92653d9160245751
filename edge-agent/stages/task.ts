/**
 * What an agent does in a run with stages: it carries out the coordinator's orders one after the other (commit, hand over
 * weights, take weights, work on a step) and tells what came of them. Orders come again when an answer got lost; each is
 * carried out once.
 */
import type {Clock} from '../../core/clock.js';
import {decodeBundle} from '../../core/codec/bundle.js';
import {asFplError, FplError} from '../../core/errors.js';
import type {DeviceId} from '../../core/ids.js';
import type {Logger} from '../../core/log.js';
import {gradientKey, type Orders, type PartReport, type StepReport} from '../../core/plan/orders.js';
import {type Active, activeIn, type PartId} from '../../core/plan/routing.js';
import type {Random} from '../../core/random.js';
import type {Body} from '../../core/wire/bodies.js';
import type {Inbox} from '../../core/wire/inbox.js';
import type {Acceptance, IncomingTransfer, TensorLink} from '../../core/wire/tensor-link.js';
import type {Tensors} from '../../models/engines/stage.js';
import type {Meter} from '../meter.js';
import type {Task} from '../state.js';
import {Courier} from './courier.js';
import {allOrAbort, floatsOf, joined} from './helpers.js';
import {Mailbox} from './mailbox.js';
import type {PartContext, PartResult, PartRunner} from './part.js';
import {PhaseClock} from './phase-clock.js';
import {type DrawnStep, drawRows, labelsOfRows} from './source.js';
import {WeightsPost} from './weights-post.js';
import type {StageWorkspace} from './workspace.js';

export interface StageTaskParts {
	readonly clock: Clock;
	readonly log: Logger;
	readonly self: DeviceId;
	readonly link: TensorLink;
	readonly inbox: Inbox;
	readonly meter: Meter;
	readonly random: Random;
	/** Tells the coordinator; repeated until it is acknowledged or too late. */
	readonly tell: (body: Body) => void;
}

export class StageTask {
	readonly #parts: StageTaskParts;
	readonly #task: Task;
	readonly #workspace: StageWorkspace;
	readonly #mailbox: Mailbox<Tensors>;
	readonly #phases: PhaseClock;
	readonly #courier: Courier;
	readonly #post: WeightsPost;
	#traffic: TensorLink['traffic'];
	#queue: Promise<void> = Promise.resolve();
	#step = new AbortController();
	#closed = new AbortController();
	/** A device computes one pass at a time, whatever parts it has. */
	#computing: Promise<unknown> = Promise.resolve();
	/** Updates that the weights here have behind them. */
	#steps: number;
	/** The step that was begun last. */
	#begun = -1;
	/** Orders to hold so far: a step that was ordered before one of them, and has not begun, does not begin any more. */
	#holds = 0;

	constructor(parts: StageTaskParts, task: Task, workspace: StageWorkspace) {
		this.#parts = parts;
		this.#task = task;
		this.#workspace = workspace;
		this.#steps = workspace.step;
		this.#phases = new PhaseClock(parts.clock);
		this.#traffic = {...parts.link.traffic};
		this.#courier = new Courier({
			link: parts.link,
			random: parts.random,
			codecTo: workspace.codecTo,
			task,
			digest: workspace.arrangement.digest,
		});
		this.#post = new WeightsPost({...parts, phases: this.#phases, task, signal: this.#closed.signal});
		this.#mailbox = new Mailbox({
			clock: parts.clock,
			maxBytes: workspace.mailboxBytes,
			open: bytes => Object.fromEntries(decodeBundle(bytes, {maxElements: workspace.mailboxBytes / 4})),
		});
		this.#mailbox.begin(workspace.step);
	}

	/** A boundary transfer from another agent announces itself. */
	accept(transfer: IncomingTransfer): Acceptance {
		const {purpose} = transfer;
		if (purpose.kind !== 'boundary' || purpose.run !== this.#task.run || purpose.attempt !== this.#task.attempt) {
			return {refuse: 'this device works for another run, or another attempt at it'};
		}
		const {digest} = this.#workspace.arrangement;
		if (purpose.digest !== digest) {
			return {refuse: `the model and plan differ: expected digest ${digest}, got ${purpose.digest}`};
		}
		return this.#mailbox.accept(transfer, purpose.step, purpose.key);
	}

	/** Queues orders; they are carried out in the order in which they come. */
	proceed(orders: Orders, deadlineMs: number): void {
		const before = this.#holds;
		this.#enqueue('orders', () => this.#carryOut(orders, deadlineMs, () => this.#holds > before));
	}

	/** Gives up the step under way and says how far the weights are. */
	hold(): void {
		this.#holds += 1;
		this.#step.abort();
		this.#enqueue('hold', async () => {
			await Promise.all(this.#workspace.runners.map(({stage}) => stage.discard()));
			this.#parts.tell({kind: 'held', ...this.#task, steps: this.#steps});
		});
	}

	/** Stops what is under way; the stages stay open. */
	async close(): Promise<void> {
		this.#closed.abort();
		this.#step.abort();
		this.#mailbox.close();
		await this.#queue;
	}

	#enqueue(what: string, work: () => Promise<void>): void {
		this.#queue = this.#queue
			.then(async () => {
				if (!this.#closed.signal.aborted) {
					await work();
				}
			})
			.catch((error: unknown) => {
				const {code, facts, message} = asFplError(error);
				if (code === 'INTERRUPTED') {
					return;
				}
				this.#parts.log.warn(`${what}: ${message}`, {code});
				this.#parts.tell({kind: 'failed', ...this.#task, code, facts: JSON.stringify(facts)});
			});
	}

	async #carryOut(
		{commit, contribute, load, upload, step}: Orders,
		deadlineMs: number,
		isHeld: () => boolean,
	): Promise<void> {
		if (commit && commit.step === this.#steps) {
			await this.#commit(commit, deadlineMs);
		}
		for (const {transfer, weight, ...id} of contribute) {
			await this.#post.contribute(this.#runner(id).stage, transfer, weight, this.#steps);
		}
		// What is handed over to this device and asked back of it at once is what came, not what was here before.
		for (const {transfer, ...id} of load) {
			await this.#post.load(this.#runner(id).stage, transfer, deadlineMs);
		}
		for (const {transfer, ...id} of upload) {
			await this.#post.upload(this.#runner(id).stage, transfer);
		}
		if (step && !isHeld() && step.step === this.#steps && step.step > this.#begun) {
			this.#begun = step.step;
			await this.#work(step, deadlineMs);
		}
	}

	#runner({stage, replica}: PartId): PartRunner {
		const runner = this.#workspace.runners.find(({part}) => part.stage === stage && part.replica === replica);
		if (!runner) {
			throw new FplError('WIRE_INVALID', {
				where: `orders for stage ${stage}, replica ${replica}`,
				problem: 'this device has no such part',
			});
		}
		return runner;
	}

	/** Everybody has computed this step: the weights change now. */
	async #commit({step, lrScale, parts}: NonNullable<Orders['commit']>, deadlineMs: number): Promise<void> {
		// All gradients are here before any weights change.
		const gradients = await Promise.all(
			parts.map(({gradient}) =>
				gradient === ''
					? undefined
					: this.#wait(() => this.#parts.inbox.take(gradient, deadlineMs, this.#closed.signal)),
			),
		);
		for (const [index, {scale, ...id}] of parts.entries()) {
			const {stage} = this.#runner(id);
			const bytes = gradients[index]?.data;
			if (bytes === undefined) {
				await this.#compute(() => stage.apply({scale, lrScale}));
				continue;
			}
			const count = stage.parameters.length;
			const vector = floatsOf(bytes, count + stage.buffers.length, `gradient of stage ${id.stage}`);
			if (stage.buffers.length > 0) {
				await stage.load({buffers: vector.slice(count)});
			}
			await this.#compute(() => stage.apply({gradient: vector.slice(0, count), scale, lrScale}));
		}
		this.#steps = step + 1;
	}

	async #work(order: NonNullable<Orders['step']>, deadlineMs: number): Promise<void> {
		const {step, turn, batch, cursors} = order;
		const {plan} = this.#workspace;
		this.#step = new AbortController();
		const abort = this.#step;
		this.#mailbox.begin(step);
		const active = activeIn(plan, turn);
		const drawn: DrawnStep = {plan, active, batch, cursors};
		const mine = this.#workspace.runners.filter(({part}) => active[part.stage]!.includes(part.replica));
		const results = await allOrAbort(
			this.#step,
			mine.map(runner => runner.step(this.#context(runner, drawn, step, deadlineMs, abort), {batch, active})),
		);
		const reports = await Promise.all(mine.map((runner, index) => this.#hand(runner, results[index]!, active)));
		await this.#report(step, results, reports);
	}

	/** Sends the gradient to the parameter server where replicas share one; else it stays for the commit. */
	async #hand({part, stage}: PartRunner, {report}: PartResult, active: Active): Promise<PartReport> {
		const {groups, clipped} = this.#workspace;
		const group = groups.find(({stage: at, replicas}) => at === part.stage && replicas.includes(part.replica))!;
		const working = group.replicas.filter(replica => active[part.stage]!.includes(replica));
		if (group.kind === 'step' && working.length > 1 && report.items > 0) {
			const {gradient} = await stage.gradient();
			for (let index = 0; index < gradient.length; index++) {
				gradient[index]! /= report.items;
			}
			const {buffers} = await stage.save(['buffers']);
			const transfer = `${this.#task.run}/${this.#task.attempt}/${this.#steps}/${gradientKey(part)}`;
			await this.#post.sendVector(transfer, gradientKey(part), joined(gradient, buffers), {
				weight: report.items,
				parameters: gradient.length,
				step: this.#steps,
			});
			return report;
		}
		const squaredNorm = clipped ? await stage.squaredNorm() : null;
		return {...report, squaredNorm: Number.isFinite(squaredNorm) ? squaredNorm : null};
	}

	async #report(step: number, results: readonly PartResult[], parts: readonly PartReport[]): Promise<void> {
		const {link, meter} = this.#parts;
		const {sent, received} = link.traffic;
		const bytes = {bytesSent: sent - this.#traffic.sent, bytesReceived: received - this.#traffic.received};
		this.#traffic = {sent, received};
		const learned = results.filter(({loss}) => loss !== undefined);
		const learnedItems = learned.reduce((sum, {report}) => sum + report.items, 0);
		this.#parts.tell({
			kind: 'roundReport',
			...this.#task,
			round: step,
			loss: learnedItems > 0 ? learned.reduce((sum, {loss}) => sum + loss!, 0) / learnedItems : 0,
			items: Math.max(0, ...results.map(({report}) => report.items)),
			steps: 1,
			correct: learned.reduce((sum, {correct}) => sum + correct, 0),
			...(await meter.cost(this.#phases.read(), bytes)),
			...bytes,
			peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
			transfer: '',
			parts: JSON.stringify({parts, codecs: this.#courier.counts} satisfies StepReport),
		});
	}

	#context(
		{part}: PartRunner,
		drawn: DrawnStep,
		step: number,
		deadlineMs: number,
		abort: AbortController,
	): PartContext {
		const {signal} = abort;
		const {clock} = this.#parts;
		const {plan, arrangement, sources, workload} = this.#workspace;
		return {
			clock,
			plan,
			part: id => arrangement.part(id),
			receive: async key => {
				const began = clock.monotonic();
				const letter = await this.#mailbox.take(step, key, deadlineMs, signal);
				this.#phases.move('wait', 'receive', Math.min((clock.monotonic() - began) / 1000, letter.seconds));
				return letter.content;
			},
			send: async (to, key, tensors) => {
				try {
					await this.#give(arrangement.part(to).device, step, key, tensors, signal);
				} catch (error) {
					// What a peer does not take will not come back from it: nobody waits for that.
					abort.abort();
					throw error;
				}
			},
			draw: (micro, rows) => drawRows(sources.get(part.replica)!, part.replica, micro, rows, drawn),
			labels: micro => labelsOfRows(sources, part, micro, drawn),
			computing: (pass, items, task) => this.#computePass(workload(part, pass, items), task, signal),
			waiting: (phase, task) => this.#phases.during(phase, task),
		};
	}

	async #give(device: string, step: number, key: string, tensors: Tensors, signal: AbortSignal): Promise<void> {
		if (device === this.#parts.self) {
			this.#mailbox.put(step, key, tensors);
		} else {
			await this.#courier.send(device, step, key, tensors, signal);
		}
	}

	/** One pass after the other, stretched to the emulated device. */
	#computePass<T>(work: Parameters<Meter['stretch']>[0], task: () => Promise<T>, signal: AbortSignal): Promise<T> {
		const {clock, meter} = this.#parts;
		const mine = this.#computing.then(async () => {
			if (signal.aborted) {
				throw new FplError('INTERRUPTED', {where: 'a step'});
			}
			return this.#phases.during('compute', async () => {
				const began = clock.monotonic();
				const result = await task();
				const surplus = await meter.stretch(work, (clock.monotonic() - began) / 1000, signal);
				this.#phases.move('compute', 'wait', surplus);
				return result;
			});
		});
		this.#computing = mine.catch(() => {});
		return mine;
	}

	#compute<T>(task: () => Promise<T>): Promise<T> {
		return this.#phases.during('compute', task);
	}

	#wait<T>(task: () => Promise<T>): Promise<T> {
		return this.#phases.during('wait', task);
	}
}
