/** Real processes on the embedded broker, and `kill -9` in every role of a plan with stages. */
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {PlanDocument} from '../../../core/plan/plan.js';
import {importModel} from '../../../models/import/model.js';
import {flatten, layoutOf} from '../../../models/layout.js';
import {aBroker, aJob, anAgent, type Line, linesOf} from '../../support/daemons.js';
import {fpl, type RunningProcess} from '../../support/processes.js';
import {temporaryFolder} from '../../support/temporary.js';

const plan: PlanDocument = {
	version: 1,
	scheme: 'FPL stacked, three stages',
	model: 'lenet5',
	stages: [
		{units: [0, 3], replicas: [{device: 'cam-1'}, {device: 'cam-2'}]},
		{units: [4, 8], replicas: [{device: 'mid-1'}]},
		{units: [9, 11], replicas: [{device: 'fog-1'}]},
	],
	synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
	pipeline: {microBatches: 2},
};
/** Fifteen are an epoch. Three devices are killed and away within the first ten or twenty. */
const steps = 60;

async function submit(t: ExecutionContext, folder: string, url: string): Promise<RunningProcess> {
	const files = {job: path.join(folder, 'job.json'), plan: path.join(folder, 'plan.json')};
	const {training} = aJob();
	const job = aJob({
		training: {...training, optimizer: {kind: 'sgd', lr: 0.02, momentum: 0.9}, epochs: steps / 15},
		devices: {wait: '40 s'},
		faults: {checkpointInterval: '0 s'},
	});
	await writeFile(files.job, JSON.stringify(job));
	await writeFile(files.plan, JSON.stringify(plan));
	return fpl(t, folder, 'run', files.job, '--plan', files.plan, '--broker', url, '--format', 'json');
}

const roundsOf = (run: RunningProcess): readonly number[] =>
	linesOf(run.output()).flatMap(({record}) => (record ? [record.round] : []));

/** Waits for a few more rounds than there were. */
async function goesOn(run: RunningProcess): Promise<void> {
	const before = roundsOf(run).length;
	for (;;) {
		await run.until(/"kind":"round"/u);
		if (roundsOf(run).length >= before + 2) {
			return;
		}
		if (run.process.exitCode !== null) {
			throw new Error(`the run ended:\n${run.output()}`);
		}
		await new Promise(resolve => setTimeout(resolve, 50));
	}
}

const noteOf = (device: string, text: string): RegExp =>
	new RegExp(`"text":"${text}","device":"${device}"|"device":"${device}","text":"${text}"`, 'u');

/** The run is done, and what it leaves is a model with weights that are finite and not those of before. */
async function leavesModel(t: ExecutionContext, folder: string, run: RunningProcess): Promise<void> {
	const {status, stdout, stderr} = await run.finished;
	t.is(status, 0, stderr);
	const lines: Line[] = linesOf(stdout);
	t.is(lines.at(-1)?.state, 'done');
	t.is(lines.filter(({kind}) => kind === 'round').at(-1)?.record?.round, steps - 1);
	const [, name] = /"run": "([^"]+)"/u.exec(run.output())!;
	const file = path.join(folder, 'trained.onnx');
	const exported = await fpl(t, folder, 'export', name!, file).finished;
	t.is(exported.status, 0, exported.stderr);
	const {graph, parameters} = importModel(await readFile(file));
	const weights = flatten(graph, layoutOf(graph, parameters));
	t.true(weights.length > 1000 && weights.every(Number.isFinite) && weights.some(value => value !== 0));
}

test.serial(
	'a run with stages survives kill -9 of a source, of the middle of the pipeline and of the trunk',
	async t => {
		const folder = await temporaryFolder(t);
		const {url} = await aBroker(t, folder);
		const start = (id: string) => anAgent(t, folder, url, id);
		const agents = new Map(['cam-1', 'cam-2', 'mid-1', 'fog-1'].map(id => [id, start(id)]));
		const run = await submit(t, folder, url);
		await goesOn(run);
		for (const id of ['cam-2', 'mid-1', 'fog-1']) {
			await agents.get(id)!.kill();
			await run.until(noteOf(id, 'left'));
			await run.until(noteOf(id, 'is away: the run goes on without it'));
			await goesOn(run);
			t.log(`${id} was away in round ${roundsOf(run).at(-1)}`);
			start(id);
		}
		await leavesModel(t, folder, run);
	},
);

test.serial('a run with stages survives kill -9 of the broker, and goes on from its last checkpoint', async t => {
	const folder = await temporaryFolder(t);
	const {broker, url} = await aBroker(t, folder);
	for (const id of ['cam-1', 'cam-2', 'mid-1', 'fog-1']) {
		anAgent(t, folder, url, id);
	}
	const run = await submit(t, folder, url);
	await goesOn(run);
	await run.until(/"kind":"checkpoint"/u);
	await broker.kill();
	await aBroker(t, folder, url);
	await leavesModel(t, folder, run);
	const planned = linesOf(run.output()).filter(({kind}) => kind === 'planned') as Array<
		Line & {attempt: number; resumedFrom?: number}
	>;
	t.is(planned.length, 2);
	t.true(planned[1]!.attempt > planned[0]!.attempt);
	t.true(planned[1]!.resumedFrom! > 0);
});
