/** Tasks in which several sources see the same items: data, a model for one view, and the places of the junction. */
import type {Dataset, Split} from '../../models/datasets/dataset.js';
import type {Places} from '../../models/datasets/locate.js';
import {openDataset} from '../../models/datasets/open.js';
import {type ViewKind, views} from '../../models/datasets/views.js';
import type {Model} from '../../models/graph.js';
import type {Optimizer} from '../../models/training.js';
import {buildModel} from '../../models/zoo/zoo.js';

export interface Task {
	readonly name: string;
	readonly open: (seed: number, places: Places) => Promise<Split>;
	readonly views: ViewKind;
	/** For one view. */
	readonly model: (seed: number) => Model;
	/** For an item with all that is to be seen, on one machine. */
	readonly whole: (seed: number) => Model;
	/** Tensors at which branches are joined. */
	readonly cuts: readonly string[];
	/** Cuts where «dense» would have more weights than makes sense. */
	readonly wide: readonly string[];
	readonly optimizer: Optimizer;
	readonly epochs: number;
}

const adam = (lr: number): Optimizer => ({kind: 'adam', lr, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0});
const sgd = (lr: number): Optimizer => ({kind: 'sgd', lr, momentum: 0.9, nesterov: false, weightDecay: 0});

const pictures = (name: string, overlap: number, side: number): Task => ({
	name,
	open: (_, places) => openDataset({kind: 'mnist'}, places),
	views: {kind: 'tiles', rows: 2, columns: 2, overlap},
	model: seed => buildModel('lenet5', {seed, input: [1, side, side]}),
	whole: seed => buildModel('lenet5', {seed}),
	cuts: ['pool1.out', 'flatten.out'],
	wide: [],
	optimizer: sgd(0.02),
	epochs: 3,
});

export const tasks: readonly Task[] = [
	{
		name: 'vibration',
		open: (seed, places) => openDataset({kind: 'vibration', seed, train: 2000, test: 1000}, places),
		views: {kind: 'channels'},
		model: seed => buildModel('sensor-cnn', {seed, width: 0.5, input: [1, 256]}),
		whole: seed => buildModel('sensor-cnn', {seed, width: 0.5}),
		cuts: ['pool2.out', 'flatten.out'],
		wide: ['pool2.out'],
		optimizer: adam(6e-3),
		epochs: 5,
	},
	pictures('mnist-quadrants', 0, 14),
	pictures('mnist-corners', 0.4, 20),
	{
		name: 'occupancy',
		open: (_, places) => openDataset({kind: 'occupancy'}, places),
		// Temperature, humidity, light, CO2; the fifth column follows from the first two.
		views: {kind: 'columns', groups: [[0], [1], [2], [3]]},
		model: seed => buildModel('mlp', {seed, input: [1], hidden: [16, 8], classes: 2}),
		whole: seed => buildModel('mlp', {seed, input: [5], hidden: [16, 8], classes: 2}),
		cuts: ['relu1.out', 'relu2.out'],
		wide: [],
		optimizer: adam(3e-3),
		epochs: 5,
	},
];

/** Both parts of a split as the sources see them. */
export function viewsOfSplit({train, test}: Split, kind: ViewKind): readonly Split[] {
	const seen: readonly Dataset[] = views(test, kind);
	return views(train, kind).map((view, index) => ({train: view, test: seen[index]!}));
}
