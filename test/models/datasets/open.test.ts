import {readFileSync} from 'node:fs';
import {access, mkdir} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {toNumbers} from '../../../core/tensor/tensor.js';
import {officialSources} from '../../../models/datasets/download/sources.js';
import {dataFolders, userDataFolder} from '../../../models/datasets/locate.js';
import {datasetNames, datasetSpec, datasets, isAvailable, openDataset} from '../../../models/datasets/open.js';
import {zoo} from '../../../models/zoo/zoo.js';
import {root} from '../../support/imports.js';
import {temporaryFolder} from '../../support/temporary.js';
import {file, idxBytes, npyBytes, realData, rejects} from './files.js';

const nowhere = {environment: {XDG_DATA_HOME: '/nonexistent'}};

/** Six training and two test pictures of 4×4. */
async function idxFolder(folder: string, suffix = ''): Promise<void> {
	await mkdir(folder, {recursive: true});
	const pictures = (items: number) =>
		idxBytes(
			8,
			[items, 4, 4],
			Array.from({length: items * 16}, (_, index) => index % 256),
		);
	await file(folder, `train-images-idx3-ubyte${suffix}`, pictures(6));
	await file(folder, `train-labels-idx1-ubyte${suffix}`, idxBytes(8, [6], [0, 1, 2, 3, 4, 5]));
	await file(folder, `t10k-images-idx3-ubyte${suffix}`, pictures(2));
	await file(folder, `t10k-labels-idx1-ubyte${suffix}`, idxBytes(8, [2], [9, 0]));
}

test('MNIST is found in $FPL_DATA_DIR, in given folders and in the user’s data folder, in this order', async t => {
	const [first, second, third] = [await temporaryFolder(t), await temporaryFolder(t), await temporaryFolder(t)];
	const environment = {FPL_DATA_DIR: first, XDG_DATA_HOME: third};
	const places = {environment, folders: [second]};
	t.deepEqual(dataFolders(places), [first, second, path.join(third, 'fpl', 'data')]);
	t.false(await isAvailable('mnist', places));
	await idxFolder(path.join(third, 'fpl', 'data', 'mnist'), '.gz');
	t.true(await isAvailable('mnist', places));
	await file(path.join(third, 'fpl', 'data', 'mnist'), 't10k-labels-idx1-ubyte.gz', idxBytes(8, [2], [7, 7]));
	t.deepEqual([...(await openDataset({kind: 'mnist'}, places)).test.labels!], [7, 7]);
	await idxFolder(path.join(second, 'mnist10k'));
	const {train, test: held} = await openDataset({kind: 'mnist'}, places);
	t.deepEqual([train.items, held.items, [...held.labels!]], [6, 2, [9, 0]]);
	t.deepEqual(train.features[0]?.shape, [1, 4, 4]);
	t.deepEqual(train.target, {kind: 'classes', classes: 10});
});

test('an explicit folder is taken, with or without a folder of the dataset’s name', async t => {
	const folder = await temporaryFolder(t);
	await idxFolder(path.join(folder, 'fashion-mnist'));
	for (const place of [folder, path.join(folder, 'fashion-mnist')]) {
		t.is((await openDataset({kind: 'fashion-mnist', path: place}, nowhere)).train.items, 6);
	}
	const wrong = openDataset({kind: 'mnist', path: folder}, nowhere);
	await rejects(t, wrong, 'DATA_FILE', /no train-images-idx3-ubyte in this folder/u);
});

test('missing data tell where they were looked for and how to get them', async t => {
	await rejects(t, openDataset({kind: 'mnist'}, nowhere), 'DATA_FILE', /nonexistent\/fpl\/data.*fpl data get mnist/u);
	await rejects(t, openDataset({kind: 'occupancy'}, nowhere), 'DATA_FILE', /archive\.ics\.uci\.edu/u);
	t.is(userDataFolder({XDG_DATA_HOME: 'relative'}), userDataFolder({}));
});

test('labels and pictures that disagree are refused', async t => {
	const folder = await temporaryFolder(t);
	await idxFolder(folder);
	const open = () => openDataset({kind: 'mnist', path: folder}, nowhere);
	await file(folder, 'train-labels-idx1-ubyte', idxBytes(8, [5], [0, 1, 2, 3, 4]));
	await rejects(t, open(), 'DATA_FORMAT', /train-labels.*\[6\].*\[5\]/u);
	await file(folder, 'train-labels-idx1-ubyte', idxBytes(8, [6], [0, 1, 2, 3, 4, 10]));
	await rejects(t, open(), 'DATA_SHAPE', /label of item 5.*0 to 9, got 10/u);
	await idxFolder(folder);
	await file(folder, 't10k-images-idx3-ubyte', idxBytes(8, [2, 4, 5], new Uint8Array(40)));
	await rejects(t, open(), 'DATA_FORMAT', /\[1, 4, 4\].*\[1, 4, 5\]/u);
	await file(folder, 't10k-images-idx3-ubyte', idxBytes(8, [2], [1, 2]));
	await rejects(t, open(), 'DATA_FORMAT', /two dimensions or more/u);
});

