/** What people type, and what they are told when it is wrong. */

import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {CommanderError} from 'commander';
import {createProgram, everyCommand} from '../../cli/program.js';
import {errorTable} from '../../core/errors.js';
import {fpl} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

const commands = ['broker', 'agent run', 'devices', 'run', 'report', 'export', 'data', 'doctor', 'demo'];

/** What `fpl <words> --help` prints and how it ends, without a process of its own. */
async function helpOf(
	t: ExecutionContext,
	words: readonly string[],
): Promise<{readonly status: number; readonly stdout: string}> {
	const program = await createProgram();
	let stdout = '';
	for (const command of everyCommand(program)) {
		command.configureOutput({
			writeOut: text => {
				stdout += text;
			},
		});
	}
	const error = t.throws(() => program.parse([...words, '--help'], {from: 'user'}), {instanceOf: CommanderError});
	return {status: error!.exitCode, stdout};
}

test.serial('every command has a help text, and those that take arguments have examples', async t => {
	const folder = await temporaryFolder(t);
	const main = await fpl(t, folder, '--help').finished;
	t.is(main.status, 0);
	for (const command of commands) {
		const {status, stdout} = await helpOf(t, command.split(' '));
		t.is(status, 0, command);
		t.regex(stdout, /Usage: fpl/u);
		if (command !== 'demo') {
			t.regex(stdout, /Example/u, command);
		}
	}
	const {status, stdout} = await fpl(t, folder, 'run', '--help').finished;
	t.deepEqual({status, stdout}, await helpOf(t, ['run']));
});

const wrong: ReadonlyArray<
	readonly [title: string, args: readonly string[], code: keyof typeof errorTable, text: RegExp]
> = [
	['an unknown command suggests the nearest', ['rnu'], 'USAGE', /Did you mean run/u],
	['an unknown option is named', ['run', '--colour'], 'USAGE', /--colour/u],
	['a missing job is asked for', ['run', '--broker', 'mqtt://127.0.0.1:1'], 'USAGE', /a job file, or --resume RUN/u],
	['a broker that is not there', ['devices', '--broker', 'mqtt://127.0.0.1:1'], 'BROKER_UNREACHABLE', /fpl broker/u],
	[
		'an unknown run lists where it looked',
		['report', 'nothing', '--broker', 'mqtt://127.0.0.1:1'],
		'BROKER_UNREACHABLE',
		/«nothing»: it is not in \S+runs, and .*127\.0\.0\.1:1 does not answer/u,
	],
	['an impossible run name is refused', ['report', 'a/b'], 'CONFIG_VALUE', /letters, digits/u],
	['an unknown dataset lists those there are', ['data', 'get', 'imagenet'], 'USAGE', /mnist/u],
	[
		'an unknown profile suggests the nearest',
		['agent', 'run', '--emulate', 'raspberry-pi-4c'],
		'DEVICE_UNKNOWN',
		/raspberry-pi-4b/u,
	],
	['a job that is not there', ['run', 'no/job.yaml'], 'CONFIG_FILE', /no\/job\.yaml: there is no such file/u],
	['a folder instead of a job', ['run', '/'], 'CONFIG_FILE', /it is a folder/u],
	[
		'a state folder that cannot be one ends the broker at once',
		['broker', '--listen', 'mqtt://127.0.0.1:0', '--state', import.meta.filename],
		'FILE_WRITE',
		/a part of the path is a file/u,
	],
	[
		'a host that is not there',
		['devices', '--broker', 'mqtt://no-such-host.invalid'],
		'BROKER_UNREACHABLE',
		/no-such-host\.invalid: (there is no host of that name|the name service does not answer)/u,
	],
	['a bad address is named', ['broker', '--listen', 'http://x'], 'CONFIG_VALUE', /mqtt:\/\/host:port/u],
];

for (const [title, args, code, text] of wrong) {
	test.serial(`wrong input: ${title}`, async t => {
		const {status, stderr} = await fpl(t, await temporaryFolder(t), ...args).finished;
		t.is(status, errorTable[code].exit, stderr);
		t.true(stderr.startsWith(`fpl: ${code}: `), stderr);
		t.regex(stderr, text);
	});
}

