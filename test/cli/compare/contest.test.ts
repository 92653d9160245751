/** Schemes compared over a fleet in this process: the same job under each, and a failure that is a row. */
import test from 'ava';
import {type Contender, compareSchemes} from '../../../cli/compare/contest.js';
import {participantsOf} from '../../../cli/planning/plan-input.js';
import type {JobDocument} from '../../../core/plan/job.js';
import {ledgersOf} from '../../../reports/schemes/comparison.js';
import {schemesText} from '../../../reports/schemes/text.js';
import {aFleet} from '../../support/a-fleet.js';

const job: JobDocument = {
	version: 1,
	model: 'lenet5',
	data: {dataset: 'digits', limit: 96, views: {kind: 'tiles', rows: 1, columns: 2}},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 32, epochs: 1, seed: 3},
	scheme: {kind: 'fpl-aligned', cuts: 7},
	devices: {wait: '20 s'},
};

test.serial('two schemes do the same job, and one that cannot is told with its reason', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await Promise.all(['cam-1', 'cam-2', 'fog-1'].map(name => fleet.device(name)));
	const client = await fleet.client();
	const contenders: Contender[] = [];
	const comparison = await compareSchemes({
		client,
		submission: {kind: 'job', job: JSON.stringify(job), plan: '', model: undefined},
		fleet: await participantsOf(client),
		kinds: ['fpl-aligned', 'd-sgd', 'u-shaped'],
		seeds: 1,
		trunk: ['fog-1'],
		state: fleet.folder,
		signal: new AbortController().signal,
		onContender: contender => contenders.push(contender),
		async follow(run) {
			for await (const update of client.follow(run)) {
				if (update.kind === 'ended') {
					return update;
				}
			}
			throw new Error('the run did not end');
		},
	});
	const [fpl, sgd, other] = comparison.results;
	t.log(schemesText(comparison, {width: 120}));
	t.deepEqual(
		contenders.map(({warmUp, scheme}) => `${scheme}${warmUp ? ', warm-up' : ''}`),
		['fpl-aligned, warm-up', 'fpl-aligned', 'd-sgd', 'u-shaped'],
	);
	const [joined] = ledgersOf(fpl!);
	t.is(joined!.final.state, 'done', fpl!.runs[0]!.failure ?? '');
	t.is(joined!.rounds.length, 3);
	t.true(joined!.timeline!.passes.length > 0);
	t.is(ledgersOf(sgd!)[0]!.final.state, 'done');
	t.deepEqual(
		ledgersOf(sgd!)[0]!.devices.map(({device}) => device),
		['cam-1', 'cam-2', 'coordinator'],
	);
	t.true(ledgersOf(sgd!)[0]!.final.accuracy !== undefined);
	t.true(other!.runs[0]!.failure === undefined || other!.runs[0]!.failure.length > 10);
	t.regex(comparison.notes[0]!, /cam-1, cam-2\. fog-1 owns no data/u);
});

test.serial('a scheme that cannot do the job is a row with its reason', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await fleet.device('cam-1');
	const client = await fleet.client();
	const comparison = await compareSchemes({
		client,
		submission: {kind: 'job', job: JSON.stringify({...job, scheme: {kind: 'd-sgd'}}), plan: '', model: undefined},
		fleet: await participantsOf(client),
		kinds: ['fpl-aligned', 'pipeline'],
		seeds: 1,
		state: fleet.folder,
		signal: new AbortController().signal,
		onContender: () => {},
		follow: () => t.fail('nothing is to be run') as never,
	});
	for (const {runs} of comparison.results) {
		t.is(runs.length, 1);
		t.regex(runs[0]!.failure!, /device/u);
	}
});
