/** A broker, agents and jobs as real processes, for end-to-end tests. */
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import type {ExecutionContext} from 'ava';
import type {JobDocument} from '../../core/plan/job.js';
import {fpl, type RunningProcess} from './processes.js';

/** A small job that two agents finish in seconds. */
export const aJob = (changes: Partial<JobDocument> = {}): JobDocument => ({
	version: 1,
	model: 'lenet5',
	data: {dataset: 'digits', limit: 600},
	scheme: {kind: 'd-sgd'},
	training: {optimizer: {kind: 'sgd', lr: 0.05, momentum: 0.9}, batch: 40, epochs: 12, seed: 3},
	devices: {only: ['dev-1', 'dev-2'], minimum: 1, wait: '40 s'},
	// Often enough for every process that is killed, and not so often that writing takes as long as training.
	faults: {checkpointInterval: '200 ms', roundDeadline: '5 s'},
	...changes,
});

export async function aBroker(t: ExecutionContext, folder: string, listen = 'mqtt://127.0.0.1:0') {
	const broker = fpl(t, folder, 'broker', '--listen', listen, '--log-level', 'warn');
	const [, url] = await broker.until(/listening on (\S+)/u);
	return {broker, url: url!};
}

/** The coordinator alone, on a broker that is not ours. */
export async function aCoordinator(t: ExecutionContext, folder: string, external: string): Promise<RunningProcess> {
	const coordinator = fpl(t, folder, 'broker', '--external', external, '--log-level', 'warn');
	await coordinator.until(/listening on (\S+)/u);
	return coordinator;
}

/** An agent that emulates a small board, so that a run takes long enough to be disturbed on a fast machine too. */
export const anAgent = (
	t: ExecutionContext,
	folder: string,
	url: string,
	id: string,
	profile = 'raspberry-pi-3b-plus',
): RunningProcess =>
	fpl(t, folder, 'agent', 'run', '--id', id, '--broker', url, '--threads', '1', '--emulate', profile);

/** `fpl run` with a job of this content; its output are JSON lines, and the ledger at the end. */
export async function submit(
	t: ExecutionContext,
	folder: string,
	url: string,
	job: JobDocument,
): Promise<RunningProcess> {
	const file = path.join(folder, 'job.json');
	await writeFile(file, JSON.stringify(job));
	return fpl(t, folder, 'run', file, '--broker', url, '--format', 'json');
}

/** One update of a run as a JSON line. */
export interface Line {
	readonly kind?: string;
	readonly record?: {readonly round: number; readonly devices: readonly string[]};
	readonly text?: string;
	readonly device?: string;
	readonly state?: string;
}

export const linesOf = (text: string): Line[] =>
	text
		.split('\n')
		.filter(line => line.startsWith('{"time"'))
		.map(line => JSON.parse(line) as Line);
