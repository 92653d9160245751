import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {fpl} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

const job = `version: 1
model: lenet5
data: { dataset: mnist, path: nowhere }
training: { batch: 32, epochs: 2 }
scheme: { kind: parallel-split, microBatches: 4 }
`;
const fleet = `version: 1
devices:
  - { id: cam-1, profile: raspberry-pi-4b, data: { samples: 320 } }
  - { id: cam-2, profile: raspberry-pi-4b, data: { samples: 320 } }
  - { id: fog-1, profile: mini-pc-n100 }
`;

async function prepared(t: ExecutionContext) {
	const folder = await temporaryFolder(t);
	const write = async (name: string, text: string) => {
		const file = path.join(folder, name);
		await writeFile(file, text);
		return file;
	};
	const [jobFile, fleetFile] = [await write('job.yaml', job), await write('fleet.yaml', fleet)];
	const planned = await fpl(t, folder, 'plan', jobFile, '--fleet', fleetFile, '--format', 'yaml').finished;
	const plan = await write('plan.yaml', planned.stdout);
	const simulate = (...args: readonly string[]) =>
		fpl(t, folder, 'simulate', plan, '--job', jobFile, '--fleet', fleetFile, ...args).finished;
	return {folder, simulate};
}

interface Answer {
	readonly items: {readonly count: number; readonly from: string};
	readonly simulated: {readonly steps: number; readonly p50: number; readonly p95: number};
	readonly predicted: Readonly<Record<'step' | 'bytes', {readonly difference: number}>>;
}

test.serial('a plan is simulated beside its prediction, as text and data', async t => {
	const {folder, simulate} = await prepared(t);
	const page = path.join(folder, 'step.html');
	const text = await simulate('--timeline', page);
	t.is(text.status, 0, text.stderr);
	t.regex(text.stdout, /parallel split learning · lenet5 · 40 steps.*640 items \(the samples of the sources/u);
	t.regex(text.stdout, /step +[\d.]+ m?s +[\d.]+ m?s +[+−]\d/u);
	t.regex(text.stdout, /bottleneck: \S+, (computing|its link (up|down)) for/u);
	t.regex(text.stdout, /cam-1 stage 0 +[FB·]+/u);
	t.regex(await readFile(page, 'utf8'), /<svg/u);
	const json = await simulate('--format', 'json', '--steps', '30', '--jitter', '20%');
	t.is(json.status, 0, json.stderr);
	const {items, simulated, predicted} = JSON.parse(json.stdout) as Answer;
	t.is(items.count, 640);
	t.is(simulated.steps, 40);
	t.true(simulated.p95 > simulated.p50);
	t.true(Math.abs(predicted.bytes.difference) < 0.001);
});

test.serial('what cannot be simulated is said', async t => {
	const {simulate} = await prepared(t);
	const jitter = await simulate('--jitter', '10');
	t.not(jitter.status, 0);
	t.regex(jitter.stderr, /--jitter.*«10%»/su);
	const steps = await simulate('--steps', 'all');
	t.regex(steps.stderr, /--steps.*whole number/su);
});
