/** `fpl plan` for devices at the broker: data that lie on them count as in a run. */
import test from 'ava';
import {participantsOf, withOwnData} from '../../../cli/planning/plan-input.js';
import {type JobDocument, jobSchema} from '../../../core/plan/job.js';
import {aFleet} from '../../support/a-fleet.js';

const aJob = (data: Partial<JobDocument['data']>) =>
	jobSchema.parse({version: 1, model: 'lenet5', data: {dataset: 'digits', ...data}});

test('devices at the broker have the data that they say, up to the job’s limit, and others as many as there are here', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await fleet.device('cam-1', {}, {holdings: [{dataset: 'digits', items: 80}]});
	await fleet.device('cam-2', {}, {holdings: [{dataset: 'mnist', items: 80}]});
	const participants = await participantsOf(await fleet.client());
	const samplesOf = (data: Partial<JobDocument['data']>) =>
		withOwnData(participants, aJob(data), 500).map(({samples}) => samples);
	t.deepEqual(samplesOf({partition: {kind: 'local'}}), [80, 500]);
	t.deepEqual(samplesOf({partition: {kind: 'local'}, limit: 50}), [50, 500]);
	t.deepEqual(samplesOf({partition: {kind: 'local'}, sources: ['cam-1']}), [80, undefined]);
	t.deepEqual(samplesOf({}), [undefined, undefined]);
});
