/** «fpl plan» where the planner chooses, as people use it. */
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {parse} from 'yaml';
import {type WishOptions, withObjective} from '../../cli/planning/choose.js';
import {jobSchema} from '../../core/plan/job.js';
import {planSchema} from '../../core/plan/plan.js';
import {fpl} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

const job = `version: 1
model: lenet5
data: { dataset: mnist, path: nowhere, limit: 6000 }
`;

const fleet = `version: 1
devices:
  - { id: cam-1, profile: raspberry-pi-3b-plus, link: wifi, data: { samples: 3000 } }
  - { id: cam-2, profile: raspberry-pi-4b, link: wifi, data: { samples: 3000 } }
  - { id: fog-1, profile: mini-pc-n100 }
`;

async function prepared(t: ExecutionContext) {
	const folder = await temporaryFolder(t);
	const files = {job: path.join(folder, 'job.yaml'), fleet: path.join(folder, 'fleet.yaml'), folder};
	await writeFile(files.job, job);
	await writeFile(files.fleet, fleet);
	return {
		files,
		plan: (...args: readonly string[]) => fpl(t, folder, 'plan', files.job, '--fleet', files.fleet, ...args).finished,
	};
}

test.serial('the chosen plan is shown with its costs, its reasons and the classic schemes', async t => {
	const {files, plan} = await prepared(t);
	const front = path.join(files.folder, 'front.html');
	const {status, stdout, stderr} = await plan(
		'--explain',
		'--pareto',
		front,
		'--what-if',
		'cam-1.link.up=1 Mbit/s',
		'--limit',
		'1 s',
	);
	t.is(status, 0, stderr);
	for (const part of [
		/Predicted: step .* steps/u,
		/Chosen for: time/u,
		/Held up by: /u,
		/fedavg .*trains another way/u,
		/An epoch takes .*; of a step .* \(fill\).* \(drain\)/u,
		/device +weights +gradient +optimizer +activations +boundary +all\n/u,
		/cam-1 +fog-1 +[\d.]+ .?B/u,
		/With one thing changed/u,
		/the best plan then/u,
	]) {
		t.regex(stdout, part);
	}
	t.regex(await readFile(front, 'utf8'), /<html/u);
});

test.serial('the chosen plan is a document that validates', async t => {
	const {files, plan} = await prepared(t);
	const {status, stdout, stderr} = await plan('--objective', 'energy', '--format', 'yaml', '--limit', '1 s');
	t.is(status, 0, stderr);
	const document = planSchema.parse(parse(stdout));
	t.deepEqual(
		document.stages[0]!.replicas.map(({device}) => device).toSorted(),
		['cam-1', 'cam-2'],
		'sources take part, and raw data stay with them',
	);
	const file = path.join(files.folder, 'plan.yaml');
	await writeFile(file, stdout);
	const valid = await fpl(t, files.folder, 'plan', '--validate', file, '--job', files.job, '--fleet', files.fleet)
		.finished;
	t.is(valid.status, 0, valid.stderr);
});

test.serial('a plan takes as much memory when it is checked as when it is chosen', async t => {
	const {files, plan} = await prepared(t);
	const chosen = await plan('--limit', '1 s', '--explain', '--format', 'json');
	const {plan: document, predicted} = JSON.parse(chosen.stdout) as {
		plan: unknown;
		predicted: {
			devices: {device: string; memoryBytes: number; bytesSent: number}[];
			memory: {device: string; weights: number; slots: number; activations: number}[];
			links: {from: string; to: string; bytes: number}[];
			seconds: number;
			epochSeconds: number;
			pipeline: {fillSeconds: number; drainSeconds: number};
		};
	};
	const file = path.join(files.folder, 'plan.json');
	await writeFile(file, JSON.stringify(document));
	const checked = await fpl(t, files.folder, 'plan', '--validate', file, '--job', files.job, '--format', 'json')
		.finished;
	const {memory} = JSON.parse(checked.stdout) as {memory: {device: string; total: number}[]};
	t.true(predicted.devices.length > 1);
	t.deepEqual(
		memory.map(({device, total}) => [device, total]),
		predicted.devices.map(({device, memoryBytes}) => [device, memoryBytes]),
	);
	t.true(Math.abs(predicted.seconds / 3 - predicted.epochSeconds) < 1e-9);
	t.true(predicted.pipeline.fillSeconds > 0 && predicted.pipeline.drainSeconds > 0);
	t.true(predicted.memory.every(({weights, slots, activations}) => weights > 0 && slots > 0 && activations > 0));
	const [first] = predicted.devices;
	const sent = predicted.links.filter(({from}) => from === first!.device);
	t.true(Math.abs(sent.reduce((sum, {bytes}) => sum + bytes, 0) - first!.bytesSent) < 2);
});

test.serial('what if nothing fits then: the plan as it is stays, and the reason stands beside it', async t => {
	const {plan} = await prepared(t);
	const change = 'cam-1.memory=10 kB';
	const {status, stdout, stderr} = await plan('--what-if', change, '--limit', '1 s');
	t.is(status, 0, stderr);
	t.regex(stdout, /Predicted: step/u);
	t.regex(stdout, /There is no plan then.*memory of cam-1/u);
	const json = await plan('--what-if', change, '--limit', '1 s', '--format', 'json');
	const {whatIf} = JSON.parse(json.stdout) as {whatIf: {impossible: string; bestPlan?: unknown}};
	t.regex(whatIf.impossible, /memory of cam-1/u);
	t.is(whatIf.bestPlan, undefined);
});

test.serial('a page that cannot be written costs nobody the plan', async t => {
	const {files, plan} = await prepared(t);
	const {status, stdout, stderr} = await plan('--pareto', files.folder, '--format', 'yaml', '--limit', '1 s');
	t.is(status, 3);
	t.regex(stderr, /FILE_WRITE/u);
	t.true(planSchema.safeParse(parse(stdout)).success);
});

test.serial('what cannot be met is said with what is needed', async t => {
	const {plan} = await prepared(t);
	const {status, stderr} = await plan('--deadline', '1 ms');
	t.not(status, 0);
	t.regex(stderr, /PLAN_INFEASIBLE.*time: no plan can meet this; expected at most 1 ms, got at least/u);
	t.regex((await plan('--validate', 'plan.yaml', '--pareto', 'x.html')).stderr, /USAGE.*--validate.*got --pareto/u);
});

test('flags that make no sense are named', t => {
	const asked = jobSchema.parse({version: 1, model: 'lenet5', data: {dataset: 'mnist'}});
	const refused = (flags: WishOptions, message: RegExp) => t.throws(() => withObjective(asked, flags), {message});
	refused({objective: 'speed'}, /--objective.*«time», «bytes», «energy», «money».*«speed»/u);
	refused({objective: 'enrgy'}, /Did you mean «energy»/u);
	refused({deadline: '10'}, /--deadline: expected a number with its unit.*got «10»/u);
	refused({limit: 'soon'}, /--limit: expected a number with its unit.*got «soon»/u);
	t.like(withObjective(asked, {objective: 'energy', deadline: '2 min'}).objective, {
		minimise: 'energy',
		subjectTo: {time: 120},
	});
});
