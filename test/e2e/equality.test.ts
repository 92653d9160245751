/** A distributed run computes what one machine would: the promise that everything else rests on. */
import test from 'ava';
import type {JobDocument} from '../../core/plan/job.js';
import {apportion} from '../../core/plan/shares.js';
import type {DataTypeMap, Tensor} from '../../core/tensor/tensor.js';
import {fileCheckpoints} from '../../fog-broker/server/checkpoints.js';
import {bind} from '../../models/datasets/bind.js';
import type {Dataset} from '../../models/datasets/dataset.js';
import {itemOrder} from '../../models/datasets/draw.js';
import {openJobData} from '../../models/datasets/job-data.js';
import {partition} from '../../models/datasets/partition.js';
import {subset} from '../../models/datasets/subset.js';
import type {Batch, Engine} from '../../models/engines/engine.js';
import {importModel} from '../../models/import/model.js';
import {aFleet} from '../support/a-fleet.js';

const devices = ['dev-1', 'dev-2', 'dev-3'];
const steps = 20;

const job: JobDocument = {
	version: 1,
	model: 'lenet5',
	data: {dataset: 'digits', limit: 320, partition: {kind: 'iid'}},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 32, epochs: 2, seed: 3},
	devices: {only: devices, minimum: 3, wait: '30 s'},
	faults: {checkpointInterval: '0 s'},
};

function concat(parts: readonly Tensor[]): Tensor {
	const [first] = parts;
	const items = parts.reduce((sum, {shape}) => sum + shape[0]!, 0);
	const shape = [items, ...first!.shape.slice(1)];
	if (first!.dtype === 'int64') {
		return {
			dtype: 'int64',
			shape,
			data: BigInt64Array.from(parts.flatMap(({data}) => [...(data as DataTypeMap['int64'])])),
		};
	}
	return {dtype: 'float32', shape, data: Float32Array.from(parts.flatMap(({data}) => [...(data as Float32Array)]))};
}

/** The global batch of a step: what the devices draw, one after the other. */
function globalBatch(
	parts: readonly {data: Dataset; order: ReturnType<typeof itemOrder>; count: number}[],
	step: number,
): Batch {
	const batches = parts.map(({data, order, count}) => data.batch(order(step * count, count)));
	const [name] = Object.keys(batches[0]!.inputs);
	return {
		inputs: {[name!]: concat(batches.map(({inputs}) => inputs[name!]!))},
		targets: concat(batches.map(({targets}) => targets)),
	};
}

/** The same steps on one machine, with the same global batches. */
async function alone(engine: Engine, bytes: Uint8Array): Promise<Float32Array> {
	const model = importModel(bytes);
	const {train} = await openJobData({dataset: 'digits', limit: 320}, {environment: {}});
	const divided = partition(train, {kind: 'iid'}, {devices: devices.length, seed: 3});
	const counts = apportion(32, [1, 1, 1]);
	const parts = divided.map((indices, index) => {
		const data = bind(subset(train, indices), model);
		return {data, order: itemOrder(data.items, 3, index), count: counts[index]!};
	});
	const trainer = await engine.trainer(model, {
		loss: 'softmax-cross-entropy',
		optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9, nesterov: false, weightDecay: 0},
		seed: 3,
	});
	for (let step = 0; step < steps; step++) {
		await trainer.step(globalBatch(parts, step));
	}
	const {parameters} = await trainer.save(['parameters']);
	await trainer.close();
	return parameters;
}

/** Largest difference relative to the largest weight. */
function relativeError(a: Float32Array, b: Float32Array): number {
	let difference = 0;
	let largest = 0;
	for (let index = 0; index < a.length; index++) {
		difference = Math.max(difference, Math.abs(a[index]! - b[index]!));
		largest = Math.max(largest, Math.abs(b[index]!));
	}
	return difference / largest;
}

test('after 20 steps of D-SGD over three devices the weights are those of one machine, to 1e-5', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await Promise.all(devices.map(name => fleet.device(name)));
	const run = await fleet.submit(job);
	const ledger = await fleet.finish(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.is(ledger.rounds.length, steps);
	const {checkpoint} = await fileCheckpoints(fleet.store.checkpoints(run)).latest();
	t.is(checkpoint?.round, steps);
	const expected = await alone(fleet.engine, await fleet.store.file(run, 'model.onnx'));
	const error = relativeError(checkpoint!.state.parameters, expected);
	t.log(`relative error ${error.toExponential(2)}`);
	t.true(error <= 1e-5, `${error}`);
	t.true(ledger.rounds.at(-1)!.loss < ledger.rounds[0]!.loss);
});
