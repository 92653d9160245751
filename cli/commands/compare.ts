/** `fpl compare`: one job under several schemes, and what each of them reached and cost. */
import {writeFile} from 'node:fs/promises';
import {Command, Option} from 'commander';
import {asFplError, FplError} from '../../core/errors.js';
import {ledgersOf, type SchemeComparison} from '../../reports/schemes/comparison.js';
import {schemesCsv, schemesJson} from '../../reports/schemes/data.js';
import {schemesText} from '../../reports/schemes/text.js';
import {parseSchemes} from '../compare/contenders.js';
import {type CompareOptions, compareAt, compareLocally, say} from '../compare/place.js';
import {
	brokerOption,
	formatOption,
	logOption,
	namespaceOption,
	stateDirectory,
	stateOption,
	stopSignal,
} from '../options.js';
import {print, terminalWidth} from '../terminal.js';

const formats = ['text', 'json', 'csv', 'html'] as const;

interface Flags extends CompareOptions {
	readonly html?: string;
	readonly format: (typeof formats)[number];
}

const counted =
	(name: string, most: number) =>
	(text: string): number => {
		const value = Number(text);
		if (!Number.isInteger(value) || value < 1 || value > most) {
			throw new FplError('USAGE', {where: name, expected: `a whole number from 1 to ${most}`, got: `«${text}»`});
		}
		return value;
	};

async function render(format: Flags['format'], comparison: SchemeComparison): Promise<string> {
	switch (format) {
		case 'text':
			return schemesText(comparison, {width: terminalWidth()});
		case 'json':
			return schemesJson(comparison);
		case 'csv':
			return schemesCsv(comparison);
		case 'html':
			return (await import('../../reports/schemes/html.js')).schemesHtml(comparison);
		default:
			return format satisfies never;
	}
}

export const compareCommand = (): Command =>
	new Command('compare')
		.argument('<job>', 'job file (YAML or JSON)')
		.summary('one job under several schemes: accuracy, time, bytes, joules')
		.description(
			'Runs the same job under several schemes, one after the other, on the same devices, and puts side by side what each of them reached and cost. With --emulate the fleet is started on this machine; without it, the fleet of the broker is used.',
		)
		.option('--schemes <names>', 'separated by commas (default: FPL, FL, D-SGD, split learning, pipelines)')
		.addOption(
			new Option('--seeds <n>', 'runs of each scheme, from the seed of the job on')
				.default(1)
				.argParser(counted('--seeds', 100)),
		)
		.option('--trunk <devices>', 'devices without data, separated by commas (default: the fastest)')
		.option('--emulate <profile>', 'start a fleet on this machine, whose sources emulate this profile')
		.addOption(
			new Option('--devices <n>', 'sources of the fleet that --emulate starts')
				.default(4)
				.argParser(counted('--devices', 64)),
		)
		.addOption(new Option('--helper <profile>', 'its device without data').default('mini-pc-n100'))
		.option('--html <file>', 'also write the page with pictures')
		.addOption(formatOption(...formats))
		.addOption(brokerOption())
		.addOption(namespaceOption())
		.addOption(stateOption())
		.addOption(logOption())
		.addHelpText(
			'after',
			`
Examples:
  fpl compare job.yaml
  fpl compare job.yaml --emulate raspberry-pi-4b --devices 4
  fpl compare job.yaml --schemes fpl-aligned,fedavg,d-sgd --seeds 3 --html schemes.html`,
		)
		.action(async (file: string, options: Flags, command: Command) => {
			const signal = stopSignal();
			if (options.schemes !== undefined) {
				parseSchemes(options.schemes);
			}
			const {broker, namespace} = options;
			const state = stateDirectory(options.state);
			const {comparison, ...local} =
				options.emulate === undefined
					? {comparison: await compareAt({broker, namespace, state, expected: []}, file, options, command, signal)}
					: await compareLocally(file, options, command, signal);
			print(await render(options.format, comparison));
			if (options.html !== undefined) {
				await writePage(options.html, await render('html', comparison));
			}
			if ('state' in local && process.stderr.isTTY) {
				say(`The runs are kept: «fpl report RUN --state ${local.state}».`);
			}
			if (signal.aborted) {
				throw new FplError('INTERRUPTED', {where: 'comparison'});
			}
			if (comparison.results.every(result => ledgersOf(result).length === 0)) {
				throw new FplError('RUN_FAILED', {where: 'comparison', problem: 'no scheme came to its end'});
			}
		});

async function writePage(file: string, text: string): Promise<void> {
	try {
		await writeFile(file, text);
	} catch (error) {
		throw new FplError('USAGE', {where: '--html', problem: asFplError(error).message}, {cause: error});
	}
}
