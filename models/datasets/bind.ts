/** Joins a dataset to a model: checks once that they fit, and renames features to the model's inputs. */
import {FplError} from '../../core/errors.js';
import type {Shape, Tensor} from '../../core/tensor/tensor.js';
import type {Dim, Loss, Model, ValueInfo} from '../graph.js';
import type {Dataset, Features} from './dataset.js';

const text = (shape: readonly Dim[] | undefined) => (shape ? `[${shape.join(', ')}]` : '[…]');

/** Whether items of this shape may be fed, the first dimension of the input being the batch. */
const fits = (input: ValueInfo, shape: Shape) =>
	input.shape === undefined ||
	(input.shape.length === shape.length + 1 &&
		shape.every((dim, axis) => typeof input.shape![axis + 1] === 'string' || input.shape![axis + 1] === dim));

/** The feature that feeds an input: the one of its name, or the only one. */
function featureFor(input: ValueInfo, {features, name}: Dataset, model: Model): Features {
	const only = model.graph.inputs.length === 1 && features.length === 1 ? features[0] : undefined;
	const feature = features.find(candidate => candidate.name === input.name) ?? only;
	const where = `model «${model.name}», input «${input.name}»`;
	if (!feature) {
		throw new FplError('DATA_SHAPE', {
			where,
			expected: `a feature of that name in dataset «${name}»`,
			got: features.map(candidate => `«${candidate.name}»`).join(', '),
		});
	}
	if (feature.dtype !== input.dtype || !fits(input, feature.shape)) {
		throw new FplError('DATA_SHAPE', {
			where,
			expected: `${input.dtype}${text(input.shape)}`,
			got: `${feature.dtype}${text(['N', ...feature.shape])} from «${feature.name}» of dataset «${name}»`,
			fix: 'Choose a dataset that fits the model, or build the model for this input.',
		});
	}
	return feature;
}

function checkTarget(model: Model, {target, name}: Dataset, loss: Loss): void {
	const output = model.graph.outputs[0]!;
	const wide = output.shape?.at(-1);
	const where = `model «${model.name}», output «${output.name}»`;
	switch (target.kind) {
		case 'classes':
			if (loss !== 'softmax-cross-entropy') {
				throw new FplError('DATA_SHAPE', {
					where,
					expected: `the loss «softmax-cross-entropy», since dataset «${name}» has classes`,
					got: `«${loss}»`,
				});
			}
			if (typeof wide === 'number' && wide < target.classes) {
				throw new FplError('DATA_SHAPE', {
					where,
					expected: `at least ${target.classes} classes, as in dataset «${name}»`,
					got: `${wide}`,
				});
			}
			return;
		case 'values':
			if (loss === 'softmax-cross-entropy' || !fits(output, target.shape)) {
				throw new FplError('DATA_SHAPE', {
					where,
					expected: `the loss «mse» or «bce» and an output of shape ${text(['N', ...target.shape])}, as in dataset «${name}»`,
					got: `«${loss}» and ${text(output.shape)}`,
				});
			}
			return;
		default:
			target satisfies never;
	}
}

/**
 * The dataset with its features named as the model's inputs.
 * @throws FplError `DATA_SHAPE` naming input, expected and given shape.
 */
export function bind(dataset: Dataset, model: Model, loss: Loss = model.loss): Dataset {
	const pairs = model.graph.inputs.map(input => ({input: input.name, feature: featureFor(input, dataset, model)}));
	checkTarget(model, dataset, loss);
	return {
		...dataset,
		features: pairs.map(({input, feature}) => ({...feature, name: input})),
		batch(indices) {
			const {inputs, targets} = dataset.batch(indices);
			const renamed: Record<string, Tensor> = {};
			for (const {input, feature} of pairs) {
				renamed[input] = inputs[feature.name]!;
			}
			return {inputs: renamed, targets};
		},
	};
}
