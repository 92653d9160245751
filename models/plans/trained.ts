/** Trained weights in a planned model, by the names that they have in the file of the trained one. */
import {FplError} from '../../core/errors.js';
import type {Tensor} from '../../core/tensor/tensor.js';
import type {Model} from '../graph.js';
import {ofBranch} from '../junction/kinds.js';
import {layoutOf, viewOf, withWeights} from '../layout.js';

/**
 * The same model with the weights of another.
 * @throws FplError `PLAN_INVALID` when the other lacks one of them, or has it in another shape: it was trained by another plan.
 */
export const withTrained =
	(trained: Model) =>
	(planned: Model): Model => {
		const taken = (names: readonly string[]): Float32Array => {
			const layout = layoutOf(planned.graph, names);
			const flat = new Float32Array(layout.length);
			for (const entry of layout.entries) {
				const found = trained.graph.initializers.get(entry.name);
				if (found?.dtype !== 'float32' || found.shape.join() !== entry.shape.join()) {
					throw new FplError('PLAN_INVALID', {
						where: `weight «${entry.name}»`,
						problem: `the trained model «${trained.name}» is not the one that this plan makes`,
						expected: `[${entry.shape.join(', ')}]`,
						got: found ? `[${found.shape.join(', ')}]` : 'none of that name',
						fix: 'Use the plan of the run, or one with the same cut, junction and branches.',
					});
				}
				viewOf(flat, entry).data.set((found as Tensor<'float32'>).data);
			}
			return flat;
		};
		return withWeights(planned, taken(planned.parameters), taken(planned.buffers));
	};

/** Branches of a plan that a trained joined model has no weights of: they were lost before its training ended. */
export const untrainedBranches = (planned: Model, trained: Model, branches: readonly string[]): string[] =>
	branches.filter(branch => {
		const own = planned.parameters.filter(name => name.endsWith(ofBranch('', branch)));
		return own.length > 0 && own.every(name => !trained.graph.initializers.has(name));
	});
