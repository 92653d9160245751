import {mkdir, truncate} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {isFplError} from '../../../core/errors.js';
import {toNumbers} from '../../../core/tensor/tensor.js';
import {readCifar} from '../../../models/datasets/formats/cifar.js';
import {readIdx} from '../../../models/datasets/formats/idx.js';
import {readNpy} from '../../../models/datasets/formats/npy.js';
import {temporaryFolder} from '../../support/temporary.js';
import {file, idxBytes, npyBytes, rejects} from './files.js';

test('IDX bytes are read plain and gzipped, told apart by content', async t => {
	const folder = await temporaryFolder(t);
	const bytes = idxBytes(
		8,
		[2, 2, 3],
		Array.from({length: 12}, (_, index) => index * 20),
	);
	const plain = await readIdx(await file(folder, 'plain', bytes));
	const zipped = await readIdx(await file(folder, 'zipped.gz', bytes));
	t.deepEqual(plain, zipped);
	t.deepEqual([plain.dtype, plain.shape, toNumbers(plain)], ['uint8', [2, 2, 3], toNumbers(zipped)]);
	t.is(toNumbers(plain)[11], 220);
});

test('IDX elements wider than a byte are turned from big-endian', async t => {
	const folder = await temporaryFolder(t);
	const buffer = Buffer.alloc(16);
	buffer.writeDoubleBE(Math.PI, 0);
	buffer.writeDoubleBE(-1e300, 8);
	t.deepEqual(toNumbers(await readIdx(await file(folder, 'f8', idxBytes(14, [2], buffer)))), [Math.PI, -1e300]);
	const ints = Buffer.alloc(8);
	ints.writeInt32BE(-5, 0);
	ints.writeInt32BE(70_000, 4);
	t.deepEqual(toNumbers(await readIdx(await file(folder, 'i4', idxBytes(12, [2], ints)))), [-5, 70_000]);
	const shorts = Buffer.alloc(4);
	shorts.writeInt16BE(-300, 0);
	t.deepEqual(toNumbers(await readIdx(await file(folder, 'i2', idxBytes(11, [2], shorts)))), [-300, 0]);
	t.deepEqual(toNumbers(await readIdx(await file(folder, 'i1', idxBytes(9, [2], [255, 3])))), [-1, 3]);
});

test('IDX files that are something else, cut short or too long are refused', async t => {
	const folder = await temporaryFolder(t);
	const good = idxBytes(8, [4], [1, 2, 3, 4]);
	await rejects(t, readIdx(path.join(folder, 'none')), 'DATA_FILE', /none.*ENOENT/u);
	await mkdir(path.join(folder, 'folder'));
	await rejects(t, readIdx(path.join(folder, 'folder')), 'DATA_FILE', /not a file/u);
	await rejects(t, readIdx(await file(folder, 'empty', '')), 'DATA_FORMAT', /an empty file/u);
	await rejects(t, readIdx(await file(folder, 'text', 'hello there')), 'DATA_FORMAT', /magic number.*68 65 6c 6c/u);
	await rejects(t, readIdx(await file(folder, 'type', idxBytes(10, [1], [1]))), 'DATA_FORMAT', /no IDX/u);
	await rejects(t, readIdx(await file(folder, 'rank', idxBytes(8, [], [1]))), 'DATA_FORMAT', /no IDX/u);
	await rejects(t, readIdx(await file(folder, 'head', good.subarray(0, 6))), 'DATA_FORMAT', /within its header/u);
	await rejects(
		t,
		readIdx(await file(folder, 'short', good.subarray(0, 10))),
		'DATA_FORMAT',
		/ends too early.*12 bytes/u,
	);
	await rejects(t, readIdx(await file(folder, 'long', Buffer.concat([good, good]))), 'DATA_FORMAT', /goes on after/u);
	await rejects(t, readIdx(await file(folder, 'short.gz', good.subarray(0, 10))), 'DATA_FORMAT', /ends too early/u);
	await rejects(
		t,
		readIdx(await file(folder, 'long.gz', Buffer.concat([good, good]))),
		'DATA_FORMAT',
		/goes on after/u,
	);
});

