/** Devices as planners see them. */
import test from 'ava';
import {parseValue} from '../../../core/config/config.js';
import {deviceId} from '../../../core/ids.js';
import {type JobDocument, jobSchema} from '../../../core/plan/job.js';
import {libraryProfile} from '../../../core/profile/library.js';
import type {FleetDevice} from '../../../fog-broker/fleet.js';
import {planDevices} from '../../../fog-broker/run/gather.js';

const aDevice = (name: string, items?: number): FleetDevice => ({
	device: deviceId(name),
	profile: libraryProfile('raspberry-pi-4b', name),
	emulated: false,
	engines: ['onnxruntime'],
	datasets: ['csv'],
	holdings: items === undefined ? [] : [{dataset: 'csv', items}],
	codecs: undefined,
	softwareVersion: 'test',
	run: undefined,
	since: 0,
});

const devices = [aDevice('cam-1', 3000), aDevice('cam-2', 50), aDevice('cam-3'), aDevice('fog-1')];

const samplesOf = (data: Partial<JobDocument['data']>, items: number | undefined, owners?: readonly string[]) => {
	const document = {version: 1, model: 'mlp', data: {dataset: 'csv', path: 'x', ...data}};
	const job = parseValue(jobSchema, document as never, 'job', 'JOB_INVALID');
	return planDevices(devices, job, items, owners ?? job.data.sources).map(({samples}) => samples);
};

test('where data lie on the devices each has what it says, or as much as is here, up to the limit of the job', t => {
	const local = {partition: {kind: 'local'}} as const;
	t.deepEqual(samplesOf(local, 800), [3000, 50, 800, 800]);
	t.deepEqual(samplesOf({...local, limit: 100}, 100), [100, 50, 100, 100]);
	t.deepEqual(samplesOf(local, undefined), [3000, 50, undefined, undefined]);
	t.deepEqual(samplesOf({...local, sources: ['cam-1', 'cam-3']}, 800), [3000, undefined, 800, undefined]);
	t.deepEqual(samplesOf(local, 800, ['cam-2']), [undefined, 50, undefined, undefined]);
});

test("data that are dealt out are no device's own", t => {
	t.deepEqual(samplesOf({}, 800), [undefined, undefined, undefined, undefined]);
});
