/** `fpl compare`: one job under several schemes, and what each of them reached and cost. */
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import {Command, Option} from 'commander';
import {makeFolder} from '../../core/atomic-file.js';
import {systemClock} from '../../core/clock.js';
import {parseValue} from '../../core/config/config.js';
import {asFplError, FplError} from '../../core/errors.js';
import {jobSchema} from '../../core/plan/job.js';
import {ledgersOf, type SchemeComparison} from '../../reports/schemes/comparison.js';
import {schemesCsv, schemesJson} from '../../reports/schemes/data.js';
import {schemesText} from '../../reports/schemes/text.js';
import {type Client, connectClient} from '../client.js';
import {defaultSchemes, parseSchemes} from '../compare/contenders.js';
import {type Contender, compareSchemes} from '../compare/contest.js';
import {startLocalFleet, untilJoined} from '../daemon/local-fleet.js';
import {followRun} from '../follow.js';
import {
	brokerOption,
	formatOption,
	loggerOf,
	logOption,
	namespaceOption,
	stateDirectory,
	stateOption,
	stopSignal,
} from '../options.js';
import {participantsOf} from '../plan-input.js';
import {readSubmission} from '../submission.js';
import {print, terminalWidth} from '../terminal.js';

const formats = ['text', 'json', 'csv', 'html'] as const;

interface CompareOptions {
	readonly schemes?: string;
	readonly seeds: number;
	readonly trunk?: string;
	readonly emulate?: string;
	readonly devices: number;
	readonly helper: string;
	readonly html?: string;
	readonly state?: string;
	readonly format: (typeof formats)[number];
	readonly broker: string;
	readonly namespace: string;
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

async function render(format: CompareOptions['format'], comparison: SchemeComparison): Promise<string> {
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

const say = (line: string): void => {
	process.stderr.write(`${line}\n`);
};

/** Progress goes to stderr, so that standard output holds the result alone: panels on a terminal, JSON lines elsewhere. */
function announce({warmUp, scheme, seed, index, count}: Contender): void {
	if (!process.stderr.isTTY) {
		const time = new Date(systemClock.now()).toISOString();
		say(JSON.stringify({time, kind: 'contender', warmUp, scheme, seed, index, count}));
		return;
	}
	say(warmUp ? `\nwarm-up: ${scheme}, shortened, not compared` : `\n${index + 1}/${count} ${scheme}, seed ${seed}`);
}

interface Place {
	readonly broker: string;
	readonly namespace: string;
	readonly state: string;
	/** Devices that must have joined. */
	readonly expected: readonly string[];
}

async function compareAt(place: Place, file: string, options: CompareOptions, command: Command, signal: AbortSignal) {
	const submission = await readSubmission(file, {});
	if (submission.kind !== 'job') {
		throw new FplError('USAGE', {expected: 'a job file', got: 'none'});
	}
	const job = parseValue(jobSchema, JSON.parse(submission.job), file, 'JOB_INVALID');
	const client: Client = await connectClient({...place, logger: loggerOf(command), signal});
	try {
		await untilJoined(client, place.expected, signal);
		return await compareSchemes({
			client,
			submission,
			fleet: await participantsOf(client),
			kinds: options.schemes === undefined ? defaultSchemes(job) : parseSchemes(options.schemes),
			seeds: options.seeds,
			trunk: options.trunk?.split(',').map(name => name.trim()),
			state: place.state,
			signal,
			onContender: announce,
			follow: (run, leave) =>
				followRun(client, run, process.stderr.isTTY ? 'text' : 'json', {output: process.stderr, signal: leave}),
		});
	} finally {
		await client.close();
	}
}

/** Sources that emulate one profile, and a faster device without data. */
const localDevices = ({emulate, devices, helper}: CompareOptions): Record<string, string> =>
	Object.fromEntries([
		...Array.from({length: devices}, (_, index) => [`cam-${index + 1}`, emulate!]),
		...(devices > 1 ? [['fog-1', helper]] : []),
	]);

async function compareLocally(file: string, options: CompareOptions, command: Command, signal: AbortSignal) {
	// A folder of its own: the broker would go on with runs that it found in another.
	const stamp = new Date(systemClock.now()).toISOString().slice(0, 19).replaceAll(/[-:T]/gu, '');
	const state = path.join(stateDirectory(options.state), 'compare', stamp);
	await makeFolder(state);
	const devices = localDevices(options);
	const fleet = await startLocalFleet(devices, state, process.stderr.isTTY ? say : () => {});
	try {
		const place = {broker: fleet.url, namespace: 'fpl', state, expected: Object.keys(devices)};
		return {comparison: await compareAt(place, file, options, command, signal), state};
	} finally {
		await fleet.close();
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
		.action(async (file: string, options: CompareOptions, command: Command) => {
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
