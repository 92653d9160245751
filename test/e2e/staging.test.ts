/** A device that cannot get ready does not hold up the others, and the report says why it is missing. */
import {createHash} from 'node:crypto';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {FplError} from '../../core/errors.js';
import {silentLogger} from '../../core/log.js';
import type {JobDocument} from '../../core/plan/job.js';
import {ModelCache} from '../../edge-agent/model-cache.js';
import {stage} from '../../edge-agent/staging.js';
import {aFleet} from '../support/a-fleet.js';
import {temporaryFolder} from '../support/temporary.js';

const job: JobDocument = {
	version: 1,
	model: 'mlp',
	data: {dataset: 'digits', limit: 240},
	scheme: {kind: 'd-sgd'},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 24, epochs: 3, seed: 5},
	devices: {only: ['dev-1', 'dev-2'], minimum: 1, wait: '20 s'},
};

test.serial('a device whose engine does not work is left out, with the reason in the report', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await fleet.device('dev-1');
	await fleet.device('dev-2', {
		engine: async () => {
			throw new FplError('ENGINE_UNAVAILABLE', {where: 'onnxruntime', problem: 'its library is missing'});
		},
	});
	const ledger = await fleet.finish(await fleet.submit({...job, devices: {...job.devices, wait: '10 min'}}));
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.true(ledger.rounds.every(({devices}) => devices.join() === 'dev-1'));
	const said = ledger.notes.filter(({device, text}) => device === 'dev-2' && /its library is missing/u.test(text));
	t.is(said.length, 1);
	// Who waited for it would wait as long as the job permits.
	t.true(ledger.seconds < 500, `${ledger.seconds} s`);
});

test.serial('a device whose trouble passes takes part from then on', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	await fleet.device('dev-1');
	let asked = 0;
	await fleet.device('dev-2', {
		engine: async () => {
			asked += 1;
			if (asked < 3) {
				throw new FplError('FILE_WRITE', {where: 'scratch', problem: 'ENOSPC: no space left on device'});
			}
			return fleet.engine;
		},
	});
	// It is asked again after a pause, and after a longer one: the run is to last so long.
	fleet.brake.stepMs = 400;
	const run = await fleet.submit({...job, training: {...job.training, epochs: 6}});
	for await (const update of (await fleet.client()).follow(run)) {
		if (update.kind === 'round' && update.record.devices.length === 2) {
			fleet.brake.stepMs = 0;
		}
	}
	const ledger = await fleet.store.ledger(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.is(asked, 3);
	t.is(ledger.notes.filter(({text}) => /ENOSPC/u.test(text)).length, 1, 'said once, though it was asked twice');
	t.deepEqual(ledger.rounds.at(-1)!.devices, ['dev-1', 'dev-2']);
});

test.serial('a device that cannot keep the model, its disk being full, trains all the same', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	const blocked = path.join(fleet.folder, 'blocked');
	await writeFile(blocked, 'a file where the folder should be');
	await fleet.device('dev-1', {models: new ModelCache(path.join(blocked, 'models'))});
	await fleet.device('dev-2');
	const ledger = await fleet.finish(await fleet.submit(job));
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.true(ledger.rounds.every(({devices}) => devices.length === 2));
});

test.serial('a model that is not what its digest says is refused, and not kept', async t => {
	const folder = await temporaryFolder(t);
	const models = new ModelCache(folder);
	const digest = createHash('sha256').update('the model').digest('hex');
	const assign = {
		kind: 'assign',
		run: 'run-1',
		attempt: 1,
		job: JSON.stringify(job),
		plan: JSON.stringify({
			version: 1,
			scheme: 'D-SGD',
			model: 'mlp',
			stages: [{units: 'all', replicas: [{device: 'dev-1'}]}],
			synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
		}),
		partition: JSON.stringify({kind: 'iid', index: 0, parts: 1}),
		stage: 0,
		replica: 0,
		share: 1,
		modelDigest: digest,
		modelTransfer: 't',
		deadlineMs: 1000,
	} as never;
	const staging = stage(assign, {
		device: 'dev-1',
		engine: () => Promise.reject(new Error('not reached')),
		models,
		places: {environment: {}},
		dataPaths: {},
		receive: async () => Buffer.from('another model'),
		log: silentLogger,
	});
	const error = await t.throwsAsync(staging, {code: 'MODEL_FILE'});
	t.regex(error!.message, new RegExp(`expected SHA-256 ${digest}`, 'u'));
	t.is(await models.find(digest), undefined);
});
