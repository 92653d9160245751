/** `fpl simulate`: executes a plan event by event, and says how that differs from what is predicted for it. */
import path from 'node:path';
import {Command, Option} from 'commander';
import {writeAtomically} from '../../core/atomic-file.js';
import {readConfig} from '../../core/config/config.js';
import {readConfigFile} from '../../core/config/document.js';
import {evaluate} from '../../core/cost/evaluate.js';
import {FplError} from '../../core/errors.js';
import {planSchema} from '../../core/plan/plan.js';
import {seededRandom} from '../../core/random.js';
import {checkPlanFor} from '../../models/plans/check.js';
import {costsOfModel} from '../../models/plans/costs.js';
import {costFleetOf, datasetSizeTexts, trainingCostsOf} from '../../planners/cost-input.js';
import {simulate} from '../../planners/simulator/simulate.js';
import {brokerOption, formatOption, loggerOf, logOption, namespaceOption} from '../options.js';
import {readJob, readParticipants, readTimes, timesOption, withOwnData} from '../planning/plan-input.js';
import {printSimulation, simulationCsv, simulationHtml, simulationJson} from '../planning/simulation-text.js';
import {print, printJson} from '../terminal.js';

interface SimulateOptions {
	readonly job?: string;
	readonly fleet?: string;
	readonly steps: number;
	readonly jitter?: number;
	readonly seed: number;
	readonly times?: readonly string[];
	readonly timeline?: string;
	readonly format: 'text' | 'json' | 'csv';
}

const whole = (name: string, least: number) => (text: string) => {
	const value = Number(text);
	if (!Number.isInteger(value) || value < least || value > 1_000_000) {
		throw new FplError('USAGE', {where: name, expected: `a whole number from ${least} to 1000000`, got: `«${text}»`});
	}
	return value;
};

/** «10%» → 0.1. */
function percentage(text: string): number {
	const [, number] = /^(\d+(?:\.\d+)?) ?%$/u.exec(text.trim()) ?? [];
	const value = Number(number) / 100;
	if (number === undefined || value > 2) {
		throw new FplError('USAGE', {where: '--jitter', expected: 'a part of the time, such as «10%»', got: `«${text}»`});
	}
	return value;
}

async function run(file: string, options: SimulateOptions, command: Command): Promise<void> {
	const {job: jobFile, steps, jitter, seed, timeline} = options;
	if (jobFile === undefined) {
		throw new FplError('USAGE', {where: '--job', expected: 'the job that the plan is for', got: 'none'});
	}
	const plan = readConfig(planSchema, {document: await readConfigFile(file), code: 'PLAN_INVALID'});
	const {job, model, items} = await readJob(jobFile);
	const {participants: all, broker} = await readParticipants(options, command);
	const participants = withOwnData(all, job, items);
	checkPlanFor(plan, {
		model,
		fleet: participants,
		training: job.training,
		engine: job.engine,
		...job.privacy,
	});
	const costs = costsOfModel(model, {maxCrossing: plan.maxCrossing});
	const training = trainingCostsOf(job, participants, items);
	const tables = await readTimes(options.times ?? [], participants, model, text => loggerOf(command).warn(text));
	const input = {plan, costs, fleet: costFleetOf(participants, costs, training, broker, tables), training};
	const simulation = simulate({
		...input,
		mostSteps: steps,
		...(jitter === undefined ? {} : {jitter: {computeNoise: jitter, linkNoise: jitter}, random: seededRandom(seed)}),
	});
	const both = {simulation, evaluation: evaluate(input), items: datasetSizeTexts[training.size.from], training};
	if (timeline !== undefined) {
		await writeAtomically(path.resolve(timeline), [Buffer.from(await simulationHtml(both))]);
	}
	switch (options.format) {
		case 'json':
			printJson(simulationJson(both));
			return;
		case 'csv':
			print(simulationCsv(both));
			return;
		case 'text':
			printSimulation(both);
			return;
		default:
			options.format satisfies never;
	}
}

export const simulateCommand = (): Command =>
	new Command('simulate')
		.argument('<plan>', 'plan file (YAML or JSON)')
		.summary('execute a plan event by event, without any device')
		.description(
			'Plays a plan in virtual time: every chunk on every link, every pass, every order and answer. Prints how long a step takes, what each device does meanwhile, and how far that is from the prediction that plans are chosen by; with --jitter, how much steps vary where times do.',
		)
		.addOption(new Option('--job <file>', 'job file: the model, the data and the batch'))
		.addOption(new Option('--fleet <file>', 'devices of a fleet file, instead of those at the broker'))
		.addOption(timesOption())
		.addOption(
			new Option('--steps <number>', 'play at most so many steps; a run of more is scaled up')
				.argParser(whole('--steps', 1))
				.default(200),
		)
		.addOption(new Option('--jitter <part>', 'let each pass and transfer vary by so much: «10%»').argParser(percentage))
		.addOption(new Option('--seed <number>', 'of the jitter').argParser(whole('--seed', 0)).default(1))
		.addOption(new Option('--timeline <file>', 'write a page with the passes of a step'))
		.addOption(brokerOption())
		.addOption(namespaceOption())
		.addOption(formatOption('text', 'json', 'csv'))
		.addOption(logOption())
		.addHelpText(
			'after',
			`
Examples:
  fpl simulate plan.yaml --job job.yaml --fleet fleet.yaml
  fpl simulate plan.yaml --job job.yaml --fleet fleet.yaml --steps 500 --jitter 10% --seed 7
  fpl simulate plan.yaml --job job.yaml --fleet fleet.yaml --timeline step.html --format json`,
		)
		.action(run);
