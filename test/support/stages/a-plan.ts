/** Plans of every scheme that is executed stage by stage, over devices that exist in name only. */
import fc from 'fast-check';
import {modelSplit, pipeline} from '../../../core/plan/builders/chain.js';
import {fplAligned, fplStacked} from '../../../core/plan/builders/fpl.js';
import type {Placement} from '../../../core/plan/builders/parts.js';
import {parallelSplit, splitFed, splitLearning} from '../../../core/plan/builders/split.js';
import {uShaped} from '../../../core/plan/builders/u-shaped.js';
import type {Plan} from '../../../core/plan/plan.js';

/** As many units as the plans have. */
export const unitCount = 9;

const place = (sources: number, trunk: number, cuts: readonly number[]): Placement => ({
	model: 'some-model',
	units: unitCount,
	sources: Array.from({length: sources}, (_, index) => `source-${index}`),
	trunk: Array.from({length: trunk}, (_, index) => `trunk-${index}`),
	cuts,
});

const flow = fc.record({microBatches: fc.integer({min: 1, max: 5}), schedule: fc.constantFrom('gpipe', '1f1b')});
const few = fc.integer({min: 1, max: 3});
const several = fc.integer({min: 2, max: 3});

/** Any plan with stages that the builders make, sometimes with shares of another size. */
export const anyPlan: fc.Arbitrary<Plan> = fc
	.oneof(
		few.map(trunk => modelSplit(place(1, trunk, [2, 4, 6].slice(0, trunk)))),
		fc.tuple(few, flow).map(([trunk, options]) => pipeline(place(1, trunk, [2, 4, 6].slice(0, trunk)), options)),
		fc.tuple(several, few).map(([sources, epochs]) => splitLearning(place(sources, 1, [3]), epochs)),
		fc.tuple(few, few, flow).map(([sources, epochs, options]) => splitFed(place(sources, 1, [3]), epochs, options)),
		fc.tuple(few, flow).map(([sources, options]) => parallelSplit(place(sources, 1, [3]), options)),
		fc
			.tuple(several, few, flow, fc.boolean())
			.map(([sources, trunk, options, chain]) =>
				fplAligned(place(sources, trunk, chain ? [2, 4, 6].slice(0, trunk) : [3]), 'scalar', options),
			),
		fc
			.tuple(several, few, flow, fc.constantFrom('step' as const, 'never' as const))
			.map(([sources, trunk, options, branches]) => fplStacked(place(sources, trunk, [3]), branches, options)),
		fc.tuple(few, flow).map(([sources, options]) => uShaped(place(sources, 1, [2, 6]), options)),
	)
	.chain(plan => {
		if (plan.labels === 'stay') {
			return fc.constant(plan);
		}
		const shares = plan.stages.map(({replicas}) =>
			fc.array(fc.integer({min: 1, max: 4}), {minLength: replicas.length, maxLength: replicas.length}),
		);
		return fc.tuple(...shares).map(
			(by): Plan => ({
				...plan,
				stages: plan.stages.map((stage, index) => ({
					...stage,
					replicas: stage.replicas.map((replica, at) => ({...replica, share: by[index]![at]!})),
				})),
			}),
		);
	});
