/** `fpl profile`: how long each unit of a model takes on this machine, as a file for planning. */
import {availableParallelism} from 'node:os';
import path from 'node:path';
import {Command, Option} from 'commander';
import {stringify} from 'yaml';
import {checkWritable, writeAtomically} from '../../core/atomic-file.js';
import {systemClock} from '../../core/clock.js';
import {FplError} from '../../core/errors.js';
import {type UnitTimes, unitTimesDocument} from '../../core/profile/unit-times.js';
import {formatSi} from '../../core/units.js';
import type {Machine} from '../../edge-agent/probe/machine.js';
import {engineChoices} from '../../models/engines/index.js';
import type {Model} from '../../models/graph.js';
import type {ModelProfile, RangeCheck} from '../../models/profile/profile-model.js';
import {formatOption, loggerOf, logOption, stopSignal} from '../options.js';
import {readJob} from '../planning/plan-input.js';
import {print, printJson, printTable} from '../terminal.js';

interface ProfileCommandOptions {
	readonly batch?: readonly number[];
	readonly threads: number;
	readonly seconds: number;
	readonly engine: (typeof engineChoices)[number];
	readonly maxCrossing: number;
	readonly device?: string;
	readonly out?: string;
	readonly format: 'table' | 'yaml' | 'json';
}

const whole = (name: string, most: number) => (text: string) => {
	const value = Number(text);
	if (!Number.isInteger(value) || value < 1 || value > most) {
		throw new FplError('USAGE', {where: name, expected: `a whole number from 1 to ${most}`, got: `«${text}»`});
	}
	return value;
};

function batches(text: string): readonly number[] {
	const read = whole('--batch', 65_536);
	return [...new Set(text.split(',').map(part => read(part.trim())))].toSorted((a, b) => a - b);
}

/** A name from the zoo, an ONNX file, or the model that a job file names, built for the job's data. */
async function modelOf(name: string): Promise<Model> {
	if (/\.(?:ya?ml|json)$/u.test(name)) {
		return (await readJob(name)).model;
	}
	if (name.endsWith('.onnx')) {
		const {importModel} = await import('../../models/import/model.js');
		return importModel(name, {note: text => process.stderr.write(`fpl: ${path.basename(name)}: ${text}\n`)});
	}
	const {buildModel} = await import('../../models/zoo/zoo.js');
	return buildModel(name, {seed: 1});
}

/** Forward passes of more than this take a large part of a second on a small device. */
const mostFlops = 20e9;

/** Sizes of micro-batches that plans use, the larger ones where they do not take long; what a fixed model takes. */
async function usualBatches(model: Model): Promise<readonly number[]> {
	const {costOf} = await import('../../models/inspect/cost.js');
	const fixed = model.graph.inputs[0]?.shape?.[0];
	if (typeof fixed === 'number') {
		return [fixed];
	}
	const {flops} = costOf(model).total;
	const quick = [2, 8, 32].filter(items => items * flops <= mostFlops);
	return quick.length >= 2 ? quick : [1, 2, 4];
}

/** Above this the machine had other work, and the file says more of that than of the model. */
const mostStretch = 1.3;

const percent = ({predicted, measured}: RangeCheck['forward']): string =>
	`${(100 * (predicted / measured - 1)).toFixed(1)} %`;

function printProfile({model, engine, device, overhead, units, batch}: UnitTimes, {checks}: ModelProfile): void {
	const time = (seconds: number) => formatSi(seconds, 's');
	print(`${model} on ${device}, ${engine}, batches of ${batch.join(', ')}\n`);
	printTable(
		[
			{title: 'unit'},
			...['forward', '+ per item', 'backward', '+ per item', 'update'].map(title => ({title, align: 'right'}) as const),
		],
		[
			...units.map(({label, forward, backward, update}) => [
				label,
				...[forward.fixed, forward.perItem, backward.fixed, backward.perItem, update].map(time),
			]),
			['each pass', time(overhead.forward.perPass), '', time(overhead.backward.perPass), '', time(overhead.update)],
		],
	);
	print('\nParts of the model as stages, measured, and how far the sum of their units is off:\n');
	printTable(
		[
			{title: 'units'},
			{title: 'items', align: 'right'},
			{title: 'forward', align: 'right'},
			{title: 'off', align: 'right'},
			{title: 'backward', align: 'right'},
			{title: 'off', align: 'right'},
		],
		checks.map(({label, items, forward, backward}) => [
			label,
			`${items}`,
			time(forward.measured),
			percent(forward),
			time(backward.measured),
			percent(backward),
		]),
	);
}

