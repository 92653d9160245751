/** `fpl compare --emulate`: a fleet is started on this machine, schemes run on it one after the other, and all of it ends. */
import {readdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type {JobDocument} from '../../core/plan/job.js';
import {fpl} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

interface Told {
	readonly marks: readonly string[];
	readonly results: ReadonlyArray<{
		readonly scheme: string;
		readonly runs: ReadonlyArray<Readonly<Record<string, number>> & {readonly failure?: string}>;
	}>;
}

test('two schemes are compared on a fleet that the command starts, and told as JSON and as a page', async t => {
	const folder = await temporaryFolder(t);
	const job: JobDocument = {
		version: 1,
		model: 'lenet5',
		data: {dataset: 'digits', limit: 96},
		training: {optimizer: {kind: 'sgd', lr: 0.05}, batch: 16, epochs: 1, seed: 3},
	};
	const [file, page] = [path.join(folder, 'job.json'), path.join(folder, 'page.html')];
	await writeFile(file, JSON.stringify(job));
	const emulated = ['--emulate', 'raspberry-pi-5', '--devices', '2', '--helper', 'raspberry-pi-5'];
	const schemes = ['--schemes', 'fedavg,split-learning'];
	const command = fpl(t, folder, 'compare', file, ...emulated, ...schemes, '--format', 'json', '--html', page);
	const {status, stdout, stderr} = await command.finished;
	t.is(status, 0, stderr);
	const {results, marks}: Told = JSON.parse(stdout);
	t.deepEqual(
		results.map(({scheme}) => scheme),
		['fedavg', 'split-learning'],
	);
	for (const {scheme, runs} of results) {
		t.is(runs.length, 1);
		const [run] = runs;
		t.is(run?.failure, undefined);
		t.true(run!['accuracy']! >= 0 && run!['accuracy']! <= 1, scheme);
		for (const name of ['seconds', 'bytes', 'joules', 'loss']) {
			t.true(run![name]! > 0, `${scheme}: ${name} ${run![name]}`);
		}
	}
	// Sources alone average whole models; in split learning the device without data does its part.
	t.deepEqual(
		results.map(({runs}) => runs[0]!['devices']),
		[2, 3],
	);
	t.true(marks.some(mark => mark.includes('Emulated: cam-1, cam-2 and fog-1')));
	t.regex(await readFile(page, 'utf8'), /<svg/u);
	const contenders = stderr
		.split('\n')
		.filter(line => line.includes('"contender"'))
		.map(line => JSON.parse(line) as {scheme: string; warmUp: boolean});
	t.deepEqual(
		contenders.map(({scheme, warmUp}) => [scheme, warmUp]),
		[
			['fedavg', true],
			['fedavg', false],
			['split-learning', false],
		],
	);
	t.deepEqual(await processesOf(folder), []);
});

/** Command lines of processes that name a folder, where the system tells them. */
async function processesOf(folder: string): Promise<string[]> {
	const entries = await readdir('/proc').catch(() => []);
	const lines = await Promise.all(entries.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
	return lines.filter(line => line.includes(folder));
}
