import {readdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {systemFiles} from '../../../core/atomic-file.js';
import {
	type Checkpoint,
	decodeCheckpoint,
	encodeCheckpoint,
	fileCheckpoints,
} from '../../../fog-broker/server/checkpoints.js';
import {temporaryFolder} from '../../support/temporary.js';

const aCheckpoint = (round: number): Checkpoint => ({
	run: 'r1',
	round,
	state: {
		parameters: Float32Array.from([round, 2, 3]),
		buffers: Float32Array.from([4]),
		slots: [Float32Array.from([5, 6, 7])],
		updates: round * 10,
	},
	progress: {cursors: {a: round}},
});

test('a checkpoint comes back as it was', async t => {
	const store = fileCheckpoints(await temporaryFolder(t));
	await store.save(aCheckpoint(3));
	t.deepEqual(await store.latest(), {checkpoint: aCheckpoint(3), damaged: []});
});

test('only the last three are kept', async t => {
	const folder = await temporaryFolder(t);
	const store = fileCheckpoints(folder);
	for (let round = 1; round <= 5; round++) {
		await store.save(aCheckpoint(round));
	}
	t.is((await readdir(folder)).length, 3);
	t.is((await store.latest()).checkpoint?.round, 5);
});

test('a damaged checkpoint is passed over, and said so, in favour of the one before', async t => {
	const folder = await temporaryFolder(t);
	const store = fileCheckpoints(folder);
	await store.save(aCheckpoint(1));
	await store.save(aCheckpoint(2));
	const newest = path.join(folder, (await readdir(folder)).sort().at(-1)!);
	const bytes = await readFile(newest);
	bytes[bytes.length - 40]! ^= 1;
	await writeFile(newest, bytes);
	const {checkpoint, damaged} = await store.latest();
	t.is(checkpoint?.round, 1);
	t.is(damaged.length, 1);
	t.regex(damaged[0]!, /digest does not match/u);
});

test('any change of any byte, and any truncation, is noticed', t => {
	const good = Buffer.concat(encodeCheckpoint(aCheckpoint(7)));
	fc.assert(
		fc.property(fc.nat({max: good.length - 1}), fc.integer({min: 1, max: 255}), fc.boolean(), (at, mask, cut) => {
			const bad = cut ? good.subarray(0, at) : Buffer.from(good);
			if (!cut) {
				bad[at]! ^= mask;
			}
			t.throws(() => decodeCheckpoint(Buffer.from(bad), 'test'), {code: 'CHECKPOINT_CORRUPT'});
		}),
	);
});

test('a full disk is an error that names the file, and leaves the earlier checkpoint and no rubbish', async t => {
	const folder = await temporaryFolder(t);
	await fileCheckpoints(folder).save(aCheckpoint(1));
	const full = fileCheckpoints(folder, {
		files: {
			...systemFiles,
			async open(file, flags) {
				const handle = await systemFiles.open(file, flags);
				return {
					write: () => Promise.reject(Object.assign(new Error('ENOSPC: no space left on device'), {code: 'ENOSPC'})),
					sync: () => handle.sync(),
					close: () => handle.close(),
				};
			},
		},
	});
	const error = await t.throwsAsync(full.save(aCheckpoint(2)), {code: 'CHECKPOINT_WRITE'});
	t.regex(error!.message, /the disk is full/u);
	t.deepEqual(await readdir(folder), ['round-000000001.ckpt']);
	t.is((await full.latest()).checkpoint?.round, 1);
});
