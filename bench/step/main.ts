/**
 * What a step of synchronous training costs beside computing: a broker and its agents as real processes, D-SGD over MQTT on
 * this machine. Per step and device, in milliseconds: the whole step, computing, receiving, sending, waiting; and what is left of
 * the step when the devices' computing (one core each, as far as there are cores) is taken off.
 *
 *     node dist/bench/step/main.js [--agents 3] [--model lenet5] [--batch 32] [--steps 400]
 */
import {spawn} from 'node:child_process';
import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {parseArgs} from 'node:util';
import type {Ledger} from '../../core/ledger/ledger.js';
import type {JobDocument} from '../../core/plan/job.js';

const main = path.resolve(import.meta.dirname, '../../cli/main.js');
const {values} = parseArgs({
	options: {
		agents: {type: 'string', default: '3'},
		model: {type: 'string', default: 'lenet5'},
		batch: {type: 'string', default: '32'},
		steps: {type: 'string', default: '400'},
	},
});
const agents = Number(values.agents);
const batch = Number(values.batch);
const folder = mkdtempSync(path.join(os.tmpdir(), 'fpl-step-'));
const environment = {...process.env, XDG_STATE_HOME: folder, XDG_DATA_HOME: folder};

function start(...args: string[]) {
	const child = spawn(process.execPath, [main, ...args], {env: environment, stdio: ['ignore', 'pipe', 'pipe']});
	let output = '';
	const watchers = new Set<() => void>();
	const take = (data: Buffer) => {
		output += data.toString();
		for (const watcher of watchers) {
			watcher();
		}
	};
	child.stdout.on('data', take);
	child.stderr.on('data', take);
	return {
		child,
		output: () => output,
		until: (pattern: RegExp) =>
			new Promise<RegExpExecArray>((resolve, reject) => {
				const look = () => {
					const match = pattern.exec(output);
					if (match) {
						watchers.delete(look);
						resolve(match);
					}
				};
				watchers.add(look);
				child.once('exit', () => reject(new Error(`${args.join(' ')} ended:\n${output}`)));
				look();
			}),
	};
}

const ids = Array.from({length: agents}, (_, index) => `dev-${index + 1}`);
const items = 600;
const job: JobDocument = {
	version: 1,
	model: values.model,
	data: {dataset: 'digits', limit: items},
	training: {
		optimizer: {kind: 'sgd', lr: 0.01},
		batch,
		epochs: Math.max(1, Math.round((Number(values.steps) * batch) / items)),
	},
	devices: {only: ids, minimum: agents, wait: '60 s'},
};
const children: Array<ReturnType<typeof start>> = [];
try {
	const broker = start('broker', '--listen', 'mqtt://127.0.0.1:0', '--log-level', 'warn');
	children.push(broker);
	const [, url] = await broker.until(/listening on (\S+)/u);
	for (const id of ids) {
		const agent = start('agent', 'run', '--id', id, '--broker', url!, '--threads', '1');
		children.push(agent);
		await agent.until(/joined the fleet/u);
	}
	const file = path.join(folder, 'job.json');
	writeFileSync(file, JSON.stringify(job));
	const run = start('run', file, '--broker', url!, '--format', 'json');
	children.push(run);
	await run.until(/"ended"/u);
	const [, name] = await run.until(/"run": ?"([^"]+)"/u);
	const place = readdirSync(folder, {recursive: true, encoding: 'utf8'}).find(
		entry => entry.endsWith('ledger.json') && entry.includes(name!),
	);
	const ledger = JSON.parse(readFileSync(path.join(folder, place!), 'utf8')) as Ledger;
	const rounds = ledger.rounds.slice(20);
	const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[numbers.length >> 1]! * 1000;
	const apart = rounds.slice(1).map(({at}, index) => at - rounds[index]!.at);
	const devices = ledger.devices.filter(({device}) => ids.includes(device));
	const perStep = (phase: 'compute' | 'receive' | 'send' | 'wait') =>
		devices.reduce((sum, {phases, roundsDone}) => sum + (phases[phase].seconds * 1000) / roundsDone, 0) /
		devices.length;
	const compute = perStep('compute');
	const step = median(apart);
	console.log('model,agents,batch,steps,step_ms,round_ms,compute_ms,receive_ms,send_ms,wait_ms,left_ms');
	console.log(
		[
			values.model,
			agents,
			batch,
			ledger.rounds.length,
			...[
				step,
				median(rounds.map(({seconds}) => seconds)),
				compute,
				perStep('receive'),
				perStep('send'),
				perStep('wait'),
				step - compute * Math.max(1, agents / os.availableParallelism()),
			].map(value => value.toFixed(2)),
		].join(),
	);
} finally {
	for (const {child} of children.reverse()) {
		child.kill('SIGTERM');
	}
	await new Promise(resolve => setTimeout(resolve, 1500));
	for (const {child} of children) {
		child.kill('SIGKILL');
	}
	rmSync(folder, {recursive: true, force: true});
}
