/**
 * One part of a plan at work: the passes of a step in the order of the schedule, with what they take from other parts and
 * give to them. Passes of one part follow each other; sending goes on meanwhile, so that computing and transfers overlap.
 */
import type {Clock} from '../../core/clock.js';
import {FplError} from '../../core/errors.js';
import {boundaryKey, type Direction, type PartReport} from '../../core/plan/orders.js';
import type {Plan} from '../../core/plan/plan.js';
import {
	type Active,
	type Division,
	divisionsOf,
	type Edge,
	microSizes,
	type PartId,
	type Rows,
} from '../../core/plan/routing.js';
import {type Pass, passesOf} from '../../core/plan/schedule.js';
import {addInto, rowsIn} from '../../core/tensor/rows.js';
import {type Tensor, zeros} from '../../core/tensor/tensor.js';
import type {Stage, Tensors} from '../../models/engines/stage.js';
import type {ArrangedPart, Gift} from '../../models/plans/arrange.js';
import type {Computed} from './desk.js';
import {giversOf, joined, type Neighbour, takersOf} from './neighbours.js';
import {Outgoing} from './outgoing.js';

/** The name under which labels travel; no value of a model begins so. */
export const labelsName = '#labels';

/** What a part needs of the agent around it. */
export interface PartContext {
	readonly clock: Clock;
	readonly plan: Plan;
	/** Every part of the plan. */
	part(id: PartId): ArrangedPart;
	/** Waits for what another part sends. @throws FplError `WIRE_TIMEOUT`, `INTERRUPTED`. */
	receive(key: string): Promise<Tensors>;
	/** Sends to another part; resolves when the peer has it. */
	send(to: PartId, key: string, tensors: Tensors): Promise<void>;
	/** The model's inputs and the labels of rows of a micro-batch, for parts that own data. */
	draw(micro: number, rows: Rows): {readonly inputs: Tensors; readonly labels: Tensor};
	/** The labels of rows of a micro-batch, where the last stage holds them itself. */
	labels(micro: number, rows: Rows): Tensor;
	/** Counts a pass as computing, stretched to the emulated device. */
	computing<T>(pass: Pass, items: number, task: () => Promise<T>): Promise<Computed<T>>;
	/** Counts a wait as sending. */
	sending(this: void, task: () => Promise<void>): Promise<void>;
}

export interface StepShape {
	readonly batch: number;
	readonly active: Active;
}

export interface PartResult {
	readonly report: PartReport;
	/** Σ loss over the items, where this part is the last; else undefined. */
	readonly loss: number | undefined;
	readonly correct: number;
}

interface Micro {
	readonly micro: number;
	readonly division: Division;
	/** Where its items begin in the batch. */
	readonly begin: number;
	readonly rows: Rows;
}

export class PartRunner {
	readonly part: ArrangedPart;
	readonly stage: Stage;

	constructor(part: ArrangedPart, stage: Stage) {
		this.part = part;
		this.stage = stage;
	}

	/** One step without its update. Everything that was sent has arrived when it resolves. */
	async step(context: PartContext, shape: StepShape): Promise<PartResult> {
		const {plan, clock} = context;
		const micros = this.#micros(plan, shape);
		const work = new Step(this.part, this.stage, context, shape, micros);
		const began = clock.monotonic();
		const passes: Array<PartReport['passes'][number]> = [];
		const order = passesOf(plan.pipeline.schedule, this.part.stage, plan.stages.length, [...micros.keys()]);
		// The last pass that was begun, and the one before: each ends after all before it.
		let before = Promise.resolve();
		let last = before;
		try {
			for (const pass of order) {
				const begin = await unlessFailed(work.prepare(pass), last);
				// While one is computed the next one waits in the engine, and no more.
				await before;
				const preceding = last;
				before = last;
				last = begin(preceding).then(({began: from, ended: to}) => {
					passes.push([pass.kind, pass.micro, from - began, to - began]);
				});
			}
			await last;
		} finally {
			await Promise.allSettled([before, last]);
			await work.finish();
		}
		const {loss, correct, items} = work;
		return {
			report: {...idOf(this.part), items, squaredNorm: null, passes},
			loss: this.part.last ? loss : undefined,
			correct,
		};
	}

