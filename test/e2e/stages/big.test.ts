/** Plans over the larger models of the zoo, batch norms and skip connections included, compute what one machine computes. */
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {JobDocument} from '../../../core/plan/job.js';
import {seededRandom} from '../../../core/random.js';
import type {Model} from '../../../models/graph.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import type {TestFleet} from '../../support/a-fleet.js';
import {planFleet, planOf} from '../../support/plans/plan-runs.js';
import {equalsAlone} from '../../support/plans/plan-subjects.js';
import {inTurn} from '../../support/plans/plans-alone.js';
import {temporaryFolder} from '../../support/temporary.js';

const seed = 5;
const side = 32;

/** Numbers as NumPy's format 1.0 has them. */
function npy(type: '<f4' | '<i8', shape: readonly number[], data: Float32Array | BigInt64Array): Buffer {
	const dimensions = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
	const header = `{'descr': '${type}', 'fortran_order': False, 'shape': ${dimensions}, }`;
	const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
	const head = Buffer.alloc(10);
	head.write('\u0093NUMPY\u0001\u0000', 'latin1');
	head.writeUInt16LE(padded.length, 8);
	return Buffer.concat([head, Buffer.from(padded, 'latin1'), Buffer.from(data.buffer)]);
}

/** A few noisy pictures of four classes. */
async function pictures(t: ExecutionContext): Promise<string> {
	const folder = path.join(await temporaryFolder(t), 'pictures');
	await mkdir(folder);
	const random = seededRandom(seed);
	for (const [part, items] of [
		['train', 16],
		['test', 4],
	] as const) {
		const labels = BigInt64Array.from({length: items}, (_, item) => BigInt(item % 4));
		const values = Float32Array.from({length: items * 3 * side * side}, () => random.next() - 0.5);
		await writeFile(path.join(folder, `x_${part}.npy`), npy('<f4', [items, 3, side, side], values));
		await writeFile(path.join(folder, `y_${part}.npy`), npy('<i8', [items], labels));
	}
	return folder;
}

const aJob = (model: Model, folder: string): JobDocument => ({
	version: 1,
	model: model.name,
	data: {dataset: 'npy', path: folder, partition: {kind: 'iid'}},
	training: {optimizer: {kind: 'sgd', lr: 0.01, momentum: 0.9}, batch: 8, epochs: 1, seed},
	devices: {wait: '60 s'},
	faults: {checkpointInterval: '1 h'},
});

const input = [3, side, side];
const classes = 4;

/** A batch norm knows the items that it sees at once, so its stage has one replica and one micro-batch. */
async function oneByOne(t: ExecutionContext, fleet: TestFleet, model: Model): Promise<void> {
	const job = aJob(model, await pictures(t));
	const plans = [planOf(model, {kind: 'model-split'}, {owners: 1}), planOf(model, {kind: 'u-shaped'}, {owners: 1})];
	for (const plan of plans) {
		await equalsAlone(t, fleet, {model, job, plan});
	}
	const turns = planOf(model, {kind: 'split-learning'}, {owners: 2});
	await equalsAlone(t, fleet, {model, job, plan: turns}, alone => inTurn(alone, 1));
}

test.serial('cnn-small, whose batches may be divided at will', async t => {
	const fleet = await planFleet(t);
	const model = buildModel('cnn-small', {seed, input, classes, width: 0.5});
	const job = aJob(model, await pictures(t));
	const plans = [
		planOf(model, {kind: 'd-sgd'}, {owners: 2, trunk: 0}),
		planOf(model, {kind: 'pipeline', microBatches: 4}, {owners: 1}),
		planOf(model, {kind: 'fpl-stacked', microBatches: 2}, {owners: 3, shares: [2, 1, 1]}),
		planOf(model, {kind: 'u-shaped'}, {owners: 2}),
	];
	for (const plan of plans) {
		await equalsAlone(t, fleet, {model, job, plan});
	}
	const turns = planOf(model, {kind: 'split-learning'}, {owners: 2});
	await equalsAlone(t, fleet, {model, job, plan: turns}, alone => inTurn(alone, 1));
});

for (const [name, width] of [
	['vgg11', 0.25],
	['resnet18', 0.25],
	['resnet50', 0.125],
	['mobilenetv2', 0.25],
	['mobilenetv3-small', 0.5],
] as const) {
	test.serial(`${name}, with batch norms`, async t => {
		const fleet = await planFleet(t);
		await oneByOne(t, fleet, buildModel(name, {seed, input, classes, width}));
	});
}

test.serial('resnet18 whose sources see half of a picture each', async t => {
	const fleet = await planFleet(t);
	const model = buildModel('resnet18', {seed, input: [3, side, side / 2], classes, width: 0.25});
	const plain = aJob(model, await pictures(t));
	const job: JobDocument = {...plain, data: {...plain.data, views: {kind: 'tiles', rows: 1, columns: 2}}};
	const plan = planOf(model, {kind: 'fpl-aligned', junction: 'conv1x1'}, {owners: 2});
	await equalsAlone(t, fleet, {model, job, plan});
});