/** Its built-in profile where it is known to be one of that type, so that plans find its times. */
const nameOf = ({recognised, likeness, description}: Machine): string => (recognised ? likeness : description);

async function profile(name: string, options: ProfileCommandOptions, command: Command): Promise<void> {
	if (options.out !== undefined) {
		await checkWritable(options.out);
	}
	const [model, {startEngine}, {profileModel}, {inspectMachine}] = await Promise.all([
		modelOf(name),
		import('../../models/engines/index.js'),
		import('../../models/profile/profile-model.js'),
		import('../../edge-agent/probe/machine.js'),
	]);
	const {threads, seconds, maxCrossing, format} = options;
	const batch = options.batch ?? (await usualBatches(model));
	const signal = stopSignal();
	const engine = await startEngine(options.engine, {threads});
	try {
		const progress = (text: string) => process.stderr.write(`fpl: ${model.name}: ${text}\n`);
		const measured = await profileModel(model, {
			engine,
			threads,
			batch,
			maxCrossing,
			seconds,
			clock: systemClock,
			signal,
			progress,
		});
		const times: UnitTimes = {
			model: model.name,
			device: options.device ?? nameOf(await inspectMachine()),
			engine: engine.description,
			threads,
			maxCrossing,
			batch,
			measuredAt: new Date(systemClock.now()).toISOString(),
			...measured.times,
		};
		if (measured.stretch > mostStretch) {
			loggerOf(command).warn(
				`whole passes took up to ${measured.stretch.toFixed(1)} times what their operators take: the machine had other work, measure again when it has none`,
			);
		}
		const document = unitTimesDocument(times);
		if (options.out !== undefined) {
			const text = options.out.endsWith('.json') ? `${JSON.stringify(document, null, '\t')}\n` : stringify(document);
			await writeAtomically(path.resolve(options.out), [Buffer.from(text)]);
		}
		switch (format) {
			case 'json':
				printJson(document);
				return;
			case 'yaml':
				print(stringify(document));
				return;
			case 'table':
				printProfile(times, measured);
				return;
			default:
				format satisfies never;
		}
	} finally {
		await engine.close();
	}
}

export const profileCommand = (): Command =>
	new Command('profile')
		.argument('<model>', 'a model of the zoo, an .onnx file, or a job file for the model and the shape of its data')
		.summary('measure how long each unit of a model takes here')
		.description(
			'Measures forward pass, backward pass and update of every unit of a model on this machine, and how well their sums predict parts of the model that run as stages. Do it while the machine does nothing else.',
		)
		.option(
			'--batch <items>',
			'items in the batches to measure, separated by commas (default: 2,8,32, less for large models)',
			batches,
		)
		.option(
			'--threads <count>',
			'computing threads (default: all cores)',
			whole('--threads', 1024),
			availableParallelism(),
		)
		.option('--seconds <seconds>', 'time for all of it, about', whole('--seconds', 3600), 20)
		.addOption(new Option('--engine <name>', 'what executes the model').choices(engineChoices).default('auto'))
		.option('--max-crossing <tensors>', 'cut where at most so many tensors cross', whole('--max-crossing', 1000), 1)
		.option(
			'--device <name>',
			'whose times these are: the id or profile of a device (default: the built-in profile of this board, if it is one)',
		)
		.option('--out <file>', 'write the profile file, YAML or JSON by its name')
		.addOption(formatOption('table', 'yaml', 'json'))
		.addOption(logOption())
		.addHelpText(
			'after',
			`
Examples:
  fpl profile lenet5
  fpl profile mobilenetv2 --batch 1,4,16 --threads 2 --out mobilenetv2.yaml
  fpl profile job.yaml --device raspberry-pi-4b --out lenet5-pi4.yaml
  fpl profile mlp --batch 2,8 --seconds 1 --format json`,
		)
		.action(profile);
