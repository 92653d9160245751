import {existsSync, readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {parseConfigText} from '../../../core/config/document.js';
import {isFplError} from '../../../core/errors.js';
import {readPipeEdge} from '../../../core/profile/pipeedge.js';

const root = path.resolve(import.meta.dirname, '../../../..');
const files = {models: 'models.yml', deviceTypes: 'device_types.yml', devices: 'devices.yml'} as const;
type Name = keyof typeof files;

const textsIn = (folder: string) =>
	Object.fromEntries(
		Object.entries(files).map(([name, file]) => [name, readFileSync(path.join(folder, file), 'utf8')]),
	) as Record<Name, string>;

const documents = (texts: Record<Name, string>) => ({
	models: parseConfigText(texts.models, files.models),
	deviceTypes: parseConfigText(texts.deviceTypes, files.deviceTypes),
	devices: parseConfigText(texts.devices, files.devices),
});

const texts = textsIn(path.join(root, 'test/fixtures/pipeedge'));

test('three files become a model, types of devices and devices, in base units', t => {
	const {model, batch, bytesPerElement, types, devices} = readPipeEdge(documents(texts), {batch: 8});
	t.deepEqual(model, {
		name: 'tiny',
		layers: 4,
		memoryBytes: [2.5e6, 1e6, 2.5e6, 4e6],
		elementsIn: 3072,
		elementsOut: [1024, 512, 1024, 10],
	});
	t.is(batch, 8);
	t.is(bytesPerElement, 4);
	t.deepEqual(types, [
		{
			name: 'slow-board',
			bandwidthBytesPerSecond: 12.5e6,
			memoryBytes: 2 ** 29,
			secondsPerLayer: [0.4, 0.1, 0.3, 0.05],
		},
		{
			name: 'fast-board',
			bandwidthBytesPerSecond: 125e6,
			memoryBytes: 2 ** 31,
			secondsPerLayer: [0.1, 0.03, 0.08, 0.01],
		},
	]);
	t.deepEqual(devices, [
		{id: 'slow-0', type: 'slow-board'},
		{id: 'slow-1', type: 'slow-board'},
		{id: 'fast-0', type: 'fast-board'},
	]);
});

const refused = test.macro({
	exec(t, changes: Partial<Record<Name, readonly [from: string, to: string]>>, pattern: RegExp, batch?: number) {
		const changed = {...texts};
		for (const [name, [from, to]] of Object.entries(changes) as Array<[Name, readonly [string, string]]>) {
			t.true(changed[name].includes(from), from);
			changed[name] = changed[name].replace(from, to);
		}
		const error = t.throws(() => readPipeEdge(documents(changed), batch === undefined ? {} : {batch}));
		t.true(isFplError(error), String(error));
		t.false(isFplError(error, 'INTERNAL'));
		t.regex(error!.message, pattern);
	},
	title: (name = '') => `refused: ${name}`,
});

test('several batches, none of them chosen', refused, {}, /device_types\.yml:\d+:\d+.*8 items.*16 items.*which batch/u);
test('a batch that was not measured', refused, {}, /batches of 4.*Measure the model/u, 4);
test('a batch that one type was not measured with', refused, {}, /fast-board.*batches of 16.*got 8 items/u, 16);
test(
	'a negative time',
	refused,
	{deviceTypes: ['0.03', '-0.03']},
	/device_types\.yml:19:\d+, fast-board.*time_s\[1\].*at least 0.*-0\.03/u,
	8,
);
test('a time that is no number', refused, {deviceTypes: ['0.03', '.nan']}, /time_s\[1\].*NaN/u, 8);
test('fewer times than layers', refused, {deviceTypes: ['0.1, 0.03, ', '0.1, ']}, /each of 4 layers, got 3/u, 8);
test(
	'fewer sizes than layers',
	refused,
	{models: ['[1024, 512, 1024, 10]', '[1024]']},
	/parameters_out.*4 layers, got 1/u,
	8,
);
test(
	'no bandwidth',
	refused,
	{deviceTypes: ['bw_Mbps: 1000', 'bw_Mbps: 0']},
	/fast-board\.bw_Mbps.*more than zero/u,
	8,
);
test(
	'an unknown type',
	refused,
	{devices: ['fast-board:', 'fsat-board:']},
	/no device type «fsat-board».*fast-board/u,
	8,
);
test(
	'a device of a type without profile',
	refused,
	{devices: ['unused-board: []', 'unused-board: [x]']},
	/unused-board/u,
	8,
);
test('a device that is there twice', refused, {devices: ['slow-1', 'slow-0']}, /devices\.yml:3:\d+.*already/u, 8);
test('a misspelt key', refused, {models: ['parameters_in: 3072', 'parameter_in: 3072']}, /«parameters_in»/u, 8);

const published = path.join(process.env['FPL_DATA_DIR'] ?? path.join(root, '../shared/data'), 'pipeedge-vit-base');

test('the published profile of ViT-Base on two types of boards is read', t => {
	if (!existsSync(published)) {
		t.log(`${published} is not here: the published profile is not read (FPL_DATA_DIR)`);
		t.pass();
		return;
	}
	const {model, batch, types, devices} = readPipeEdge(documents(textsIn(published)));
	t.is(model.layers, 48);
	t.is(batch, 8);
	t.is(devices.length, 8);
	t.deepEqual(
		types.map(({name}) => name),
		['Minnowboard-E3845', 'RCC-VE-C2000'],
	);
	const whole = types.map(({secondsPerLayer}) => secondsPerLayer.reduce((sum, time) => sum + time, 0));
	t.true(whole[0]! > whole[1]! && whole[0]! < 20);
	t.is(model.elementsOut.at(-1), 1000);
});
