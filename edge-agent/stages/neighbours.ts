/** Who has something for a part, and for whom it has something; and putting together the rows that several sent. */
import {FplError} from '../../core/errors.js';
import type {Plan} from '../../core/plan/plan.js';
import {type Division, type Edge, edgesBetween, type PartId, type Rows} from '../../core/plan/routing.js';
import {stackRows} from '../../core/tensor/rows.js';
import type {Tensor} from '../../core/tensor/tensor.js';
import type {Tensors} from '../../models/engines/stage.js';
import type {ArrangedPart, Gift} from '../../models/plans/arrange.js';

export interface Neighbour {
	readonly edge: Edge;
	readonly gift: Gift;
}

interface Parts {
	readonly plan: Plan;
	/** Every part of the plan. */
	part(id: PartId): ArrangedPart;
}

/** The parts that have something for this one, with the rows of a micro-batch that they have. */
export const giversOf = ({stage, replica}: PartId, {plan, part}: Parts, division: Division): readonly Neighbour[] =>
	Array.from({length: stage}, (_, from) => edgesBetween(plan, division, from, stage))
		.flat()
		.filter(({to}) => to.replica === replica)
		.flatMap(edge => {
			const gift = part(edge.from).gifts.find(given => given.stage === stage);
			return gift ? [{edge, gift}] : [];
		});

/** The parts that this one has something for. */
export const takersOf = (
	{stage, replica, gifts}: ArrangedPart,
	{plan}: Parts,
	division: Division,
): readonly Neighbour[] =>
	gifts.flatMap(gift =>
		edgesBetween(plan, division, stage, gift.stage)
			.filter(({from}) => from.replica === replica)
			.map(edge => ({edge, gift})),
	);

/**
 * The rows of one value, from all who sent some of them.
 * @throws FplError `WIRE_INVALID` when they are not as many as wanted.
 */
export function joined(
	pieces: readonly {readonly edge: Pick<Edge, 'rows'>; readonly tensors: Tensors}[],
	name: string,
	rows: Rows,
): Tensor {
	const found = pieces.flatMap(({edge, tensors}) => {
		const tensor = tensors[name];
		return tensor === undefined ? [] : [{start: edge.rows.start, tensor}];
	});
	const [first, ...others] = found.sort((a, b) => a.start - b.start);
	const stacked = first && stackRows([first.tensor, ...others.map(({tensor}) => tensor)]);
	if (stacked?.shape[0] !== rows.count) {
		throw new FplError('WIRE_INVALID', {
			where: `«${name}»`,
			expected: `${rows.count} items`,
			got: stacked === undefined ? 'none' : `${stacked.shape[0]}`,
		});
	}
	return stacked;
}
