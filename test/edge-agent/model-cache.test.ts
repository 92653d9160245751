import {createHash} from 'node:crypto';
import {readdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {ModelCache} from '../../edge-agent/model-cache.js';
import {temporaryFolder} from '../support/temporary.js';

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test('a model is found by its digest, and not when its file was changed', async t => {
	const folder = await temporaryFolder(t);
	const cache = new ModelCache(folder);
	const bytes = Buffer.from('a model');
	await cache.put(digestOf(bytes), bytes);
	t.deepEqual(await cache.find(digestOf(bytes)), bytes);
	t.is(await cache.find(digestOf(Buffer.from('other'))), undefined);
	await writeFile(path.join(folder, (await readdir(folder))[0]!), 'changed');
	t.is(await cache.find(digestOf(bytes)), undefined);
	t.deepEqual(await readdir(folder), []);
});

test('only so many models are kept', async t => {
	const folder = await temporaryFolder(t);
	const cache = new ModelCache(folder, 2);
	for (const name of ['a', 'b', 'c']) {
		await cache.put(digestOf(Buffer.from(name)), Buffer.from(name));
	}
	t.is((await readdir(folder)).length, 2);
});
