/** A broker and its agents as real processes, and jobs run by them. */
import {type ChildProcess, spawn} from 'node:child_process';
import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import type {Ledger} from '../../core/ledger/ledger.js';
import type {JobDocument} from '../../core/plan/job.js';
import type {Plan, PlanDocument} from '../../core/plan/plan.js';
import {cpuSeconds} from '../wire/cpu.js';

const main = path.resolve(import.meta.dirname, '../../cli/main.js');
const agentOnOtherLink = path.resolve(import.meta.dirname, 'other-link.js');

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
	/** What of its link is really otherwise than it says, as fleet files say it. */
	readonly really?: Readonly<Record<string, string>> | undefined;
}

export interface Ran {
	readonly ledger: Ledger;
	/** Seconds of broker and agents. */
	readonly cpu: readonly number[];
	/** What the run left behind. */
	readonly directory: string;
}

export interface Fleet {
	/** Runs a job to its end. @throws Error with the output when it fails. */
	run(job: JobDocument, plan?: PlanDocument | Plan): Promise<Ran>;
	/** What the agents have written so far, one after the other. */
	agentOutput(): string;
	close(): Promise<void>;
}

function start(folder: string, args: readonly string[], program = main): Running {
	const child = spawn(process.execPath, [program, ...args], {
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
	const agents = devices.map(id => {
		const flags = ['--id', id, '--broker', url!, '--threads', '1', '--log-level', logLevel];
		if (typeof emulate !== 'function') {
			return start(folder, ['agent', 'run', ...flags, ...(emulate === undefined ? [] : ['--emulate', emulate])]);
		}
		const {profile, overrides = {}, really} = emulate(id);
		const file = path.join(folder, `agent-${id}.json`);
		const config = {emulate: profile, overrides};
		if (really) {
			writeFileSync(file, JSON.stringify({...config, id, broker: url, threads: 1, logLevel}));
			return start(folder, [file, JSON.stringify(really)], agentOnOtherLink);
		}
		writeFileSync(file, JSON.stringify(config));
		return start(folder, ['agent', 'run', ...flags, '--config', file]);
	});
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
			const file = path.join(folder, found!);
			const ledger = JSON.parse(readFileSync(file, 'utf8')) as Ledger;
			if (ledger.final.state !== 'done') {
				throw new Error(`${plan?.scheme ?? 'the run'}: ${ledger.final.state}, ${ledger.final.because}`);
			}
			return {ledger, cpu, directory: path.dirname(file)};
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
