/**
 * What an agent does in an inference run: all its parts work on batches at once, its sources ask and take the answers, and
 * after each interval it tells what came out and what it cost. A fault ends the attempt on this device; the coordinator
 * then begins another one.
 *
 * Bounds: a source has at most `inFlight` batches under way, and no source is further ahead of another than that, since
 * each part of the last stage answers all sources. So no letter here is of a batch more than twice `inFlight` beyond the
 * oldest that this device still works on.
 */
import {setMaxListeners} from 'node:events';
import {asFplError} from '../../core/errors.js';
import {answerKey, type InferOrder, type InferReport, rowsOfPart, sizeOfBatch} from '../../core/plan/inference.js';
import type {Orders} from '../../core/plan/orders.js';
import {isBranched, type Rows} from '../../core/plan/routing.js';
import type {Tensor} from '../../core/tensor/tensor.js';
import type {Acceptance, IncomingTransfer} from '../../core/wire/tensor-link.js';
import type {Tensors} from '../../models/engines/stage.js';
import {Desk} from '../stages/desk.js';
import {allOrAbort} from '../stages/helpers.js';
import {joined} from '../stages/neighbours.js';
import {Outgoing} from '../stages/outgoing.js';
import type {StageTaskParts} from '../stages/task.js';
import type {Task} from '../state.js';
import {answerName, hitsOf, Tally} from './answers.js';
import {answered, type FlowContext, flow} from './flow.js';
import {Window} from './window.js';
import type {InferenceWorkspace, OpenPart} from './workspace.js';

export type InferTaskParts = Omit<StageTaskParts, 'inbox'>;

/** A source at work. */
interface Asking {
	readonly window: Window;
	readonly tally: Tally;
}

export class InferTask {
	readonly #parts: InferTaskParts;
	readonly #task: Task;
	readonly #workspace: InferenceWorkspace;
	readonly #desk: Desk;
	readonly #stop = new AbortController();
	#working: Promise<void> | undefined;
	/** By everything that goes through the batches in order (parts, sources): the next batch, and items since the last report. */
	readonly #positions = new Map<string, {next: number; items: number}>();
	#reported = 0;

