/** The items that a device draws for its parts: inputs and labels by rows of a micro-batch. */
import type {Plan} from '../../core/plan/plan.js';
import {type Active, divisionsOf, edgesBetween, isBranched, type Rows} from '../../core/plan/routing.js';
import {stackRows} from '../../core/tensor/rows.js';
import type {Tensor} from '../../core/tensor/tensor.js';
import type {Dataset} from '../../models/datasets/dataset.js';
import type {itemOrder} from '../../models/datasets/draw.js';
import type {Tensors} from '../../models/engines/stage.js';

/** The data of one replica of the first stage. */
export interface Source {
	/** Bound to the model: its features have the names of the model's inputs. */
	readonly data: Dataset;
	readonly order: ReturnType<typeof itemOrder>;
}

/** What is drawn in one step. */
export interface DrawnStep {
	readonly plan: Plan;
	readonly active: Active;
	readonly batch: number;
	/** By replica of the first stage: items drawn before. */
	readonly cursors: readonly number[];
}

/** The items of rows of one micro-batch that a source owns. `rows` lie within the source's own. */
export function drawRows(
	{data, order}: Source,
	replica: number,
	micro: number,
	rows: Rows,
	{plan, active, batch, cursors}: DrawnStep,
): {readonly inputs: Tensors; readonly labels: Tensor} {
	const own = divisionsOf(plan, active, batch).map(([first]) => first![replica]!);
	const before = own.slice(0, micro).reduce((sum, {count}) => sum + count, 0);
	const from = cursors[replica]! + before + (rows.start - own[micro]!.start);
	const {inputs, targets} = data.batch(order(from, rows.count));
	return {inputs, labels: targets};
}

/** The labels of rows of one micro-batch, where a device holds the data of all sources. */
export function labelsOfRows(
	sources: ReadonlyMap<number, Source>,
	{stage, replica}: {readonly stage: number; readonly replica: number},
	micro: number,
	step: DrawnStep,
): Tensor {
	const {plan, active, batch} = step;
	const division = divisionsOf(plan, active, batch)[micro]!;
	const edges = edgesBetween(plan, division, 0, stage).filter(({to}) => to.replica === replica);
	// Branches see the same items: one of them says it all.
	const telling = isBranched(plan, 0) ? edges.slice(0, 1) : edges;
	const pieces = telling.map(
		({from, rows}) => drawRows(sources.get(from.replica)!, from.replica, micro, rows, step).labels,
	);
	return stackRows(pieces as [Tensor, ...Tensor[]]);
}
