/** `fpl run`: hands a job to the coordinator, follows the run, and keeps what came out. */
import {Command} from 'commander';
import {withClient} from '../client.js';
import {brokerOption, formatOption, logOption, namespaceOption, stateOption} from '../options.js';
import {attendRun} from '../results.js';
import {readSubmission, submit} from '../submission.js';

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
				await attendRun(client, run, {...options, from, signal, fix: `Go on with «fpl run --resume ${run}».`});
			});
		});
