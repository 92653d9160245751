import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {parse} from 'yaml';
import {planYaml} from '../../cli/planning/plan-text.js';
import {planDigest} from '../../core/plan/digest.js';
import {planSchema} from '../../core/plan/plan.js';
import {fpl} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

const job = `version: 1
model: lenet5
data: { dataset: mnist, path: nowhere }
scheme: { kind: parallel-split, microBatches: 4 }
`;

const fleet = `version: 1
devices:
  - { id: fog-1, profile: mini-pc-n100 }
  - { id: cam-1, profile: raspberry-pi-4b, data: { samples: 3000 } }
  - { id: cam-2, profile: raspberry-pi-4b, memory: 200 kB, data: { samples: 3000 } }
`;

/** A folder with a job and a fleet, and the command in it. */
async function prepared(t: ExecutionContext) {
	const folder = await temporaryFolder(t);
	const write = async (name: string, text: string) => {
		const file = path.join(folder, name);
		await writeFile(file, text);
		return file;
	};
	const files = {
		job: await write('job.yaml', job),
		fleet: await write('fleet.yaml', fleet.replace('memory: 200 kB, ', '')),
		small: await write('small.yaml', fleet),
	};
	const plan = (...args: readonly string[]) => fpl(t, folder, 'plan', ...args).finished;
	return {folder, files, write, plan};
}

test.serial('a plan is written as YAML, changed by hand and validated', async t => {
	const {files, write, plan} = await prepared(t);
	const written = await plan(files.job, '--fleet', files.fleet, '--format', 'yaml');
	t.is(written.status, 0, written.stderr);
	const document = parse(written.stdout) as {stages: Array<{units: [number, number]}>};
	t.deepEqual(
		planSchema.parse(document).stages.map(({replicas}) => replicas.map(({device}) => device)),
		[['cam-1', 'cam-2'], ['fog-1']],
	);
	const file = await write('plan.yaml', written.stdout);
	const valid = await plan('--validate', file, '--job', files.job, '--fleet', files.fleet, '--format', 'json');
	t.is(valid.status, 0, valid.stderr);
	const answer = JSON.parse(valid.stdout) as {valid: boolean; digest: string; memory: unknown[]};
	t.true(answer.valid);
	t.is(answer.digest, planDigest(planSchema.parse(document)));
	t.is(answer.memory.length, 3);
	document.stages[1]!.units[0] += 1;
	const wrong = await plan('--validate', await write('wrong.json', JSON.stringify(document)), '--job', files.job);
	t.is(wrong.status, 60);
	t.regex(wrong.stderr, /PLAN_INVALID.*stages\[1\]\.units: unit \d would be in no stage/u);
});

test.serial('a table says who computes what and what it takes', async t => {
	const {files, plan} = await prepared(t);
	const {status, stdout, stderr} = await plan(files.job, '--fleet', files.fleet, '--scheme', 'fpl-aligned');
	t.is(status, 0, stderr);
	t.regex(stdout, /^FPL aligned, junction scalar · lenet5, 12 units/u);
	t.regex(stdout, /conv1 … .*cam-1, cam-2 .* % .*kB.*MB.*weights of its own/u);
	t.regex(stdout, /fc3 .*fog-1 .*aligned, scalar/u);
});

test.serial('names are enough for a plan', async t => {
	const {files, plan} = await prepared(t);
	const {status, stdout, stderr} = await plan(
		...[files.job, '--scheme', 'split-learning', '--devices', 'a,b,c', '--trunk', 'a', '--format', 'json'],
	);
	t.is(status, 0, stderr);
	const {stages, scheme} = planSchema.parse(JSON.parse(stdout));
	t.is(scheme, 'split learning, 1 local epoch');
	t.deepEqual(
		stages.map(({replicas}) => replicas.map(({device}) => device)),
		[['b', 'c'], ['a']],
	);
});

test.serial('of very many devices of a stage some are named and the others counted', async t => {
	const {files, plan} = await prepared(t);
	const names = Array.from({length: 20}, (_, index) => `d${index}`);
	const {status, stdout, stderr} = await plan(files.job, '--devices', names.join(','), '--scheme', 'd-sgd');
	t.is(status, 0, stderr);
	t.regex(stdout, /d0, d1, .*, d10 and 9 more/u);
});

test.serial('what does not fit is said', async t => {
	const {files, plan} = await prepared(t);
	const cases: ReadonlyArray<readonly [args: readonly string[], text: RegExp]> = [
		[[files.job, '--fleet', files.small], /PLAN_INVALID.*stages\[0\], device «cam-2»: .*at most 200 kB, its memory/u],
		[[files.job, '--fleet', files.fleet, '--scheme', 'pipelin'], /USAGE.*Did you mean «pipeline»/u],
		[[files.job, '--fleet', files.fleet, '--devices', 'cam-1'], /PLAN_INFEASIBLE.*at least 2, got 1/u],
		[[files.job, '--fleet', files.fleet, '--devices', 'cam-9'], /DEVICE_UNKNOWN.*cam-1, cam-2.*got «cam-9»/u],
		[[files.job, '--fleet', files.fleet, '--scheme', 'd-sgd', '--trunk', 'fog-1'], /USAGE.*«d-sgd» has no trunk/u],
		[
			[files.job, '--fleet', files.fleet, '--objective', 'time', '--trunk', 'nope'],
			/USAGE.*--trunk: the planner chooses .*«--scheme NAME»/u,
		],
		[
			[files.job, '--fleet', files.fleet, '--scheme', 'auto', '--trunk', 'fog-1'],
			/USAGE.*--trunk: the planner chooses/u,
		],
		[['--fleet', files.fleet], /USAGE.*expected a job file/u],
		[[files.job, '--broker', 'mqtt://127.0.0.1:1'], /BROKER_UNREACHABLE/u],
	];
	for (const [args, text] of cases) {
		const {status, stderr} = await plan(...args);
		t.not(status, 0);
		t.regex(stderr, text);
	}
});

test('YAML says the same as the plan', t => {
	const plan = planSchema.parse({
		version: 1,
		scheme: 'by hand',
		model: 'lenet5',
		stages: [
			{units: [0, 2], replicas: [{device: 'a', share: 2}, {device: 'b'}]},
			{units: [3, 11], replicas: [{device: 'c'}], junction: {mode: 'aligned', kind: 'mean'}},
		],
		synchronisation: {exchange: 'weights', every: {kind: 'steps', steps: 3}},
		links: [{from: 'a', codec: {kind: 'int8', per: 'channel'}}],
	});
	const text = planYaml(plan);
	t.deepEqual(planSchema.parse(parse(text)), plan);
	t.regex(text, /^ {6}- \{ device: a, share: 2 \}$/mu);
});
