/** `fpl run`: hands a job to the coordinator, follows the run, and keeps what came out. */
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {Command} from 'commander';
import {readConfig} from '../../core/config/config.js';
import {type ConfigDocument, readConfigFile} from '../../core/config/document.js';
import {FplError} from '../../core/errors.js';
import {runId} from '../../core/ids.js';
import {jobSchema} from '../../core/plan/job.js';
import {checkPlan, planSchema} from '../../core/plan/plan.js';
import {reportJson} from '../../reports/json.js';
import {reportText} from '../../reports/text.js';
import {type Client, withClient} from '../client.js';
import {followRun} from '../follow.js';
import {brokerOption, formatOption, logOption, namespaceOption, stateDirectory, stateOption} from '../options.js';
import {failureOf} from '../outcome.js';
import {keepResults} from '../results.js';
import {print, terminalWidth} from '../terminal.js';

interface RunOptions {
	readonly plan?: string;
	readonly resume?: string;
	readonly detach?: boolean;
	readonly state?: string;
	readonly format: 'text' | 'json';
}

/** Paths in a job are relative to its file; the coordinator and the agents may run elsewhere on this machine. */
function absolutePaths(document: ConfigDocument, file: string): unknown {
	const value = structuredClone(document.value) as {data?: {path?: unknown}} | null;
	if (typeof value?.data?.path === 'string') {
		value.data.path = path.resolve(path.dirname(file), value.data.path);
	}
	return value;
}

async function uploadModel(client: Client, model: string, jobFile: string): Promise<string> {
	if (!model.endsWith('.onnx')) {
		return '';
	}
	const file = path.resolve(path.dirname(jobFile), model);
	let bytes: Buffer;
	try {
		bytes = await readFile(file);
	} catch (error) {
		throw new FplError(
			'MODEL_FILE',
			{where: file, problem: error instanceof Error ? error.message : String(error)},
			{cause: error},
		);
	}
	return client.upload(path.basename(file), bytes);
}

async function submit(client: Client, file: string | undefined, {plan, resume}: RunOptions): Promise<string> {
	if (resume !== undefined) {
		return (
			await client.ask(
				{kind: 'submit', job: '', plan: '', resume: runId(resume, '--resume'), modelDigest: ''},
				'accepted',
			)
		).run;
	}
	if (file === undefined) {
		throw new FplError('USAGE', {expected: 'a job file, or --resume RUN', got: 'neither'});
	}
	const document = await readConfigFile(file);
	const job = readConfig(jobSchema, {document, code: 'JOB_INVALID'});
	const planDocument = plan === undefined ? undefined : await readConfigFile(plan);
	if (planDocument) {
		checkPlan(readConfig(planSchema, {document: planDocument, code: 'PLAN_INVALID'}));
	}
	const modelDigest = await uploadModel(client, job.model, file);
	const accepted = await client.ask(
		{
			kind: 'submit',
			job: JSON.stringify(absolutePaths(document, file)),
			plan: planDocument ? JSON.stringify(planDocument.value) : '',
			resume: '',
			modelDigest,
		},
		'accepted',
	);
	return accepted.run;
}

export const runCommand = (): Command =>
	new Command('run')
		.argument('[job]', 'job file (YAML or JSON)')
		.summary('train a model over the fleet')
		.description(
			'Hands a job to the coordinator and follows the run. The run goes on when this command ends: see --resume and «fpl report».',
		)
		.option('--plan <file>', 'run this plan instead of the one the job asks for')
		.option('--resume <run>', 'go on with a run that was interrupted, from its last checkpoint')
		.option('--detach', 'do not wait for the end')
		.addOption(brokerOption())
		.addOption(namespaceOption())
		.addOption(stateOption())
		.addOption(formatOption('text', 'json'))
		.addOption(logOption())
		.addHelpText(
			'after',
			`
Examples:
  fpl run job.yaml
  fpl run job.yaml --plan plan.yaml
  fpl run --resume lenet5-261121120000-1a2b`,
		)
		.action(async (file: string | undefined, options: RunOptions, command: Command) =>
			withClient(command, async (client, signal) => {
				const run = runId(await submit(client, file, options));
				if (options.detach) {
					process.stdout.write(`${run}\n`);
					return;
				}
				// The coordinator is told to stop the run; its end is then waited for. A second signal ends this process at once.
				const stopRun = () => {
					client.ask({kind: 'stop', run}, 'ack').catch(() => {});
				};
				signal.addEventListener('abort', stopRun, {once: true});
				const end = await followRun(client, run, options.format);
				if (end.state === 'interrupted' && signal.aborted) {
					throw new FplError('INTERRUPTED', {where: run, fix: `Go on with «fpl run --resume ${run}».`});
				}
				const failure = failureOf(run, end);
				const kept = await keepResults(client, run, stateDirectory(options.state)).catch((error: unknown) => {
					// A run that failed before its first round leaves nothing.
					throw failure ?? error;
				});
				if (options.format === 'text') {
					print(reportText(kept.ledger, {width: terminalWidth()}));
					print(`Page with pictures: ${kept.page}`);
				} else {
					print(reportJson(kept.ledger));
				}
				if (failure) {
					throw failure;
				}
			}),
		);