test.serial('hostile dimensions cost no memory', async t => {
	const folder = await temporaryFolder(t);
	const before = process.memoryUsage().arrayBuffers;
	const shapes = [[2 ** 32 - 1], [2 ** 31, 2 ** 31], new Array<number>(8).fill(2 ** 32 - 1), [2 ** 29]];
	for (const [index, shape] of shapes.entries()) {
		const bytes = idxBytes(8, shape, [1, 2, 3]);
		await rejects(
			t,
			readIdx(await file(folder, `${index}`, bytes)),
			'DATA_FORMAT',
			/larger than allowed|ends too early/u,
		);
		await rejects(
			t,
			readIdx(await file(folder, `${index}.gz`, bytes)),
			'DATA_FORMAT',
			/larger than allowed|ends too early/u,
		);
		const npy = npyBytes('<f8', shape, new Uint8Array(8));
		await rejects(t, readNpy(await file(folder, `${index}.npy`, npy)), 'DATA_FORMAT', /larger|early|shape/u);
	}
	t.true(process.memoryUsage().arrayBuffers - before < 64e6);
});

test('a gzip file that is damaged or cut short is a format error', async t => {
	const folder = await temporaryFolder(t);
	const name = await file(
		folder,
		'a.gz',
		idxBytes(
			8,
			[5000],
			Uint8Array.from({length: 5000}, (_, i) => (i * 7919) % 251),
		),
	);
	await truncate(name, 100);
	await rejects(t, readIdx(name), 'DATA_FORMAT', /gzip|early/u);
	await rejects(
		t,
		readIdx(await file(folder, 'b', Buffer.from([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9]))),
		'DATA_FORMAT',
		/gzip/u,
	);
});

test.serial('a gzip bomb is stopped at the length that its header promises', async t => {
	const folder = await temporaryFolder(t);
	const name = await file(folder, 'bomb.gz', Buffer.concat([idxBytes(8, [10], []), new Uint8Array(50e6)]));
	const before = process.memoryUsage().arrayBuffers;
	await rejects(t, readIdx(name), 'DATA_FORMAT', /goes on after/u);
	t.true(process.memoryUsage().arrayBuffers - before < 30e6);
});

test('.npy files of all versions and number types are read', async t => {
	const folder = await temporaryFolder(t);
	for (const version of [1, 2, 3]) {
		const data = new Uint8Array(Float32Array.of(1.5, -2, 3, 4, 5, 6).buffer);
		const array = await readNpy(await file(folder, `v${version}.npy`, npyBytes('<f4', [2, 3], data, {version})));
		t.deepEqual([array.dtype, array.shape, toNumbers(array)], ['float32', [2, 3], [1.5, -2, 3, 4, 5, 6]]);
	}
	for (const [descr, data, expected] of [
		['<f8', Float64Array.of(Math.E, -1), [Math.E, -1]],
		['|u1', Uint8Array.of(200, 1), [200, 1]],
		['|i1', Int8Array.of(-3, 1), [-3, 1]],
		['<i2', Int16Array.of(-300, 1), [-300, 1]],
		['<u2', Uint16Array.of(65_000, 1), [65_000, 1]],
		['<i4', Int32Array.of(-70_000, 1), [-70_000, 1]],
		['<i8', BigInt64Array.of(-5n, 7n), [-5, 7]],
		['|b1', Uint8Array.of(1, 0), [1, 0]],
	] as const) {
		const bytes = npyBytes(descr, [2], new Uint8Array(data.buffer));
		t.deepEqual(toNumbers(await readNpy(await file(folder, 'x.npy', bytes))), [...expected], descr);
	}
	const scalar = await readNpy(
		await file(folder, 's.npy', npyBytes('<f4', [], new Uint8Array(Float32Array.of(9).buffer))),
	);
	t.deepEqual([scalar.shape, toNumbers(scalar)], [[], [9]]);
});

