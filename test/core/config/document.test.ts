import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test from 'ava';
import {readConfigFile} from '../../../core/config/document.js';

const folder = mkdtempSync(path.join(tmpdir(), 'fpl-config-'));
test.after.always(() => rmSync(folder, {recursive: true}));

test('a file is read with the places of its keys', async t => {
	const file = path.join(folder, 'fleet.yaml');
	writeFileSync(file, 'version: 1\ndevices:\n  - id: cam-1\n    link: {up: 40 Mbit/s}\n');
	const document = await readConfigFile(file);
	t.deepEqual(document.value, {version: 1, devices: [{id: 'cam-1', link: {up: '40 Mbit/s'}}]});
	t.is(document.placeOf(['devices', 0, 'link', 'up']), `${file}:4:16, devices[0].link.up`);
	t.is(document.placeOf(['devices', 7]), `${file}, devices[7]`);
	t.is(document.placeOf([]), file);
});

test('a missing file, a folder and a broken text each say what they are', async t => {
	await t.throwsAsync(readConfigFile(path.join(folder, 'none.yaml')), {code: 'CONFIG_FILE', message: /no such file/u});
	await t.throwsAsync(readConfigFile(folder), {code: 'CONFIG_FILE', message: /it is a folder/u});
	const file = path.join(folder, 'broken.json');
	writeFileSync(file, '{"a": 1,\n"b": }}');
	await t.throwsAsync(readConfigFile(file), {code: 'CONFIG_FILE', message: /broken\.json:2:\d+/u});
});
