/** The zoo in sizes that train in milliseconds, and the files exported from PyTorch. */
import {int64} from '../../../core/tensor/tensor.js';
import type {Batch} from '../../../models/engines/engine.js';
import type {Model} from '../../../models/graph.js';
import {importModel} from '../../../models/import/model.js';
import {buildModel, type ZooName} from '../../../models/zoo/zoo.js';
import {fixtureFile, fixtureNames, loadFixture} from '../../models/fixtures.js';
import {batchFor} from '../engine/examples.js';

export interface Subject {
	readonly name: string;
	readonly model: Model;
	readonly batch: Batch;
	/** Whether only few cuts are tried. */
	readonly large: boolean;
}

const sizes = {
	mlp: {input: [1, 8, 8], hidden: [32, 24], dropout: 0.3},
	lenet5: {},
	'cnn-small': {width: 0.25, input: [3, 16, 16]},
	vgg11: {width: 0.1, dropout: 0.2},
	resnet18: {width: 0.1, input: [3, 16, 16]},
	resnet50: {width: 0.1, input: [3, 64, 64]},
	mobilenetv2: {width: 0.2, dropout: 0.2},
	'mobilenetv3-small': {width: 0.2, dropout: 0.2},
	'sensor-cnn': {},
	gru: {},
	'tiny-transformer': {dropout: 0.1, width: 0.5},
} as const satisfies Record<ZooName, object>;

const largeModels: ReadonlySet<string> = new Set(['vgg11', 'resnet50', 'mobilenetv2', 'mobilenetv3-small']);

export const zooSubjects = (): readonly Subject[] =>
	Object.entries(sizes).map(([name, size]) => {
		const model = buildModel(name, {...size, seed: 3, classes: 10});
		return {name, model, batch: batchFor(model, 6), large: largeModels.has(name)};
	});

/** Those that the engine contract trains too. */
export const exportedSubjects = (): readonly Subject[] =>
	fixtureNames
		.filter(name => Object.keys(loadFixture(name).gradients).length > 0)
		.map(name => {
			const {inputs, targets} = loadFixture(name);
			const batch = {inputs, targets: int64([targets.length], targets)};
			return {name: `the exported ${name}`, model: importModel(fixtureFile(name)), batch, large: false};
		});
