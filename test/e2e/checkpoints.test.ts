/** Checkpoints that are damaged, and disks that are full in the middle of a run. */
import {mkdir, readdir, readFile, rename, rm, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type {JobDocument} from '../../core/plan/job.js';
import {fileCheckpoints} from '../../fog-broker/server/checkpoints.js';
import {aFleet} from '../support/a-fleet.js';
import {globalBatches, oneMachine, relativeError} from '../support/one-machine.js';

const devices = ['dev-1', 'dev-2'];

const aJob = (epochs: number): JobDocument => ({
	version: 1,
	model: 'mlp',
	data: {dataset: 'digits', limit: 240},
	scheme: {kind: 'd-sgd'},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 24, epochs, seed: 5},
	devices: {only: devices, minimum: 2, wait: '20 s'},
	faults: {checkpointInterval: '0 s'},
});

for (const [which, damagedFiles] of [
	['newest', 1],
	['newest two', 2],
	['every', 3],
] as const) {
	test.serial(
		`with the ${which} checkpoint damaged a run goes on from what is left, and its report says so`,
		async t => {
			const fleet = await aFleet(t);
			const stop = await fleet.coordinator();
			await Promise.all(devices.map(name => fleet.device(name)));
			const job = aJob(4);
			const run = await fleet.submit(job);
			const folder = fleet.store.checkpoints(run);
			const client = await fleet.client();
			let good = 0;
			let restarted: Promise<unknown> | undefined;
			for await (const update of client.follow(run)) {
				if (update.kind === 'checkpoint' && update.round >= 9) {
					restarted ??= stop().then(async () => {
						const names = (await readdir(folder)).sort();
						t.is(names.length, 3);
						for (const name of names.slice(-damagedFiles)) {
							const bytes = await readFile(path.join(folder, name));
							bytes[bytes.length >> 1]! ^= 1;
							await writeFile(path.join(folder, name), bytes);
						}
						good = (await fileCheckpoints(folder).latest()).checkpoint?.round ?? 0;
						await fleet.coordinator();
					});
				}
				if (update.kind === 'planned' && update.attempt === 2) {
					t.is(update.resumedFrom ?? 0, good);
				}
			}
			await restarted;
			const ledger = await fleet.store.ledger(run);
			t.is(ledger.final.state, 'done', ledger.final.because);
			const notes = ledger.notes.filter(({text}) => /digest does not match/u.test(text));
			t.is(notes.length, damagedFiles);
			t.regex(notes.at(-1)!.text, good > 0 ? new RegExp(`goes on from round ${good}`, 'u') : /begins anew/u);
			const {checkpoint, damaged} = await fileCheckpoints(folder).latest();
			t.is(checkpoint?.round, 40);
			t.deepEqual(damaged, []);
			const machine = await oneMachine(fleet.engine, await fleet.store.file(run, 'model.onnx'), job, 2);
			const expected = await globalBatches(machine, [1, 1]);
			const error = relativeError(checkpoint!.state.parameters, expected.parameters);
			t.true(error <= 1e-5, `${error}`);
		},
	);
}

test.serial(
	'a disk that is full for a while costs checkpoints, not the run: it is said once, and when it is over',
	async t => {
		const fleet = await aFleet(t);
		const stop = await fleet.coordinator();
		await Promise.all(devices.map(name => fleet.device(name)));
		const run = await fleet.submit(aJob(12));
		const folder = fleet.store.checkpoints(run);
		let full = false;
		let freed = false;
		let lastWritten = 0;
		for await (const update of (await fleet.client()).follow(run)) {
			if (update.kind === 'checkpoint') {
				lastWritten = update.round;
				if (update.round > 20 && !full) {
					full = true;
					// Nothing can be written where a folder should be and is none.
					await rename(folder, `${folder}-aside`);
					await writeFile(folder, '');
				}
			}
			if (update.kind === 'round' && full && !freed && update.record.round > lastWritten + 40) {
				freed = true;
				await rm(folder);
				await rename(`${folder}-aside`, folder);
			}
		}
		const ledger = await fleet.store.ledger(run);
		t.is(ledger.final.state, 'done', ledger.final.because);
		t.true(freed);
		const notes = ledger.notes.filter(({text}) => /heckpoint/u.test(text)).map(({text}) => text);
		t.is(notes.length, 2, notes.join('\n'));
		t.regex(notes[0]!, /could not be written.*Free some space/su);
		t.regex(notes[1]!, /can be written again/u);
		t.is((await fileCheckpoints(folder).latest()).checkpoint?.round, 120);
		await stop();
	},
);

test.serial(
	'a disk that is full at the end of a run: it fails with the reason, and is finished once there is space',
	async t => {
		const fleet = await aFleet(t);
		await fleet.coordinator();
		await Promise.all(devices.map(name => fleet.device(name)));
		const run = await fleet.submit(aJob(3));
		// The trained model cannot take the place of a folder.
		const file = path.join(fleet.store.directory(run), 'trained.onnx');
		await mkdir(path.join(file, 'x'), {recursive: true});
		const client = await fleet.client();
		let seen = 0;
		for await (const update of client.follow(run)) {
			seen += 1;
			if (update.kind === 'ended') {
				t.is(update.state, 'failed');
				t.is(update.code, 'FILE_WRITE');
				t.regex(update.because!, /trained\.onnx/u);
			}
		}
		await rm(file, {recursive: true});
		await fleet.resume(run);
		for await (const update of client.follow(run, {from: seen})) {
			if (update.kind === 'ended') {
				t.is(update.state, 'done', update.because);
			}
		}
		const ledger = await fleet.store.ledger(run);
		t.is(ledger.final.state, 'done');
		t.is(ledger.rounds.length, 30);
		t.true((await readFile(file)).length > 1000);
	},
);
