/** Data for joined models: several datasets that hold the same items, each as one branch sees them. */
import {FplError} from '../../core/errors.js';
import type {Tensor} from '../../core/tensor/tensor.js';
import {bind} from '../datasets/bind.js';
import type {Dataset} from '../datasets/dataset.js';
import type {Loss, Model, ValueInfo} from '../graph.js';
import type {JoinedModel} from './join.js';
import {ofBranch} from './kinds.js';

const inputOf = (model: Model, branch: string): ValueInfo | undefined => {
	const [input, ...others] = model.graph.inputs.filter(({name}) => name.endsWith(ofBranch('', branch)));
	return others.length === 0 ? input : undefined;
};

/**
 * The view that belongs to each branch: the first to the first, and so on.
 * @throws FplError `DATA_SHAPE` when there are not as many views as branches.
 */
export function viewsOf(branches: readonly string[], views: readonly Dataset[]): ReadonlyMap<string, Dataset> {
	if (views.length !== branches.length) {
		throw new FplError('DATA_SHAPE', {
			where: 'views of aligned sources',
			expected: `one for each of the ${branches.length} branches ${branches.join(', ')}`,
			got: `${views.length}`,
			fix: 'Choose views or devices so that there are as many of the one as of the other.',
		});
	}
	return new Map(branches.map((branch, index) => [branch, views[index]!]));
}

/**
 * One dataset whose features are the inputs `<input>@<branch>` of a joined model. Targets are those of the first branch: all
 * views must have the same items in the same order.
 * @param views by branch; branches that the model does not have (they were lost) are left out.
 * @throws FplError `DATA_SHAPE` when a branch has no view, views hold different items or numbers of features, or do not
 * fit the model.
 */
export function alignViews(views: ReadonlyMap<string, Dataset>, model: JoinedModel, loss: Loss = model.loss): Dataset {
	const parts = model.join.branches.map(branch => {
		const where = `branch «${branch}» of «${model.name}»`;
		const [input, view] = [inputOf(model, branch), views.get(branch)];
		if (input === undefined || view?.features.length !== 1) {
			throw new FplError('DATA_SHAPE', {
				where,
				expected: input === undefined ? 'a branch with one input' : 'a view with one feature',
				got: `${input === undefined ? 'several or none' : (view?.features.length ?? 'no view')}`,
			});
		}
		return {input, view, feature: view.features[0]!};
	});
	const {view: first} = parts[0]!;
	for (const {view} of parts) {
		const labels = first.labels;
		const other = view.labels?.findIndex((label, item) => label !== labels?.[item]) ?? -1;
		if (view.items !== first.items || other >= 0) {
			throw new FplError('DATA_SHAPE', {
				where: `views «${first.name}» and «${view.name}»`,
				problem: 'aligned sources must see the same items in the same order',
				...(view.items === first.items
					? {got: `different classes of item ${other}`}
					: {expected: `${first.items} items`, got: `${view.items}`}),
			});
		}
	}
	const aligned: Dataset = {
		...first,
		name: `${first.name} and ${parts.length - 1} other views`,
		features: parts.map(({input, feature}) => ({...feature, name: input.name})),
		batch(indices) {
			const inputs: Record<string, Tensor> = {};
			let targets: Tensor | undefined;
			for (const {input, view, feature} of parts) {
				const batch = view.batch(indices);
				inputs[input.name] = batch.inputs[feature.name]!;
				targets ??= batch.targets;
			}
			return {inputs, targets: targets!};
		},
	};
	return bind(aligned, model, loss);
}
