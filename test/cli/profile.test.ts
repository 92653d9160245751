/** `fpl profile`, and plans from what it measured. */
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {parseConfigText} from '../../core/config/document.js';
import {readUnitTimes} from '../../core/profile/unit-times.js';
import {writeModel} from '../../models/onnx/write.js';
import {buildModel} from '../../models/zoo/zoo.js';
import {fpl} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

const fleet = `version: 1
devices:
  - { id: cam-1, profile: raspberry-pi-4b, data: { samples: 320 } }
  - { id: fog-1, profile: mini-pc-n100 }
`;
const job = (model: string) => `version: 1
model: ${model}
data: { dataset: mnist, path: nowhere }
training: { batch: 32, epochs: 1 }
`;

interface Simulated {
	readonly simulated: {readonly stepSeconds: number};
}

test.serial('an ONNX file is measured, and plans and simulations are made from its times', async t => {
	const folder = await temporaryFolder(t);
	const at = (name: string) => path.join(folder, name);
	writeModel(at('net.onnx'), buildModel('lenet5', {seed: 1}).graph);
	await writeFile(at('fleet.yaml'), fleet);
	await writeFile(at('job.yaml'), job('lenet5'));
	const run = (...args: readonly string[]) => fpl(t, folder, ...args).finished;
	const measured = await run(
		...[
			'profile',
			at('net.onnx'),
			'--batch',
			'2,8',
			'--seconds',
			'2',
			'--device',
			'raspberry-pi-4b',
			'--out',
			at('pi.yaml'),
		],
	);
	t.is(measured.status, 0, measured.stderr);
	t.regex(measured.stdout, /unit +forward +\+ per item +backward/u);
	const text = await readFile(at('pi.yaml'), 'utf8');
	const times = readUnitTimes(parseConfigText(text, 'pi.yaml'));
	t.is(times.units.length, 12);
	t.true(times.units.some(({backward}) => backward.perItem > 0));

	// As if it took a hundred times as long: everything that can goes to the other device.
	const slow = text.replaceAll(
		/(fixed|perItem): ([\d.]+) (µs|ms)/gu,
		(_, key, number, unit) => `${key}: ${Number(number) * 100} ${unit}`,
	);
	await writeFile(at('slow.yaml'), slow);
	const asked = [at('job.yaml'), '--fleet', at('fleet.yaml'), '--limit', '1 s'];
	const planned = await run('plan', ...asked, '--scheme', 'parallel-split', '--trunk', 'fog-1', '--format', 'yaml');
	t.is(planned.status, 0, planned.stderr);
	await writeFile(at('plan.yaml'), planned.stdout);
	const simulate = [
		'simulate',
		at('plan.yaml'),
		'--job',
		at('job.yaml'),
		'--fleet',
		at('fleet.yaml'),
		'--steps',
		'5',
		'--format',
		'json',
	];
	const [fast, late] = await Promise.all([
		run(...simulate, '--times', at('pi.yaml')),
		run(...simulate, '--times', at('slow.yaml')),
	]);
	t.is(late.status, 0, late.stderr);
	const seconds = ({stdout}: {readonly stdout: string}) => (JSON.parse(stdout) as Simulated).simulated.stepSeconds;
	t.true(seconds(late) > 2 * seconds(fast), `${seconds(late)} s, ${seconds(fast)} s`);

	await writeFile(at('other.yaml'), text.replace('device: raspberry-pi-4b', 'device: raspberry-pi-5'));
	const other = await run('plan', ...asked, '--times', at('other.yaml'));
	t.is(other.status, 12);
	t.regex(
		other.stderr,
		/other\.yaml:3:9, device: expected the id or the profile of a device here, one of cam-1, raspberry-pi-4b, .*got «raspberry-pi-5»/u,
	);
	await writeFile(
		at('mlp.yaml'),
		text.replace('model: net', 'model: mlp').replace(/threads: \d+\n/u, 'threads: 999\n'),
	);
	const doubtful = await run('plan', ...asked, '--times', at('mlp.yaml'));
	t.is(doubtful.status, 0, doubtful.stderr);
	t.regex(doubtful.stderr, /mlp\.yaml:2:8, model: these are times of «mlp», taken for those of the job's «lenet5»/u);
	t.regex(doubtful.stderr, /mlp\.yaml:\d+:\d+, threads: .* with 999 threads, but «cam-1» has 4 cores/u);
	const nowhere = await run('profile', 'lenet5', '--seconds', '60', '--out', at('no/such.yaml'));
	t.is(nowhere.status, 3);
	t.regex(nowhere.stderr, /FILE_WRITE.*such\.yaml: there is no such file or folder/u);
	t.notRegex(nowhere.stderr, /lenet5: /u);
	await writeFile(at('bad.yaml'), text.replace(/perItem: [\d.]+ \p{L}+/u, 'perItem: -3 µs'));
	const bad = await run('plan', ...asked, '--times', at('bad.yaml'));
	t.is(bad.status, 12);
	t.regex(bad.stderr, /bad\.yaml:\d+:\d+, units\[0\]\.forward\.perItem/u);
});
