import test from 'ava';
import type {Participant} from '../../cli/planning/plan-input.js';
import {FplError} from '../../core/errors.js';
import {jobSchema} from '../../core/plan/job.js';
import {libraryProfile} from '../../core/profile/library.js';
import {costsOfModel} from '../../models/plans/costs.js';
import {buildModel} from '../../models/zoo/zoo.js';
import {costFleetOf, datasetSizeOf, trainingCostsOf} from '../../planners/cost-input.js';

const profile = libraryProfile('raspberry-pi-4b', 'test');
const sources: readonly Participant[] = [
	{device: 'cam-1', profile, samples: 3000},
	{device: 'cam-2', profile, samples: 1000},
	{device: 'fog-1', profile: libraryProfile('mini-pc-n100', 'test')},
];
const job = (data: Record<string, unknown> = {}) =>
	jobSchema.parse({version: 1, model: 'lenet5', data: {dataset: 'mnist', ...data}});
const costs = costsOfModel(buildModel('lenet5', {seed: 1}));

test('the number of items is that of the dataset, else the limit, else what the sources have', t => {
	t.deepEqual(datasetSizeOf(job({limit: 500}), sources, 500), {items: 500, from: 'dataset'});
	t.deepEqual(datasetSizeOf(job({limit: 500}), sources, undefined), {items: 500, from: 'limit'});
	t.deepEqual(datasetSizeOf(job(), sources, undefined), {items: 4000, from: 'sources'});
});

test('data that stay where they are count as the sources say, whatever lies here', t => {
	t.deepEqual(datasetSizeOf(job({partition: {kind: 'local'}}), sources, 60_000), {items: 4000, from: 'sources'});
});

test('where nobody knows how many items there are, the fault says who could', t => {
	const error = t.throws(() => datasetSizeOf(job(), [{device: 'cam-1', profile}], undefined), {instanceOf: FplError});
	t.is(error?.code, 'JOB_INVALID');
	t.regex(error?.message ?? '', /limit: 3000/u);
});

test('a dataset that is divided among the sources is no device’s own', t => {
	const divided = costFleetOf(sources, costs, trainingCostsOf(job(), sources, 60_000));
	t.deepEqual(
		divided.devices.map(({samples}) => samples),
		[undefined, undefined, undefined],
	);
	const own = costFleetOf(sources, costs, trainingCostsOf(job(), sources, undefined));
	t.deepEqual(
		own.devices.map(({samples}) => samples),
		[3000, 1000, undefined],
	);
});

test('the broker’s own link is shared, and its latency lies on every way to it', t => {
	const broker = {upBytesPerSecond: 1e6, downBytesPerSecond: 2e6, latencySeconds: 0.01};
	const {broker: hub, devices} = costFleetOf(sources, costs, trainingCostsOf(job(), sources, 100), broker);
	t.is(hub.inBytesPerSecond, 2e6);
	t.is(hub.outBytesPerSecond, 1e6);
	t.is(devices[0]!.profile.link.latencySeconds, profile.link.latencySeconds + 0.005);
});

test('a device that nothing is known of is refused with what to do', t => {
	const unknown = [{device: 'cam-9'}];
	const training = trainingCostsOf(job(), unknown, 100);
	const error = t.throws(() => costFleetOf(unknown, costs, training), {instanceOf: FplError});
	t.is(error?.code, 'DEVICE_UNKNOWN');
	t.regex(error?.message ?? '', /cam-9.*--fleet/su);
});