	/** Micro-batches that have rows for this part. */
	#micros(plan: Plan, {batch, active}: StepShape): ReadonlyMap<number, Micro> {
		const micros = new Map<number, Micro>();
		let begin = 0;
		const sizes = microSizes(plan, batch);
		for (const [micro, division] of divisionsOf(plan, active, batch).entries()) {
			const rows = division[this.part.stage]![this.part.replica]!;
			if (rows.count > 0) {
				micros.set(micro, {micro, division, begin, rows});
			}
			begin += sizes[micro]!;
		}
		return micros;
	}
}

const idOf = ({stage, replica}: PartId): PartId => ({stage, replica});

/** The state of one step of one part. */
class Step {
	loss = 0;
	correct = 0;
	items = 0;
	readonly #part: ArrangedPart;
	readonly #stage: Stage;
	readonly #context: PartContext;
	readonly #shape: StepShape;
	readonly #micros: ReadonlyMap<number, Micro>;
	readonly #outgoing: Outgoing;

	constructor(
		part: ArrangedPart,
		stage: Stage,
		context: PartContext,
		shape: StepShape,
		micros: ReadonlyMap<number, Micro>,
	) {
		this.#part = part;
		this.#stage = stage;
		this.#context = context;
		this.#shape = shape;
		this.#micros = micros;
		this.#outgoing = new Outgoing(context.sending);
	}

	/** Waits for all that a pass needs; answers what begins it. */
	async prepare(pass: Pass): Promise<(preceding: Promise<void>) => Promise<Omit<Computed<unknown>, 'result'>>> {
		const micro = this.#micros.get(pass.micro)!;
		const {count} = micro.rows;
		const where = {offset: micro.begin + micro.rows.start, total: this.#shape.batch};
		/** Computes, and hands on what came of it after the passes before have. */
		const begin =
			<T>(task: () => Promise<T>, give: (result: T) => Promise<void>) =>
			async (preceding: Promise<void>) => {
				const {result, ...times} = await this.#context.computing(pass, count, task);
				await preceding;
				await give(result);
				return times;
			};
		switch (pass.kind) {
			case 'forward': {
				const {inputs, data, labels} = await this.#gather(micro);
				return begin(
					() => this.#stage.forward(pass.micro, inputs, where),
					({values}) => {
						this.items += count;
						return this.#giveForward(micro, {...data, ...values}, labels);
					},
				);
			}
			case 'learn': {
				const {inputs, labels} = await this.#gather(micro);
				return begin(
					() => this.#stage.learn(pass.micro, inputs, labels!, where),
					({loss, correct, gradients}) => {
						this.items += count;
						this.loss += loss * count;
						this.correct += correct ?? 0;
						return this.#giveBackward(micro, gradients);
					},
				);
			}
			case 'backward': {
				const outputGradients = await this.#gatherGradients(micro);
				return begin(
					() => this.#stage.backward(pass.micro, outputGradients),
					({gradients}) => this.#giveBackward(micro, gradients),
				);
			}
			default:
				return pass.kind satisfies never;
		}
	}

	/** Waits for everything that is being sent. @throws what a transfer threw. */
	finish(): Promise<void> {
		return this.#outgoing.finish();
	}

	#send(to: PartId, key: string, tensors: Tensors): Promise<void> {
		return this.#outgoing.send(to, () => this.#context.send(to, key, tensors));
	}

