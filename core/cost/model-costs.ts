/**
 * What a model costs, unit by unit, as counts: enough to predict any plan for it, without the model. `models/plans/costs` makes
 * it of a model; planners and the simulator know nothing else.
 */
import type {OpClass} from '../profile/profile.js';

/** One class of operators in the forward pass of one unit. */
export interface ClassWork {
	/** FLOP per item. */
	readonly flops: number;
	/** Bytes read and written per item. */
	readonly bytes: number;
	/** Bytes read and written once per call, however many items: the weights. */
	readonly callBytes: number;
	/** Operator calls. */
	readonly calls: number;
}

/** What computing one unit takes. */
export interface UnitWork {
	readonly label: string;
	readonly work: Readonly<Partial<Record<OpClass, ClassWork>>>;
	/** Trained float32 elements. */
	readonly parameters: number;
	/** Running statistics, float32 elements. */
	readonly buffers: number;
}

export interface UnitCosts extends UnitWork {
	/** Bytes per item that it makes and the backward pass of the whole model needs. */
	readonly stashBytes: number;
	/**
	 * Of these, what the backward pass of this unit does not need itself, only those of later ones. A stage that ends with this
	 * unit gives it away and does not keep it. Absent: nothing is known of any.
	 */
	readonly lentBytes?: number;
	/** Bytes of weights that are never trained, nor sent to anybody: they take memory only. Absent: there are none. */
	readonly frozenBytes?: number;
}

/** A tensor that crosses a cut. */
export interface ValueCosts {
	/** Unit that makes it; −1: an input of the model. */
	readonly madeBy: number;
	/** Units that read it, ascending. */
	readonly readBy: readonly number[];
	/** Of one item. */
	readonly shape: readonly number[];
	readonly bytesPerElement: number;
	/** Whether a gradient of it comes back. */
	readonly differentiable: boolean;
}

export interface ModelCosts {
	readonly name: string;
	readonly maxCrossing: number;
	readonly units: readonly UnitCosts[];
	/** All that cross some cut. */
	readonly values: readonly ValueCosts[];
	/** By cut (the one after unit i): whether no weight lies on both sides of it, so that a plan may use it. */
	readonly separable: readonly boolean[];
	/** Bytes of one item: of the model's inputs, its outputs, its label. */
	readonly inputBytes: number;
	readonly outputBytes: number;
	readonly labelBytes: number;
}

/** Passes of a training step in forward passes: backward has a gradient of the inputs and one of the weights. */
export const passCost = {forward: 1, backward: 2, learn: 3} as const;
export type PassKind = keyof typeof passCost;

/** Bytes of a float32. */
export const floatBytes = 4;

/** Bytes of a value of one item, as it is. */
export const valueBytes = ({shape, bytesPerElement}: ValueCosts): number =>
	shape.reduce((product, dim) => product * dim, bytesPerElement);

/** Bytes of one item that cross the cut after a unit, as they are. */
export const crossingBytes = ({values}: Pick<ModelCosts, 'values'>, cut: number): number =>
	values
		.filter(({madeBy, readBy}) => madeBy <= cut && readBy.some(unit => unit > cut))
		.reduce((sum, value) => sum + valueBytes(value), 0);
