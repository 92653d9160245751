/** `fpl run`: hands a job to the coordinator, follows the run, and keeps what came out. */
import {Command} from 'commander';
import {FplError} from '../../core/errors.js';
import {reportJson} from '../../reports/json.js';
import {reportText} from '../../reports/text.js';
import {withClient} from '../client.js';
import {followRun} from '../follow.js';
import {brokerOption, formatOption, logOption, namespaceOption, stateDirectory, stateOption} from '../options.js';
import {failureOf} from '../outcome.js';
import {keepResults} from '../results.js';
import {readSubmission, submit} from '../submission.js';
import {print, terminalWidth} from '../terminal.js';

interface RunOptions {
	readonly plan?: string;
	readonly resume?: string;
	readonly detach?: boolean;
	readonly state?: string;
	readonly format: 'text' | 'json';
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
		.action(async (file: string | undefined, options: RunOptions, command: Command) => {
			const submission = await readSubmission(file, options);
			await withClient(command, async (client, signal) => {
				const {run, from} = await submit(client, submission);
				if (options.detach) {
					process.stdout.write(`${run}\n`);
					return;
				}
				// The coordinator is told to stop the run; its end is then waited for. A second signal ends this process at once.
				const silence = new AbortController();
				const stopRun = () => {
					client.ask({kind: 'stop', run}, 'ack').catch(() => silence.abort());
				};
				if (signal.aborted) {
					stopRun();
				} else {
					signal.addEventListener('abort', stopRun, {once: true});
				}
				const end = await followRun(client, run, options.format, {from, stopping: signal, signal: silence.signal});
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
			});
		});