test('Fortran order is turned into rows', async t => {
	const folder = await temporaryFolder(t);
	// numpy.asfortranarray(numpy.arange(24).reshape(2, 3, 4)): the first axis moves fastest.
	const data = new Int32Array(24);
	for (let i = 0; i < 2; i++) {
		for (let j = 0; j < 3; j++) {
			for (let k = 0; k < 4; k++) {
				data[i + 2 * j + 6 * k] = 12 * i + 4 * j + k;
			}
		}
	}
	const bytes = npyBytes('<i4', [2, 3, 4], new Uint8Array(data.buffer), {fortran: true});
	const array = await readNpy(await file(folder, 'f.npy', bytes));
	t.deepEqual(
		toNumbers(array),
		Array.from({length: 24}, (_, index) => index),
	);
});

test('.npy files of other contents are refused by name', async t => {
	const folder = await temporaryFolder(t);
	const eight = new Uint8Array(8);
	const read = async (bytes: Uint8Array | string) => readNpy(await file(folder, 'x.npy', bytes));
	await rejects(t, read(npyBytes('>f4', [2], eight)), 'DATA_FORMAT', /little-endian.*>f4/u);
	await rejects(t, read(npyBytes('|O', [1], eight)), 'DATA_FORMAT', /numbers/u);
	await rejects(t, read(npyBytes('<f4', [2], eight, {version: 4})), 'DATA_FORMAT', /version 4/u);
	await rejects(t, read(npyBytes('<f4', [3], eight)), 'DATA_FORMAT', /ends too early/u);
	await rejects(t, read('PK\u0003\u0004 a zip file'), 'DATA_FORMAT', /NUMPY/u);
	const huge = npyBytes('<f4', [2], eight, {version: 2});
	huge.writeUInt32LE(2 ** 31, 8);
	await rejects(t, read(huge), 'DATA_FORMAT', /header is too long/u);
});

test('any bytes give a tensor or a clear error', async t => {
	const folder = await temporaryFolder(t);
	const valid = [idxBytes(8, [2, 3], [1, 2, 3, 4, 5, 6]), npyBytes('<f4', [1, 2], new Uint8Array(8))];
	const mutated = fc
		.tuple(fc.constantFrom(...valid), fc.array(fc.tuple(fc.nat(90), fc.nat(255)), {maxLength: 4}), fc.nat(140))
		.map(([bytes, edits, length]) => {
			const copy = Buffer.from(bytes);
			for (const [at, value] of edits) {
				copy[at % copy.length] = value;
			}
			return copy.subarray(0, length);
		});
	await fc.assert(
		fc.asyncProperty(fc.oneof(fc.uint8Array({maxLength: 64}), mutated), async bytes => {
			const name = await file(folder, 'fuzz', bytes);
			for (const read of [readIdx, readNpy]) {
				try {
					const array = await read(name);
					t.is(
						array.data.length,
						array.shape.reduce((a, b) => a * b, 1),
					);
				} catch (error) {
					t.true(isFplError(error, 'DATA_FORMAT'), `${error}`);
				}
			}
		}),
		{numRuns: 200},
	);
});

test('CIFAR records are read from several files in order', async t => {
	const folder = await temporaryFolder(t);
	const record = (label: number, value: number) => Buffer.concat([Buffer.of(label), Buffer.alloc(3072, value)]);
	const first = await file(folder, 'a.bin', Buffer.concat([record(3, 10), record(9, 20)]));
	const second = await file(folder, 'b.bin.gz', record(0, 30));
	const {pixels, labels} = await readCifar([first, second]);
	t.deepEqual([...labels], [3, 9, 0]);
	t.deepEqual([pixels[0], pixels[3071], pixels[3072], pixels[2 * 3072], pixels.length], [10, 10, 20, 30, 3 * 3072]);
	await rejects(t, readCifar([await file(folder, 'c.bin', record(1, 1).subarray(1))]), 'DATA_FORMAT', /whole records/u);
	await rejects(t, readCifar([await file(folder, 'd.bin', record(10, 1))]), 'DATA_FORMAT', /record 0.*label/u);
	await rejects(t, readCifar([await file(folder, 'e.bin', '')]), 'DATA_FORMAT', /0 bytes/u);
});
