/** `fpl infer` with real processes over real sockets, one of them killed in the midst. */
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type {PlanDocument} from '../../../core/plan/plan.js';
import {aBroker, aJob, anAgent, linesOf, submit} from '../../support/daemons.js';
import {fpl} from '../../support/processes.js';
import {temporaryFolder} from '../../support/temporary.js';

const plan: PlanDocument = {
	version: 1,
	scheme: 'pipeline',
	model: 'lenet5',
	stages: [
		{units: [0, 3], replicas: [{device: 'dev-1'}]},
		{units: [4, 11], replicas: [{device: 'dev-2'}]},
	],
	synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
};

test.serial('a trained model answers over a pipeline, and a spare takes over from an agent that is killed', async t => {
	const folder = await temporaryFolder(t);
	const {url} = await aBroker(t, folder);
	anAgent(t, folder, url, 'dev-1');
	const victim = anAgent(t, folder, url, 'dev-2');
	const training = await submit(t, folder, url, aJob({training: {...aJob().training, epochs: 2}}));
	t.is((await training.finished).status, 0);
	const [, run] = /"run": "([^"]+)"/u.exec(training.output())!;
	const told = /"final": \{[^}]*"accuracy": ([\d.]+)/u.exec(training.output())![1];

	const spare = anAgent(t, folder, url, 'dev-3');
	await spare.until(/joined the fleet/u);
	await writeFile(path.join(folder, 'plan.json'), JSON.stringify(plan));
	const out = path.join(folder, 'predictions.csv');
	const infer = fpl(
		...([t, folder, 'infer', run!, '--plan', path.join(folder, 'plan.json'), '--broker', url] as const),
		...['--batch', '2', '--in-flight', '2', '--out', out, '--format', 'json'],
	);
	await infer.until(/"kind":"round".*"round":[2-9]/u);
	await victim.kill();
	const {status, stdout, stderr} = await infer.finished;
	t.is(status, 0, stderr);
	const updates = linesOf(stdout);
	t.is(updates.at(-1)?.state, 'done');
	t.true(updates.some(({device, text}) => device === 'dev-3' && text === 'takes over stage 1'));
	const {ledger} = JSON.parse(stdout.slice(stdout.indexOf('{\n'))) as {
		ledger: {inference: {items: number; accuracy: number; itemsPerSecond: number; latencyMs: {p50: number}}};
	};
	const {items, accuracy, itemsPerSecond, latencyMs} = ledger.inference;
	t.log(`${items} items, ${itemsPerSecond.toFixed(1)} items/s, ${latencyMs.p50.toFixed(1)} ms`);
	t.is(accuracy, Number(told));
	t.true(itemsPerSecond > 0 && latencyMs.p50 > 0);
	const rows = (await readFile(out, 'utf8')).trimEnd().split('\n');
	t.is(rows[0], 'item,class');
	t.is(rows.length, items + 1);
	t.true(rows.slice(1).every((row, item) => new RegExp(`^${item},\\d$`, 'u').test(row)));

	const report = await fpl(t, folder, 'report', /"run": "(infer[^"]+)"/u.exec(stdout)![1]!).finished;
	t.regex(report.stdout, /items\/s[\s\S]*latency of a batch of 2, 2 under way/u);
	const unknown = await fpl(t, folder, 'infer', 'no-such-run', '--broker', url).finished;
	t.is(unknown.status, 71);
	t.regex(unknown.stderr, /RUN_UNKNOWN/u);
	const nowhere = await fpl(t, folder, 'infer', run!, '--broker', url, '--out', path.join(folder, 'no/such.csv'))
		.finished;
	t.is(nowhere.status, 3);
	t.is(nowhere.stdout, '');
	const without = await fpl(t, folder, 'infer', 'lenet5', '--broker', url).finished;
	t.is(without.status, 2);
	t.regex(without.stderr, /--dataset/u);
});
