/** Four cameras see a quarter of a digit each: what joining them is worth, and what the loss of one costs. */
import test from 'ava';
import type {Dataset} from '../../../models/datasets/dataset.js';
import {openDataset} from '../../../models/datasets/open.js';
import {batches, inOrder} from '../../../models/datasets/subset.js';
import {views} from '../../../models/datasets/views.js';
import type {Trainer} from '../../../models/engines/engine.js';
import {onnxruntimeEngine} from '../../../models/engines/onnxruntime/engine.js';
import type {Model} from '../../../models/graph.js';
import {alignViews, viewsOf} from '../../../models/junction/data.js';
import {joinBranches} from '../../../models/junction/join.js';
import {branchState, remapState} from '../../../models/junction/remap.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {sgd} from '../../contracts/engine/examples.js';

const cameras = ['north-west', 'north-east', 'south-west', 'south-east'];
const quarters = {kind: 'tiles', rows: 2, columns: 2} as const;

async function train(trainer: Trainer, data: Dataset, epochs: readonly number[]): Promise<void> {
	for (const epoch of epochs) {
		for (const indices of batches(data.items, 50, 1, epoch)) {
			await trainer.step(data.batch(indices));
		}
	}
}

async function accuracy(trainer: Trainer, data: Dataset): Promise<number> {
	let right = 0;
	for (const indices of inOrder(data.items, 100)) {
		right += (await trainer.evaluate(data.batch(indices))).correct ?? 0;
	}
	return right / data.items;
}

test('joined cameras see more than any one of them; training goes on when one is lost and when it comes back', async t => {
	const split = await openDataset({kind: 'digits', seed: 3, train: 2000, test: 500}, {environment: {}});
	const engine = await onnxruntimeEngine({threads: 1});
	t.teardown(() => engine.close());
	const settings = {loss: 'softmax-cross-entropy', optimizer: sgd(0.02, 0.9), seed: 1} as const;
	const start = (model: Model) => engine.trainer(model, settings);
	const [seen, held] = [viewsOf(cameras, views(split.train, quarters)), viewsOf(cameras, views(split.test, quarters))];
	const base = buildModel('lenet5', {seed: 1, input: [1, 14, 14]});
	const join = (branches: readonly string[]) => joinBranches(base, {cut: 'flatten.out', branches, junction: 'scalar'});

	const [alone, all, three] = [join(['south-east']), join(cameras), join(cameras.slice(0, 3))];
	const one = await start(alone);
	await train(one, alignViews(seen, alone), [0, 1, 2, 3]);
	const single = await accuracy(one, alignViews(held, alone));

	const trainer = await start(all);
	await train(trainer, alignViews(seen, all), [0, 1, 2, 3]);
	const joined = await accuracy(trainer, alignViews(held, all));
	const state = await trainer.save();

	const rest = await start(three);
	await rest.load(remapState(all, state, three));
	const lost = await accuracy(rest, alignViews(held, three));
	await train(rest, alignViews(seen, three), [4]);
	const later = await accuracy(rest, alignViews(held, three));

	const returning = new Map([['south-east', branchState(all, state, 'south-east')]]);
	await trainer.load(remapState(three, await rest.save(), all, {returning}));
	const back = await accuracy(trainer, alignViews(held, all));
	t.log({single, joined, lost, later, back});
	t.true(joined > single + 0.1);
	t.true(lost > 0.3 && later > lost);
	t.true(back > single);
	t.is((await trainer.save([])).updates, 5 * 40);
});
