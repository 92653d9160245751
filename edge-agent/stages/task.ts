/**
 * What an agent does in a run with stages: it carries out the coordinator's orders one after the other (commit, hand over
 * weights, take weights, work on a step) and tells what came of them. Orders come again when an answer got lost; each is
 * carried out once.
 */
import {asFplError, FplError} from '../../core/errors.js';
import type {Logger} from '../../core/log.js';
import {gradientKey, type Orders, type PartReport, type StepReport} from '../../core/plan/orders.js';
import {type Active, activeIn, type PartId} from '../../core/plan/routing.js';
import type {Body} from '../../core/wire/bodies.js';
import type {Inbox} from '../../core/wire/inbox.js';
import type {Acceptance, IncomingTransfer} from '../../core/wire/tensor-link.js';
import type {ApplyOptions} from '../../models/engines/stage.js';
import type {Task} from '../state.js';
import {Desk, type DeskParts} from './desk.js';
import {allOrAbort, floatsOf, joined} from './helpers.js';
import type {PartContext, PartResult, PartRunner} from './part.js';
import {type DrawnStep, drawRows, labelsOfRows} from './source.js';
import {WeightsPost} from './weights-post.js';
import type {StageWorkspace} from './workspace.js';

export interface StageTaskParts extends DeskParts {
	readonly log: Logger;
	readonly inbox: Inbox;
	/** Tells the coordinator; repeated until it is acknowledged or too late. */
	readonly tell: (body: Body) => void;
}

export class StageTask {
	readonly #parts: StageTaskParts;
	readonly #task: Task;
	readonly #workspace: StageWorkspace;
	readonly #desk: Desk;
	readonly #post: WeightsPost;
	#queue: Promise<void> = Promise.resolve();
	#step = new AbortController();
	#closed = new AbortController();
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
		const {codecTo, mailboxBytes, arrangement} = workspace;
		this.#desk = new Desk(parts, {task, digest: arrangement.digest, codecTo, mailboxBytes});
		const {link, phases} = this.#desk;
		this.#post = new WeightsPost({...parts, link, phases, task, signal: this.#closed.signal});
		this.#desk.mailbox.begin(workspace.step);
	}

	/** A boundary transfer from another agent announces itself. */
	accept(transfer: IncomingTransfer): Acceptance {
		return this.#desk.accept(transfer);
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
		this.#desk.mailbox.close();
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
					: this.#desk.during('wait', () => this.#parts.inbox.take(gradient, deadlineMs, this.#closed.signal)),
			),
		);
		for (const [index, {scale, ...id}] of parts.entries()) {
			const {stage, part} = this.#runner(id);
			const update = (options: ApplyOptions) =>
				this.#desk.compute(this.#workspace.work.update(part), () => stage.apply(options), this.#closed.signal);
			const bytes = gradients[index]?.data;
			if (bytes === undefined) {
				await update({scale, lrScale});
				continue;
			}
			const count = stage.parameters.length;
			const vector = floatsOf(bytes, count + stage.buffers.length, `gradient of stage ${id.stage}`);
			if (stage.buffers.length > 0) {
				await stage.load({buffers: vector.slice(count)});
			}
			await update({gradient: vector.slice(0, count), scale, lrScale});
		}
		this.#steps = step + 1;
	}

	async #work(order: NonNullable<Orders['step']>, deadlineMs: number): Promise<void> {
		const {step, turn, batch, cursors} = order;
		const {plan} = this.#workspace;
		this.#step = new AbortController();
		const abort = this.#step;
		this.#desk.mailbox.begin(step);
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
			...(await this.#desk.account()),
			transfer: '',
			parts: JSON.stringify({parts, codecs: this.#desk.codecs} satisfies StepReport),
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
		const {plan, arrangement, sources, work} = this.#workspace;
		return {
			clock,
			plan,
			part: id => arrangement.part(id),
			receive: key => this.#desk.receive(step, key, deadlineMs, signal),
			send: async (to, key, tensors) => {
				try {
					await this.#desk.give(arrangement.part(to).device, step, key, tensors, signal);
				} catch (error) {
					// What a peer does not take will not come back from it: nobody waits for that.
					abort.abort();
					throw error;
				}
			},
			draw: (micro, rows) => drawRows(sources.get(part.replica)!, part.replica, micro, rows, drawn),
			labels: micro => labelsOfRows(sources, part, micro, drawn),
			computing: (pass, items, task) => this.#desk.compute(work.pass(part, pass, items), task, signal),
			sending: task => this.#desk.during('send', task),
		};
	}
}