	/** Everything that the forward pass needs: own data, and what others made, their rows put together. */
	async #gather(micro: Micro): Promise<{inputs: Tensors; data: Tensors; labels: Tensor | undefined}> {
		const {stage, data, last, segment} = this.#part;
		const {plan} = this.#context;
		const drawn = stage === 0 ? this.#context.draw(micro.micro, micro.rows) : undefined;
		const letters = await Promise.all(
			this.#givers(micro).map(async ({edge}) => ({edge, tensors: await this.#receive('forward', micro.micro, edge)})),
		);
		const found = (name: string): Tensor => drawn?.inputs[name] ?? joined(letters, name, micro.rows);
		const inputs = Object.fromEntries(segment.graph.inputs.map(({name}) => [name, found(name)]));
		const own = Object.fromEntries(data.map(name => [name, found(name)]));
		if (!last) {
			return {inputs, data: own, labels: drawn?.labels};
		}
		const labels =
			drawn?.labels ??
			(plan.labels === 'at-last-stage'
				? this.#context.labels(micro.micro, micro.rows)
				: joined(letters, labelsName, micro.rows));
		return {inputs, data: own, labels};
	}

	/** The parts that have something for this one, with the rows that they have. */
	#givers({division}: Micro): readonly Neighbour[] {
		return giversOf(this.#part, this.#context, division);
	}

	/** The parts that this one has something for. */
	#takers({division}: Micro): readonly Neighbour[] {
		return takersOf(this.#part, this.#context, division);
	}

	#receive(direction: Direction, micro: number, edge: Edge): Promise<Tensors> {
		return this.#context.receive(boundaryKey(direction, micro, edge));
	}

	/** For each of this part's values: the sum of the gradients that its readers send. */
	async #gatherGradients(micro: Micro): Promise<Tensors> {
		const {rows} = micro;
		const sums: Record<string, Tensor<'float32'>> = {};
		const takers = this.#takers(micro);
		for (const {edge, gift} of takers) {
			const names = differentiable(gift);
			const tensors = names.length > 0 ? await this.#receive('backward', micro.micro, edge) : {};
			for (const name of names) {
				const piece = tensors[name];
				if (piece?.dtype !== 'float32') {
					throw new FplError('WIRE_INVALID', {
						where: boundaryKey('backward', micro.micro, edge),
						expected: `the gradient of «${name}»`,
						got: Object.keys(tensors).join(', ') || 'nothing',
					});
				}
				if (takers.length === 1 && edge.rows.count === rows.count && piece.shape[0] === rows.count) {
					sums[name] = piece;
					continue;
				}
				sums[name] ??= zeros('float32', [rows.count, ...piece.shape.slice(1)]);
				const place = rowsIn(sums[name]!, edge.rows.start - rows.start, edge.rows.count);
				addInto(place as Tensor<'float32'>, piece);
			}
		}
		return sums;
	}

	async #giveForward(micro: Micro, values: Tensors, labels: Tensor | undefined): Promise<void> {
		for (const {edge, gift} of this.#takers(micro)) {
			const part = (tensor: Tensor) => rowsIn(tensor, edge.rows.start - micro.rows.start, edge.rows.count);
			const named = [...gift.made, ...gift.data].map(({name}) => [name, part(values[name]!)] as const);
			await this.#send(edge.to, boundaryKey('forward', micro.micro, edge), {
				...Object.fromEntries(named),
				...(gift.labels ? {[labelsName]: part(labels!)} : {}),
			});
		}
	}

	async #giveBackward(micro: Micro, gradients: Tensors): Promise<void> {
		for (const {edge, gift} of this.#givers(micro)) {
			const part = (tensor: Tensor) => rowsIn(tensor, edge.rows.start - micro.rows.start, edge.rows.count);
			const named = differentiable(gift).map(name => [name, part(gradients[name]!)] as const);
			if (named.length > 0) {
				await this.#send(edge.from, boundaryKey('backward', micro.micro, edge), Object.fromEntries(named));
			}
		}
	}
}

const differentiable = ({made}: Gift): string[] => made.filter(({dtype}) => dtype === 'float32').map(({name}) => name);

/** What is prepared, unless something else fails meanwhile: then nobody waits for it any more. */
function unlessFailed<T>(prepared: Promise<T>, other: Promise<void>): Promise<T> {
	prepared.catch(() => {});
	return Promise.race([prepared, other.then(() => prepared)]);
}
