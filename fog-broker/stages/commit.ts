/** What everybody is told when a step has been computed by all. Pure. */
import {groupsOf} from '../../core/plan/groups.js';
import type {Orders, StepReport} from '../../core/plan/orders.js';
import type {Plan} from '../../core/plan/plan.js';
import {activeIn} from '../../core/plan/routing.js';
import type {MeanAggregator} from '../server/aggregator.js';

type CommitPart = NonNullable<Orders['commit']>['parts'][number];

export interface CommitInput {
	readonly plan: Plan;
	readonly turn: number;
	readonly reports: readonly StepReport[];
	/** By group: the mean of its replicas' gradients. */
	readonly means: ReadonlyMap<string, MeanAggregator>;
	/** Elements of a group's vectors. */
	readonly lengths: (key: string) => {readonly parameters: number; readonly buffers: number};
	readonly clipNorm: number | undefined;
}

/** One part's update. `vector`: the mean gradient and buffers that it applies; undefined: what it has accumulated. */
export interface PartUpdate extends Omit<CommitPart, 'gradient'> {
	readonly device: string;
	/** Items that the part worked on. */
	readonly items: number;
	readonly vector: Float32Array | undefined;
}

const squaredNormOf = (vector: Float32Array): number => {
	let sum = 0;
	for (const value of vector) {
		sum += value * value;
	}
	return sum;
};

/**
 * Gradients are divided by the items behind them and clipped together: the norm is that of all groups' gradients, as if they
 * lay in one model.
 */
export function updatesOf({plan, turn, reports, means, lengths, clipNorm}: CommitInput): readonly PartUpdate[] {
	const parts = reports.flatMap(report => report.parts);
	const active = activeIn(plan, turn);
	const vectors = new Map<string, Float32Array>();
	let squaredNorm = 0;
	for (const {key, stage, replicas} of groupsOf(plan)) {
		const mean = means.get(key);
		if (mean) {
			const {parameters, buffers} = lengths(key);
			const vector = new Float32Array(parameters + buffers);
			mean.mean(vector);
			vectors.set(key, vector);
			squaredNorm += clipNorm === undefined ? 0 : squaredNormOf(vector.subarray(0, parameters));
			continue;
		}
		for (const part of parts) {
			if (part.stage === stage && replicas.includes(part.replica) && part.items > 0) {
				squaredNorm += (part.squaredNorm ?? 0) / part.items ** 2;
			}
		}
	}
	const clip = clipNorm === undefined ? 1 : Math.min(1, clipNorm / (Math.sqrt(squaredNorm) + 1e-6));
	return groupsOf(plan).flatMap(({key, stage, replicas}) =>
		replicas
			.filter(index => active[stage]!.includes(index))
			.flatMap((replica): PartUpdate[] => {
				const {device} = plan.stages[stage]!.replicas[replica]!;
				const items = parts.find(part => part.stage === stage && part.replica === replica)?.items ?? 0;
				const vector = vectors.get(key);
				const scale = vector ? clip : clip / items;
				return vector || items > 0 ? [{stage, replica, device, items, scale, vector}] : [];
			}),
	);
}