	constructor(parts: InferTaskParts, task: Task, workspace: InferenceWorkspace) {
		this.#parts = parts;
		this.#task = task;
		this.#workspace = workspace;
		const {codecTo, mailboxBytes, arrangement, inFlight} = workspace;
		this.#desk = new Desk(parts, {
			task,
			digest: arrangement.digest,
			codecTo,
			mailboxBytes,
			ahead: 2 * inFlight,
		});
		this.#desk.mailbox.begin(workspace.from);
		// Everything under way waits for this one signal, a bounded number of things.
		setMaxListeners(0, this.#stop.signal);
	}

	/** A transfer from another agent announces itself. */
	accept(transfer: IncomingTransfer): Acceptance {
		return this.#desk.accept(transfer);
	}

	/** Begins to answer; the same orders may come again. `deadlineMs`: for everything that is waited for on the way. */
	proceed({infer}: Orders, deadlineMs: number): void {
		if (infer && !this.#working) {
			this.#working = this.#work(infer, deadlineMs).catch((error: unknown) => this.#fail(error));
		}
	}

	/** Stops what is under way; the stages stay open. */
	async close(): Promise<void> {
		this.#stop.abort();
		this.#desk.mailbox.close();
		await this.#working;
	}

	#fail(error: unknown): void {
		const {code, facts, message} = asFplError(error);
		if (code !== 'INTERRUPTED') {
			this.#parts.log.warn(`inference: ${message}`, {code});
			this.#parts.tell({kind: 'failed', ...this.#task, code, facts: JSON.stringify(facts)});
		}
	}

	async #work(order: InferOrder, deadlineMs: number): Promise<void> {
		const {plan, parts, sources} = this.#workspace;
		// Branches are answered alike: the first one speaks for all.
		this.#reported = order.from;
		const asking = new Map(
			[...sources.keys()].map(replica => [
				replica,
				{
					window: new Window(order.inFlight, order.from),
					tally: new Tally(replica, order.keep && (replica === 0 || !isBranched(plan, 0))),
				},
			]),
		);
		const position = (name: string) => this.#positions.set(name, {next: order.from, items: 0});
		for (const {part} of parts) {
			position(`${part.stage}.${part.replica}`);
		}
		for (const replica of sources.keys()) {
			position(`source ${replica}`);
		}
		await allOrAbort(this.#stop, [
			...parts.map(open => this.#flow(open, order, asking, deadlineMs)),
			...[...asking].map(([replica, source]) => this.#take(replica, order, source, asking, deadlineMs)),
		]);
	}

	async #flow(open: OpenPart, order: InferOrder, asking: ReadonlyMap<number, Asking>, deadlineMs: number) {
		const {plan, arrangement, sources, workload} = this.#workspace;
		const {clock} = this.#parts;
		const {signal} = this.#stop;
		const outgoing = new Outgoing(task => this.#desk.during('send', task));
		const context: FlowContext = {
			plan,
			part: id => arrangement.part(id),
			output: arrangement.model.graph.outputs[0]!.name,
			admit: (replica, batch) => this.#desk.during('wait', () => asking.get(replica)!.window.admit(batch, signal)),
			draw: (replica, batch, rows) => {
				asking.get(replica)!.window.ask(batch, clock.monotonic());
				return sources.get(replica)!.batch(indicesOf(order, batch, rows)).inputs;
			},
			receive: (batch, key) => this.#receive(batch, key, deadlineMs),
			send: (to, batch, key, tensors) =>
				outgoing.send(to, () => this.#desk.give(arrangement.part(to).device, batch, key, tensors, signal)),
			predict: async (part, items, inputs) => {
				const predict = () => part.stage.predict(inputs);
				return (await this.#desk.compute(workload(part.part, items), predict, signal)).result.values;
			},
			done: (batch, items) => this.#advance(`${open.part.stage}.${open.part.replica}`, batch, items, order, asking),
		};
		try {
			await flow(open, order, context);
		} finally {
			await outgoing.finish();
		}
	}

	/** Takes the answers to a source's questions, in order. */
	async #take(
		replica: number,
		order: InferOrder,
		{window, tally}: Asking,
		asking: ReadonlyMap<number, Asking>,
		deadlineMs: number,
	): Promise<void> {
		const {plan, sources, loss} = this.#workspace;
		const last = plan.stages.length - 1;
		const me = {stage: 0, replica};
		for (let batch = order.from; batch < order.until; batch++) {
			const size = sizeOfBatch(order, batch);
			const rows = rowsOfPart(plan, me, size);
			const tellers = plan.stages[last]!.replicas.flatMap((_, index) => {
				const part = {stage: last, replica: index};
				const given =
					rowsOfPart(plan, part, size).count > 0
						? answered(plan, part, size).find(({to}) => to.replica === replica)
						: undefined;
				return given ? [{part, rows: given.rows}] : [];
			});
			const letters = await Promise.all(
				tellers.map(async ({part, rows: theirs}) => ({
					edge: {rows: theirs ?? {start: 0, count: 0}},
					tensors: await this.#receive(batch, answerKey(part, me), deadlineMs),
				})),
			);
			const asked = window.answer(batch);
			const interval = Math.floor(batch / order.interval);
			if (rows.count > 0 && asked !== undefined) {
				const latencyMs = this.#parts.clock.monotonic() - asked;
				const answer: Tensor = joined(
					letters.filter(({edge}) => edge.rows.count > 0),
					answerName,
					rows,
				);
				const {targets} = sources.get(replica)!.batch(indicesOf(order, batch, rows));
				tally.add(interval, latencyMs, answer, hitsOf(answer, targets, loss));
			} else {
				tally.skip(interval);
			}
			this.#advance(`source ${replica}`, batch + 1, 0, order, asking);
		}
	}

	#receive(batch: number, key: string, deadlineMs: number): Promise<Tensors> {
		return this.#desk.receive(batch, key, deadlineMs, this.#stop.signal);
	}

	/** Something here has gone on to its next batch; when all have passed the end of an interval, it is told. */
	#advance(name: string, next: number, items: number, order: InferOrder, asking: ReadonlyMap<number, Asking>): void {
		const position = this.#positions.get(name)!;
		position.next = next;
		position.items += items;
		const least = Math.min(...[...this.#positions.values()].map(other => other.next));
		this.#desk.mailbox.begin(least);
		const end = Math.min(order.until, (Math.floor(this.#reported / order.interval) + 1) * order.interval);
		if (least >= end && this.#reported < end) {
			const interval = Math.floor(this.#reported / order.interval);
			this.#reported = end;
			this.#report(interval, asking).catch((error: unknown) => this.#fail(error));
		}
	}

	async #report(interval: number, asking: ReadonlyMap<number, Asking>): Promise<void> {
		const answers = [...asking.values()].map(({tally}) => tally.read(interval));
		const positions = [...this.#positions.values()];
		const items = Math.max(0, ...positions.map(position => position.items));
		for (const position of positions) {
			position.items = 0;
		}
		const report: InferReport = {answers, codecs: this.#desk.codecs};
		const account = await this.#desk.account();
		this.#parts.tell({
			kind: 'roundReport',
			...this.#task,
			round: interval,
			loss: 0,
			items,
			steps: 0,
			correct: answers.reduce((sum, {hits}) => sum + (hits ?? 0), 0),
			...account,
			transfer: '',
			parts: JSON.stringify(report),
		});
	}
}

/** Items of rows of a batch: those of the same numbers on every source. */
const indicesOf = ({batch: size}: InferOrder, batch: number, {start, count}: Rows): Uint32Array =>
	Uint32Array.from({length: count}, (_, index) => batch * size + start + index);
