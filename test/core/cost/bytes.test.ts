/** Runs in this process send as many bytes as predicted. */
import test from 'ava';
import {evaluate} from '../../../core/cost/evaluate.js';
import {defaultBroker, defaultMessaging} from '../../../core/cost/fleet.js';
import {timesOfProfile, workSums} from '../../../core/cost/pass-times.js';
import type {JobDocument} from '../../../core/plan/job.js';
import type {Plan} from '../../../core/plan/plan.js';
import {libraryProfile} from '../../../core/profile/library.js';
import {costsOfModel} from '../../../models/plans/costs.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {helpers, planFleet, planOf, runPlan, sources} from '../../support/plans/plan-runs.js';

const model = buildModel('lenet5', {seed: 1});
const [batch, steps] = [64, 5];

/** Of a step in the middle of a long epoch. */
function predictedBytes(plan: Plan): number {
	const costs = costsOfModel(model);
	const profile = libraryProfile('raspberry-pi-4b', 'test');
	const times = timesOfProfile(workSums(costs.units, 1), profile);
	const devices = [...sources, ...helpers].map(device => ({
		device,
		profile,
		times,
		samples: undefined,
		utilisation: 1,
		pricePerSecond: 0,
		emulated: false,
	}));
	const training = {batch, epochs: 1, slots: 1, samples: batch * 1_000_000};
	const fleet = {devices, broker: defaultBroker, messaging: defaultMessaging};
	const {bytes, steps: count} = evaluate({plan, costs, fleet, training});
	return bytes / count;
}

test.serial('a step sends as many bytes as predicted, within 1 %', async t => {
	const fleet = await planFleet(t);
	const job: JobDocument = {
		version: 1,
		model: 'lenet5',
		data: {dataset: 'digits', limit: batch * steps},
		training: {optimizer: {kind: 'sgd', lr: 0.001, momentum: 0.9}, batch, epochs: 1, seed: 1},
		faults: {checkpointInterval: '1 h'},
	};
	const int8 = {kind: 'int8', per: 'tensor', rounding: 'nearest'} as const;
	const plans: readonly Plan[] = [
		planOf(model, {kind: 'd-sgd'}, {owners: 2}),
		planOf(model, {kind: 'pipeline', microBatches: 4}, {owners: 1}),
		{...planOf(model, {kind: 'pipeline', microBatches: 4}, {owners: 1}), links: [{from: '*', to: '*', codec: int8}]},
		planOf(model, {kind: 'parallel-split'}, {owners: 3}),
		planOf(model, {kind: 'fpl-stacked', microBatches: 2}, {owners: 2, shares: [3, 1]}),
		planOf(model, {kind: 'u-shaped'}, {owners: 2}),
	];
	for (const plan of plans) {
		const {ledger} = await runPlan(t, fleet, model, job, plan);
		// With the first step go the model and what was asked beforehand.
		const counted = ledger.rounds.slice(1);
		const measured = counted.reduce((sum, {bytes}) => sum + bytes, 0) / counted.length;
		const error = predictedBytes(plan) / measured - 1;
		t.log(`${plan.scheme}: ${measured} bytes, predicted ${(100 * error).toFixed(3)} % more`);
		t.true(Math.abs(error) <= 0.01, `${plan.scheme}: ${error}`);
	}
});
