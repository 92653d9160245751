/** `fpl infer`: a trained model answers test items, spread over the devices of a plan. */
import path from 'node:path';
import {Command, Option} from 'commander';
import {checkWritable, writeAtomically} from '../../core/atomic-file.js';
import {FplError} from '../../core/errors.js';
import {schemeKinds} from '../../core/plan/scheme-options.js';
import {withClient} from '../client.js';
import {type InferOptions, readInference, submitInference} from '../inference.js';
import {brokerOption, formatOption, logOption, namespaceOption, stateOption} from '../options.js';
import {attendRun} from '../results.js';
import {print} from '../terminal.js';

interface CommandOptions extends InferOptions {
	readonly state?: string;
	readonly format: 'text' | 'json';
}

const whole =
	(name: string, most: number) =>
	(text: string): number => {
		const value = Number(text);
		if (!Number.isInteger(value) || value < 1 || value > most) {
			throw new FplError('USAGE', {where: name, expected: `a whole number from 1 to ${most}`, got: `«${text}»`});
		}
		return value;
	};

export const inferCommand = (): Command =>
	new Command('infer')
		.argument('<run-or-model>', 'a run that has trained a model, a model of the zoo, or an .onnx file')
		.summary('use a trained model over the fleet')
		.description(
			'Answers the items of a test set by a trained model whose stages lie on several devices, and measures accuracy, throughput and latency. Sources ask batch after batch; answers come back to them.',
		)
		.option('--plan <file>', 'spread the model by this plan instead of the one it was trained by')
		.addOption(new Option('--scheme <name>', 'make a plan of this kind for the devices at hand').choices(schemeKinds))
		.option('--dataset <name>', 'answer the test items of this dataset (default: of the one it was trained on)')
		.option('--limit <items>', 'answer only the first items', whole('--limit', 1e9))
		.option('--batch <items>', 'items in one question', whole('--batch', 65_536), 32)
		.option('--in-flight <batches>', 'questions that a source may have open', whole('--in-flight', 256), 4)
		.option('--values', 'bring back the values of the output instead of the number of the likeliest class')
		.option('--out <file>', 'write what was predicted for each item as CSV')
		.addOption(brokerOption())
		.addOption(namespaceOption())
		.addOption(stateOption())
		.addOption(formatOption('text', 'json'))
		.addOption(logOption())
		.addHelpText(
			'after',
			`
Examples:
  fpl infer lenet5-261121120000-1a2b
  fpl infer lenet5-261121120000-1a2b --plan plan.yaml --batch 16 --in-flight 8
  fpl infer lenet5-261121120000-1a2b --limit 1000 --out predictions.csv
  fpl infer model.onnx --dataset mnist --scheme pipeline

Exit status: 0 when all items are answered, else that of the error, see docs/errors.md.`,
		)
		.action(async (subject: string, options: CommandOptions, command: Command) => {
			if (options.out !== undefined) {
				await checkWritable(options.out);
			}
			const wish = await readInference(subject, options);
			await withClient(command, async (client, signal) => {
				const run = await submitInference(client, wish);
				await attendRun(client, run, {...options, signal});
				if (options.out !== undefined) {
					await writeAtomically(path.resolve(options.out), [await client.fetch(run, 'predictions')]);
					if (options.format === 'text') {
						print(`Predictions: ${options.out}`);
					}
				}
			});
		});
