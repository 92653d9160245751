import {readdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {type FileWriter, makeFolder, systemFiles, writeAtomically} from '../../core/atomic-file.js';
import {temporaryFolder} from '../support/temporary.js';

/** Files that take at most so many bytes at a time, and so many in all. */
const meagre = (atOnce: number, inAll: number): FileWriter => ({
	...systemFiles,
	async open(file, flags) {
		const handle = await systemFiles.open(file, flags);
		let left = inAll;
		return {
			write: (async (bytes: Uint8Array) => {
				if (left === 0) {
					throw new Error('ENOSPC: no space left on device');
				}
				const part = bytes.subarray(0, Math.min(atOnce, left));
				left -= part.length;
				return handle.write(part);
			}) as Awaited<ReturnType<FileWriter['open']>>['write'],
			sync: () => handle.sync(),
			close: () => handle.close(),
		};
	},
});

test('parts are written one after the other, also when the disk takes them bit by bit', async t => {
	const file = path.join(await temporaryFolder(t), 'file');
	await writeAtomically(file, [Buffer.from('one '), Buffer.from(''), Buffer.from('two three')], meagre(2, 100));
	t.is(await readFile(file, 'utf8'), 'one two three');
});

test('a disk that is full half-way leaves what was there, and nothing else', async t => {
	const folder = await temporaryFolder(t);
	const file = path.join(folder, 'file');
	await writeFile(file, 'before');
	const error = await t.throwsAsync(writeAtomically(file, [Buffer.from('afterwards')], meagre(4, 6)), {
		code: 'FILE_WRITE',
	});
	t.regex(error!.message, /file: ENOSPC/u);
	t.is(await readFile(file, 'utf8'), 'before');
	t.deepEqual(await readdir(folder), ['file']);
});

test('a folder that cannot be is told', async t => {
	const file = path.join(await temporaryFolder(t), 'file');
	await writeFile(file, '');
	await t.throwsAsync(makeFolder(path.join(file, 'below')), {
		code: 'FILE_WRITE',
		message: /a part of the path is a file/u,
	});
	await t.throwsAsync(makeFolder(file), {code: 'FILE_WRITE'});
	if (process.platform === 'linux') {
		await t.throwsAsync(makeFolder('/proc/fpl/below'), {code: 'FILE_WRITE'});
	}
	await t.throwsAsync(writeAtomically(path.join(file, 'x'), [Buffer.from('x')]), {code: 'FILE_WRITE'});
});
