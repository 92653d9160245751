/** What the builders of plans have in common. */
import {FplError} from '../../errors.js';
import {type Plan, type PlanDocument, planSchema, type Stage, type Synchronisation} from '../plan.js';

/** Who takes part and where the model is cut, decided beforehand (`models/plans/plan-for`): builders know no models. */
export interface Placement {
	/** The model's name. */
	readonly model: string;
	/** How many units it has. */
	readonly units: number;
	/** Devices that own data, in order, ≥ 1. */
	readonly sources: readonly string[];
	/** Devices that compute what the sources do not, in the order of the stages. */
	readonly trunk: readonly string[];
	/** Units before which to cut, ascending; one fewer than there are stages. */
	readonly cuts: readonly number[];
	/** How many tensors may cross a cut; says which places count as cuts. Default 1. */
	readonly maxCrossing?: number | undefined;
}

export type Pipeline = Plan['pipeline'];

/** One update of all from the mean gradient, at every step. */
export const everyStep: Synchronisation = {
	topology: 'parameter-server',
	exchange: 'gradients',
	every: {kind: 'step'},
};

/** The mean of the weights, after so many passes over the data. */
export const everyEpochs = (epochs: number): Synchronisation => ({
	topology: 'parameter-server',
	exchange: 'weights',
	every: {kind: 'epochs', epochs},
});

/** Each replica keeps weights of its own. */
export const privately: Synchronisation = {topology: 'parameter-server', exchange: 'weights', every: {kind: 'never'}};

/** Replicas with equal shares. */
export const replicas = (devices: readonly string[]): Stage['replicas'] => devices.map(device => ({device, share: 1}));

/** «1 local epoch», «2 local epochs». */
export const localEpochsText = (epochs: number): string => `${epochs} local epoch${epochs === 1 ? '' : 's'}`;

/**
 * First and last unit of each stage.
 * @throws FplError `PLAN_INVALID` when the cuts are not ascending, not within the model, or not as many as expected.
 */
export function rangesOf({model, units, cuts}: Placement, stages: number): Array<[number, number]> {
	const where = `cuts of «${model}»`;
	if (cuts.length !== stages - 1) {
		throw new FplError('PLAN_INVALID', {
			where,
			expected: `${stages - 1} for ${stages} stages`,
			got: cuts.length === 0 ? 'none' : cuts.join(', '),
		});
	}
	const bounds = [0, ...cuts, units];
	return bounds.slice(1).map((end, index) => {
		const start = bounds[index]!;
		if (!Number.isInteger(end) || end <= start) {
			throw new FplError('PLAN_INVALID', {
				where,
				expected: `ascending units from 1 to ${units - 1} (the model has ${units} units)`,
				got: cuts.join(', '),
			});
		}
		return [start, end - 1];
	});
}

/** A stage as builders write it; the schema fills in the rest. */
export type StageDocument = Omit<PlanDocument['stages'][number], 'replicas'> & {readonly replicas: Stage['replicas']};

/** A whole plan, with the schema's defaults. Of `pipeline`, which may be a scheme's options, only its own keys are taken. */
export const planOf = (
	{model, maxCrossing}: Pick<Placement, 'model' | 'maxCrossing'>,
	{
		pipeline,
		...parts
	}: {
		readonly scheme: string;
		readonly stages: readonly StageDocument[];
		readonly synchronisation: Synchronisation;
		readonly pipeline?: Pipeline | undefined;
		readonly labels?: Plan['labels'];
	},
): Plan =>
	planSchema.parse({
		version: 1,
		model,
		maxCrossing,
		pipeline: pipeline && {microBatches: pipeline.microBatches, schedule: pipeline.schedule},
		...parts,
	});