test('a folder of NumPy arrays opens; int64 features stay token ids', async t => {
	const folder = await temporaryFolder(t);
	const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
	await file(folder, 'x_train.npy', npyBytes('<f4', [2, 2], floats(1, 10, 3, 30)));
	await file(folder, 'y_train.npy', npyBytes('|u1', [2], Uint8Array.of(0, 2)));
	await file(folder, 'x_test.npy', npyBytes('<f4', [1, 2], floats(2, 40)));
	await file(folder, 'y_test.npy', npyBytes('|u1', [1], Uint8Array.of(1)));
	const open = () => openDataset({kind: 'npy', path: folder}, nowhere);
	const {train, test: held} = await open();
	t.deepEqual(train.target, {kind: 'classes', classes: 3});
	t.deepEqual(toNumbers(train.batch([0, 1]).inputs['input']!), [-1, -1, 1, 1]);
	t.deepEqual(toNumbers(held.batch([0]).inputs['input']!), [0, 2]);
	await file(folder, 'y_test.npy', npyBytes('<f4', [1], floats(1)));
	await rejects(t, open(), 'DATA_FORMAT', /y_test\.npy.*classes.*values/u);
	await file(folder, 'x_test.npy', npyBytes('<f4', [1, 1], floats(1)));
	await rejects(t, open(), 'DATA_FORMAT', /x_test\.npy.*\[2\].*\[1\]/u);
	for (const part of ['train', 'test']) {
		await file(folder, `x_${part}.npy`, npyBytes('<i8', [1, 2], new Uint8Array(BigInt64Array.of(5n, 6n).buffer)));
		// 1.5 and −2 in half precision.
		await file(folder, `y_${part}.npy`, npyBytes('<f2', [1, 2], new Uint8Array(Uint16Array.of(0x3e00, 0xc000).buffer)));
	}
	const tokens = (await open()).train;
	t.is(tokens.features[0]?.dtype, 'int64');
	t.deepEqual(toNumbers(tokens.batch([0]).targets), [1.5, -2]);
	await file(folder, 'x_train.npy', npyBytes('<f4', [1, 1], floats(Number.NaN)));
	await rejects(t, open(), 'DATA_FORMAT', /element 0.*finite/u);
});

test('CIFAR-10’s folder opens as it is unpacked', async t => {
	const folder = await temporaryFolder(t);
	const home = path.join(folder, 'cifar10', 'cifar-10-batches-bin');
	await mkdir(home, {recursive: true});
	const record = (label: number) => Buffer.concat([Buffer.of(label), Buffer.alloc(3072, label * 20)]);
	for (const number of [1, 2, 3, 4, 5]) {
		await file(home, `data_batch_${number}.bin`, record(number));
	}
	await file(home, 'test_batch.bin', record(9));
	const {train, test: held} = await openDataset({kind: 'cifar10'}, {environment: {FPL_DATA_DIR: folder}});
	t.deepEqual([[...train.labels!], [...held.labels!]], [[1, 2, 3, 4, 5], [9]]);
	t.deepEqual(train.features[0]?.shape, [3, 32, 32]);
});

test('names become specs, and a misspelt one suggests the nearest', t => {
	for (const name of datasetNames) {
		t.is(datasetSpec(name, 'somewhere').kind, name);
	}
	t.deepEqual(datasetSpec('digits', 'somewhere'), {kind: 'digits'});
	const error = t.throws(() => datasetSpec('fashionmnist'));
	t.true(isFplError(error, 'DATA_UNKNOWN'));
	t.regex(error!.message, /Did you mean «fashion-mnist»/u);
	t.true(
		isFplError(
			t.throws(() => datasetSpec('csv')),
			'CONFIG_VALUE',
		),
	);
});

test('every model of the zoo names a dataset of the table, of its input where it fits at all', t => {
	for (const [name, entry] of Object.entries(zoo)) {
		const dataset = datasets[entry.dataset];
		t.truthy(dataset, name);
		if (name !== 'resnet50') {
			t.deepEqual([...dataset.input], [...entry.input], name);
			const classes: number = dataset.classes;
			t.is(classes, entry.classes, name);
		}
	}
});

test('real MNIST and occupancy data open', async t => {
	const there = await access(path.join(realData, 'mnist10k')).then(
		() => true,
		() => false,
	);
	if (!there) {
		t.log(`skipped: there is no folder mnist10k in ${realData}`);
		t.pass();
		return;
	}
	const places = {environment: {FPL_DATA_DIR: realData}};
	const mnist = await openDataset({kind: 'mnist'}, places);
	t.deepEqual([mnist.train.items, mnist.test.items], [9000, 1000]);
	t.deepEqual(mnist.train.features, [{name: 'input', dtype: 'float32', shape: [1, 28, 28]}]);
	const pixels = mnist.train.batch([...Array(500).keys()]).inputs['input']!.data as Float32Array;
	const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
	t.true(Math.abs(mean) < 0.03, `mean ${mean}`);
	// PyTorch's well-known constants are 0.1307 and 0.3081 of 255; black is then −0.4242.
	t.true(Math.abs(Math.min(...pixels.subarray(0, 784)) + 0.4242) < 0.01);

	const occupancy = await openDataset({kind: 'occupancy'}, places);
	t.deepEqual([occupancy.train.items, occupancy.test.items], [8143, 2665 + 9752]);
	t.deepEqual(occupancy.train.target, {kind: 'classes', classes: 2});
	t.is(occupancy.train.labels?.filter(label => label === 1).length, 1729);
});

test('docs/data.md lists every dataset and every checksum', t => {
	const text = readFileSync(path.join(root, 'docs/data.md'), 'utf8');
	for (const name of datasetNames) {
		t.true(text.includes(`| \`${name}\` |`), name);
	}
	for (const {files} of Object.values(officialSources)) {
		for (const {name, bytes, sha256} of files) {
			t.true(text.includes(`\`${name}\` | ${bytes.toLocaleString('en')} | \`${sha256}\` |`), `${name} ${bytes}`);
		}
	}
});
