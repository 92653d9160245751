/** What the thread answers that plans for a coordinator. */
import test from 'ava';
import {jobSchema} from '../../../core/plan/job.js';
import {libraryProfile} from '../../../core/profile/library.js';
import {carryOut} from '../../../fog-broker/run/planning/order.js';
import {exportModel} from '../../../models/import/model.js';
import {buildModel} from '../../../models/zoo/zoo.js';

const order = (limit: string) => ({
	job: jobSchema.parse({
		version: 1,
		model: 'mobilenetv2',
		data: {dataset: 'digits', limit: 1000},
		privacy: {rawData: 'may-move'},
		planning: {limit},
	}),
	model: exportModel(buildModel('mobilenetv2', {seed: 1})),
	devices: ['raspberry-pi-4b', 'raspberry-pi-4b', 'raspberry-pi-5', 'raspberry-pi-5'].map((profile, index) => ({
		device: `d-${index}`,
		profile: libraryProfile(profile),
	})),
	items: 1000,
	about: {run: 'r', dataset: 'digits', startedAt: '2026-03-14T09:26:53.000Z'},
});

test('a run gets the best plan that there is when the time to look is over, and a remark that says so', t => {
	let now = 0;
	const late = carryOut(order('1 s'), () => (now += 700));
	t.is(late.kind, 'planned');
	t.regex(
		late.kind === 'planned' ? (late.remark ?? '') : '',
		/ended with its time.*no plan is better by more than \d+ %/u,
	);
	const whole = carryOut(order('1 s'), () => 0);
	t.is(whole.kind, 'planned');
	t.is(whole.kind === 'planned' ? whole.remark : 'failed', undefined);
});
