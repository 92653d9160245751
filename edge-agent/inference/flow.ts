/**
 * One part of an inference run at work: batch after batch it takes what it needs, predicts, and hands on. Batches are
 * independent of each other, so all stages are busy at once; sending goes on while the next batch is computed.
 */
import {
	allActive,
	answerKey,
	type Giving,
	type InferOrder,
	rowsOfPart,
	sizeOfBatch,
} from '../../core/plan/inference.js';
import {boundaryKey} from '../../core/plan/orders.js';
import type {Plan} from '../../core/plan/plan.js';
import {edgesBetween, type PartId, type Rows, wholeDivision} from '../../core/plan/routing.js';
import {rowsIn} from '../../core/tensor/rows.js';
import type {Tensor} from '../../core/tensor/tensor.js';
import type {Tensors} from '../../models/engines/stage.js';
import type {ArrangedPart} from '../../models/plans/arrange.js';
import {giversOf, joined, takersOf} from '../stages/neighbours.js';
import {answerName, likeliest} from './answers.js';
import type {OpenPart} from './workspace.js';

/** What a part needs of the agent around it. Everything it waits for ends by a deadline or by the run's end. */
export interface FlowContext {
	readonly plan: Plan;
	/** Every part of the plan. */
	part(id: PartId): ArrangedPart;
	/** The first output of the model. */
	readonly output: string;
	/** Waits until a source may ask for a batch. */
	admit(replica: number, batch: number): Promise<void>;
	/** The inputs of some rows of a batch, from a source's own items; its question is counted from now on. */
	draw(replica: number, batch: number, rows: Rows): Tensors;
	receive(batch: number, key: string): Promise<Tensors>;
	/** Begins to send; waits while too much is under way to the same part. */
	send(to: PartId, batch: number, key: string, tensors: Tensors): Promise<void>;
	predict(open: OpenPart, items: number, inputs: Tensors): Promise<Tensors>;
	/** Nothing before this batch is needed here any more. */
	done(batch: number, items: number): void;
}

const divisionOf = (plan: Plan, size: number) => wholeDivision(plan, allActive(plan), size);

/** Sources that a part of the last stage answers: those whose rows it has, and the others to keep them in step. */
export function answered(plan: Plan, {stage, replica}: PartId, size: number) {
	const edges = edgesBetween(plan, divisionOf(plan, size), 0, stage).filter(({to}) => to.replica === replica);
	const alone = plan.stages.length === 1;
	return plan.stages[0]!.replicas.flatMap((_, source) => {
		const edge = edges.find(({from}) => from.replica === source);
		return edge || !alone ? [{to: {stage: 0, replica: source}, rows: edge?.rows}] : [];
	});
}

/** @throws FplError of the engine, `WIRE_TIMEOUT`, `WIRE_INVALID`, `INTERRUPTED`. */
export async function flow(open: OpenPart, order: InferOrder, context: FlowContext): Promise<void> {
	const {part} = open;
	const {plan} = context;
	for (let batch = order.from; batch < order.until; batch++) {
		const size = sizeOfBatch(order, batch);
		const rows = rowsOfPart(plan, part, size);
		if (rows.count > 0) {
			const values = await gather(part, batch, size, rows, context);
			const inputs = Object.fromEntries(part.segment.graph.inputs.map(({name}) => [name, values(name)]));
			const made = await context.predict(open, rows.count, inputs);
			await give(part, batch, size, rows, name => made[name] ?? values(name), context);
			if (part.last) {
				await answer(part, batch, size, rows, giving(made[context.output]!, order.give), context);
			}
		}
		context.done(batch + 1, rows.count);
	}
}

type Values = (name: string) => Tensor;

/** Own data, and what others made, their rows put together. */
async function gather(
	part: ArrangedPart,
	batch: number,
	size: number,
	rows: Rows,
	context: FlowContext,
): Promise<Values> {
	const {stage, replica} = part;
	if (stage === 0) {
		await context.admit(replica, batch);
	}
	const drawn = stage === 0 ? context.draw(replica, batch, rows) : {};
	const pieces = await Promise.all(
		giversOf(part, context, divisionOf(context.plan, size))
			// Labels stay with the sources.
			.filter(({gift}) => gift.made.length + gift.data.length > 0)
			.map(async ({edge}) => ({edge, tensors: await context.receive(batch, boundaryKey('forward', 0, edge))})),
	);
	return name => drawn[name] ?? joined(pieces, name, rows);
}

async function give(part: ArrangedPart, batch: number, size: number, rows: Rows, values: Values, context: FlowContext) {
	for (const {edge, gift} of takersOf(part, context, divisionOf(context.plan, size))) {
		const named = [...gift.made, ...gift.data].map(({name}) => [name, own(values(name), rows, edge.rows)] as const);
		if (named.length > 0) {
			await context.send(edge.to, batch, boundaryKey('forward', 0, edge), Object.fromEntries(named));
		}
	}
}

async function answer(part: ArrangedPart, batch: number, size: number, rows: Rows, all: Tensor, context: FlowContext) {
	for (const {to, rows: theirs} of answered(context.plan, part, size)) {
		const tensor = own(all, rows, theirs ?? {start: rows.start, count: 0});
		await context.send(to, batch, answerKey(part, to), {[answerName]: tensor});
	}
}

const giving = (output: Tensor, give: Giving): Tensor =>
	give === 'classes' ? likeliest(output as Tensor<'float32'>) : output;

/** Some of a part's rows. */
const own = (tensor: Tensor, rows: Rows, wanted: Rows): Tensor =>
	rowsIn(tensor, wanted.start - rows.start, wanted.count);
