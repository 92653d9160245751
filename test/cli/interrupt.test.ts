/** «fpl plan» that is ended before it is done: by Ctrl-C, by SIGTERM, by the end of its time. */
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {parse} from 'yaml';
import {planSchema} from '../../core/plan/plan.js';
import {fpl} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

const job = `version: 1
model: mobilenetv2
data: { dataset: cifar10, path: nowhere, limit: 50000 }
training: { batch: 64 }
`;

const profiles = ['raspberry-pi-3b-plus', 'raspberry-pi-4b', 'raspberry-pi-5', 'jetson-nano', 'mini-pc-n100'];

/** So many different devices that planning takes seconds. */
const fleet = `version: 1
devices:
${Array.from({length: 40}, (_, index) => {
	const link = `link: { up: ${20 + index} Mbit/s, down: ${40 + index} Mbit/s, latency: 3 ms }`;
	const data = index < 6 ? ', data: { samples: 1000 }' : '';
	return `  - { id: dev-${index}, profile: ${profiles[index % profiles.length]}, ${link}${data} }`;
}).join('\n')}
`;

/** Some of them, the sources first. */
const few = Array.from({length: 14}, (_, index) => `dev-${index}`).join();

async function prepared(t: ExecutionContext) {
	const folder = await temporaryFolder(t);
	const files = {job: path.join(folder, 'job.yaml'), fleet: path.join(folder, 'fleet.yaml')};
	await writeFile(files.job, job);
	await writeFile(files.fleet, fleet);
	const plan = (...args: readonly string[]) =>
		fpl(t, folder, 'plan', files.job, '--fleet', files.fleet, '--limit', '60 s', '--log-level', 'info', ...args);
	return {folder, plan};
}

test.serial('Ctrl-C ends the search: the best plan so far is shown as what it is, with its bound', async t => {
	const {plan} = await prepared(t);
	const running = plan();
	await running.until(/looking for a plan/u);
	running.process.kill('SIGINT');
	const {status, stdout, stderr} = await running.finished;
	t.is(status, 130, stderr);
	t.regex(stdout, /^stage +units +layers/mu);
	t.regex(stdout, /Predicted: step .* steps/u);
	t.regex(stdout, /NOT THE FINAL ANSWER.*no plan is better by more than [\d.]+ % \(bound .*; \d+ plans evaluated\)/u);
	t.notRegex(stdout, /classic schemes (?:at their best|as far as there was time for them)/u);
	t.regex(stderr, /INTERRUPTED.*this plan is the best so far, not the final answer/u);
});

test.serial('so does SIGTERM, and the files that were asked for are written', async t => {
	const {folder, plan} = await prepared(t);
	const front = path.join(folder, 'front.html');
	const running = plan('--format', 'yaml', '--pareto', front, '--explain', '--what-if', 'dev-7=away');
	await running.until(/looking for a plan/u);
	running.process.kill('SIGTERM');
	const {status, stdout, stderr} = await running.finished;
	t.is(status, 130, stderr);
	t.regex(stdout, /^# Interrupted: this plan is the best so far/u);
	t.is(planSchema.parse(parse(stdout)).model, 'mobilenetv2');
	t.regex(await readFile(front, 'utf8'), /Planning was interrupted: there may be plans better than these/u);
});

test.serial('with no plan until then there is none, and that is said', async t => {
	const {plan} = await prepared(t);
	const running = plan('--deadline', '1 ms', '--format', 'json');
	await running.until(/looking for a plan/u);
	running.process.kill('SIGINT');
	const {status, stdout, stderr} = await running.finished;
	t.is(status, 130, stderr);
	t.is(stdout, '');
	const error = JSON.parse(stderr.trim().split('\n').at(-1)!) as {code: string; problem: string};
	t.is(error.code, 'INTERRUPTED');
	t.regex(error.problem, /no plan was found until then that keeps to all limits/u);
});

test.serial('the end of the time to look is no fault: the answer says that there may be a better one', async t => {
	const {plan} = await prepared(t);
	const {status, stdout, stderr} = await plan('--limit', '20 ms', '--devices', few).finished;
	t.is(status, 0, stderr);
	t.regex(stdout, /Chosen for: time; no plan is better by more than/u);
	t.regex(stdout, /The search ended with its time \(--limit\); with more of it there may be a better plan/u);
	t.regex(stdout, /classic schemes (?:at their best|as far as there was time for them)/u);
});