test.serial('a taken port is said to be taken', async t => {
	const server = createServer();
	await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
	t.teardown(() => server.close());
	const address = server.address();
	const port = typeof address === 'object' && address ? address.port : 0;
	const {status, stderr} = await fpl(t, await temporaryFolder(t), 'broker', '--listen', `mqtt://127.0.0.1:${port}`)
		.finished;
	t.is(status, 51);
	t.regex(stderr, /PORT_TAKEN/u);
});

test.serial('an unknown key in a job is named with its line and the nearest known one', async t => {
	const folder = await temporaryFolder(t);
	const broker = fpl(t, folder, 'broker', '--listen', 'mqtt://127.0.0.1:0', '--log-level', 'warn');
	const [, url] = await broker.until(/listening on (\S+)/u);
	const file = path.join(folder, 'job.yaml');
	await writeFile(file, 'version: 1\nmodel: lenet5\ndata: {dataset: digits}\ntraning: {epochs: 1}\n');
	const {status, stderr} = await fpl(t, folder, 'run', file, '--broker', url!).finished;
	t.is(status, errorTable.CONFIG_KEY.exit, stderr);
	t.regex(stderr, /job\.yaml:4/u);
	t.regex(stderr, /training/u);
});

test.serial('a model file that is missing, a folder, empty, cut short or no ONNX is said to be', async t => {
	const folder = await temporaryFolder(t);
	const whole = await readFile(path.resolve(import.meta.dirname, '../../../test/fixtures/onnx/lenet-script.onnx'));
	await mkdir(path.join(folder, 'folder.onnx'));
	await writeFile(path.join(folder, 'empty.onnx'), '');
	await writeFile(path.join(folder, 'short.onnx'), whole.subarray(0, 9000));
	await writeFile(path.join(folder, 'text.onnx'), 'model: lenet5');
	for (const [name, text] of [
		['missing', /there is no such file.*relative to the job file/u],
		['folder', /it is a folder/u],
		['empty', /no graph/u],
		['short', /no protobuf message.*export it again/u],
		['text', /no protobuf message/u],
	] as const) {
		const file = path.join(folder, 'job.yaml');
		await writeFile(file, `version: 1\nmodel: ${name}.onnx\ndata: {dataset: digits}\n`);
		const {status, stderr} = await fpl(t, folder, 'run', file).finished;
		t.is(status, errorTable.MODEL_FILE.exit, stderr);
		t.true(stderr.includes(path.join(folder, `${name}.onnx`)), stderr);
		t.regex(stderr, text);
	}
});

test.serial('errors are JSON where JSON was asked for', async t => {
	const {status, stderr} = await fpl(
		t,
		await temporaryFolder(t),
		'devices',
		'--format',
		'json',
		'--broker',
		'mqtt://127.0.0.1:1',
	).finished;
	t.is(status, 50);
	t.is((JSON.parse(stderr) as {code: string}).code, 'BROKER_UNREACHABLE');
});

test.serial('the doctor says which engines work here and why others do not', async t => {
	const {status, stdout} = await fpl(
		t,
		await temporaryFolder(t),
		'doctor',
		'--format',
		'json',
		'--broker',
		'mqtt://127.0.0.1:1',
	).finished;
	t.is(status, 0);
	const found = JSON.parse(stdout) as Array<{subject: string; ok: boolean; text: string}>;
	t.true(found.find(({subject}) => subject === 'engine onnxruntime')?.ok);
	t.false(found.find(({subject}) => subject === 'broker')?.ok);
	const meters = found.filter(({subject}) => subject.startsWith('meter '));
	t.deepEqual(
		meters.map(({subject}) => subject),
		['meter ina3221', 'meter pmic', 'meter hwmon', 'meter rapl', 'meter battery'],
	);
	t.true(meters.every(({text}) => text.length > 10));
});
