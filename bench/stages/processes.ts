/** A broker and its agents as real processes, and jobs run by them. */
import {type ChildProcess, spawn} from 'node:child_process';
import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import type {Ledger} from '../../core/ledger/ledger.js';
import type {JobDocument} from '../../core/plan/job.js';
import type {Plan, PlanDocument} from '../../core/plan/plan.js';
import {cpuSeconds} from '../wire/cpu.js';

const main = path.resolve(import.meta.dirname, '../../cli/main.js');

interface Running {
	readonly child: ChildProcess;
	until(pattern: RegExp): Promise<RegExpExecArray>;
	/** What it has written so far. */
	output(): string;
}

/** The profile that an agent takes on, and what of it is otherwise, as fleet files say it. */
export interface Emulation {
	readonly profile: string;
	readonly overrides?: Readonly<Record<string, unknown>>;
}

export interface Fleet {
	/** Runs a job to its end. @throws Error with the output when it fails. */
	run(
		job: JobDocument,
		plan?: PlanDocument | Plan,
	): Promise<{readonly ledger: Ledger; readonly cpu: readonly number[]}>;
	/** What the agents have written so far, one after the other. */
	agentOutput(): string;
	close(): Promise<void>;
}

function start(folder: string, args: readonly string[]): Running {
	const child = spawn(process.execPath, [main, ...args], {
		env: {...process.env, XDG_STATE_HOME: folder, XDG_DATA_HOME: folder},
		stdio: ['ignore', 'pipe', 'pipe'],
	});
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
		until: pattern =>
			new Promise((resolve, reject) => {
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

export interface FleetOptions {
	/** A profile that all of them emulate, or one for each. */
	readonly emulate?: string | ((device: string) => Emulation) | undefined;
	/** Of the agents. */
	readonly logLevel?: 'info' | 'debug';
}

/** @param devices their ids, each an agent with one computing thread. */
export async function startFleet(
	folder: string,
	devices: readonly string[],
	{emulate, logLevel = 'info'}: FleetOptions = {},
): Promise<Fleet> {
	const broker = start(folder, ['broker', '--listen', 'mqtt://127.0.0.1:0', '--log-level', 'warn']);
	const [, url] = await broker.until(/listening on (\S+)/u);
	const emulation = (id: string): readonly string[] => {
		if (typeof emulate !== 'function') {
			return emulate === undefined ? [] : ['--emulate', emulate];
		}
		const {profile, overrides = {}} = emulate(id);
		const file = path.join(folder, `agent-${id}.json`);
		writeFileSync(file, JSON.stringify({emulate: profile, overrides}));
		return ['--config', file];
	};
	const agents = devices.map(id =>
		start(folder, [
			...['agent', 'run', '--id', id, '--broker', url!, '--threads', '1', '--log-level', logLevel],
			...emulation(id),
		]),
	);
	await Promise.all(agents.map(agent => agent.until(/joined the fleet/u)));
	const pids = [broker, ...agents].map(({child}) => child.pid ?? 0);
	let runs = 0;
	return {
		async run(job, plan) {
			const place = path.join(folder, `job-${++runs}.json`);
			writeFileSync(place, JSON.stringify(job));
			const args = ['run', place, '--broker', url!, '--format', 'json'];
			if (plan) {
				const file = path.join(folder, `plan-${runs}.json`);
				writeFileSync(file, JSON.stringify(plan));
				args.push('--plan', file);
			}
			const before = pids.map(pid => cpuSeconds([pid]));
			const run = start(folder, args);
			await run.until(/"ended"/u);
			const cpu = pids.map((pid, index) => cpuSeconds([pid]) - before[index]!);
			const [, name] = await run.until(/"run": ?"([^"]+)"/u);
			const found = readdirSync(folder, {recursive: true, encoding: 'utf8'}).find(
				entry => entry.endsWith('ledger.json') && entry.includes(name!),
			);
			const ledger = JSON.parse(readFileSync(path.join(folder, found!), 'utf8')) as Ledger;
			if (ledger.final.state !== 'done') {
				throw new Error(`${plan?.scheme ?? 'the run'}: ${ledger.final.state}, ${ledger.final.because}`);
			}
			return {ledger, cpu};
		},
		agentOutput: () => agents.map(agent => agent.output()).join(''),
		async close() {
			for (const {child} of [...agents, broker]) {
				child.kill('SIGTERM');
			}
			await new Promise(resolve => setTimeout(resolve, 1500));
			for (const {child} of [...agents, broker]) {
				child.kill('SIGKILL');
			}
		},
	};
}

/** Milliseconds between the ends of neighbouring steps, without the first ones. */
export function stepTimes({rounds}: Ledger, skipped: number): readonly number[] {
	return rounds.slice(skipped + 1).map(({at}, index) => (at - rounds[skipped + index]!.at) * 1000);
}
