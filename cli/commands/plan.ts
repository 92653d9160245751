/** `fpl plan`: the plan of a scheme as a document, and whether a plan that was written by hand fits. */

import {Command, Option} from 'commander';
import {parseValue, readConfig} from '../../core/config/config.js';
import {readConfigFile} from '../../core/config/document.js';
import {FplError} from '../../core/errors.js';
import {suggestion} from '../../core/nearest.js';
import {planDigest} from '../../core/plan/digest.js';
import type {Job} from '../../core/plan/job.js';
import {type Plan, planSchema} from '../../core/plan/plan.js';
import {schemeKinds, schemeSchema} from '../../core/plan/scheme-options.js';
import {schemes} from '../../core/plan/schemes.js';
import type {Model} from '../../models/graph.js';
import {checkPlanFor, type FleetMember} from '../../models/plans/check.js';
import {memoryOf} from '../../models/plans/memory.js';
import {planFor} from '../../models/plans/plan-for.js';
import {brokerOption, formatOption, loggerOf, logOption, namespaceOption} from '../options.js';
import {type ChooseOptions, choose} from '../planning/choose.js';
import {choosePipeEdge, type PipeEdgeOptions} from '../planning/pipeedge.js';
import {readJob, readParticipants, timesOption, withOwnData} from '../planning/plan-input.js';
import {planYaml, printPlan, unitsText} from '../planning/plan-text.js';
import {print, printJson} from '../terminal.js';

interface PlanOptions extends ChooseOptions, Omit<PipeEdgeOptions, 'pipeedge'> {
	readonly pipeedge?: string;
	readonly scheme?: string;
	readonly devices?: string;
	readonly trunk?: string;
	readonly fleet?: string;
	readonly validate?: string;
	readonly job?: string;
	readonly live?: boolean;
}

/** Whether something is asked that only the planner can answer. */
const asksPlanner = ({objective, deadline, explain, pareto, whatIf}: PlanOptions): boolean =>
	[objective, deadline, explain, pareto, whatIf].some(option => option !== undefined);

/** The job's scheme, or the one that was named with what the job says of it; and the trunk that was named. */
function wantedScheme({scheme: written}: Job, options: PlanOptions): Job['scheme'] {
	const {scheme, trunk} = options;
	const named = schemeKinds.find(kind => kind === scheme);
	if (scheme !== undefined && scheme !== 'auto' && named === undefined) {
		throw new FplError('USAGE', {
			where: '--scheme',
			problem: `there is no scheme «${scheme}»`,
			fix: suggestion(scheme, schemeKinds) ?? `Known are ${schemeKinds.join(', ')}.`,
		});
	}
	const kind = scheme === undefined && !asksPlanner(options) ? written.kind : (named ?? 'auto');
	if (kind === 'auto') {
		if (trunk !== undefined) {
			throw new FplError('USAGE', {
				where: '--trunk',
				problem: 'the planner chooses the devices of every stage',
				expected: '«--scheme NAME», of a scheme with a trunk, beside it',
				got: 'none',
				fix: 'Or tie units to a device in the job with «planning.pinned».',
			});
		}
		return {kind};
	}
	if (trunk !== undefined && schemes[kind].roles !== 'trunk') {
		throw new FplError('USAGE', {where: '--trunk', problem: `scheme «${kind}» has no trunk`});
	}
	const devices = trunk?.split(',').map(name => name.trim());
	return parseValue(
		schemeSchema,
		{
			...(kind === written.kind ? written : {kind}),
			...(devices === undefined ? {} : {trunk: devices.length === 1 ? devices[0] : devices}),
		},
		'scheme',
		'JOB_INVALID',
	);
}

interface Checked {
	readonly job: Job;
	readonly model: Model;
	readonly plan: Plan;
	readonly fleet: readonly FleetMember[] | undefined;
}

function checkAll({job, model, plan, fleet}: Checked): void {
	const {training, engine, privacy} = job;
	checkPlanFor(plan, {model, fleet, training, engine, ...privacy});
}

async function validate(file: string, jobFile: string, options: PlanOptions, command: Command): Promise<void> {
	const plan = readConfig(planSchema, {document: await readConfigFile(file), code: 'PLAN_INVALID'});
	const {job, model} = await readJob(jobFile);
	const asked = options.fleet !== undefined || options.devices !== undefined;
	const fleet = asked ? (await readParticipants(options, command)).participants : undefined;
	checkAll({job, model, plan, fleet});
	const memory = memoryOf(plan, model, job.training);
	if (options.format === 'json') {
		printJson({valid: true, digest: planDigest(plan), devicesChecked: asked, memory});
		return;
	}
	if (options.format === 'yaml') {
		print(planYaml(plan));
		return;
	}
	printPlan(plan, unitsText(model, plan), memory);
	const unchecked = asked ? '' : ', the devices are not checked (--fleet FILE)';
	print(`\nThe plan fits ${jobFile}${unchecked}. SHA-256 ${planDigest(plan)}`);
}

async function build(jobFile: string, options: PlanOptions, command: Command): Promise<void> {
	const {job, model, bytes, items} = await readJob(jobFile);
	const scheme = wantedScheme(job, options);
	const {participants, broker} = await readParticipants(options, command);
	const all = withOwnData(participants, job, items);
	const only = options.devices === undefined ? job.devices.only : undefined;
	const fleet = only === undefined ? all : all.filter(({device}) => only.includes(device));
	if (scheme.kind === 'auto') {
		await choose({job, model, bytes, items, participants: fleet, broker, logger: loggerOf(command)}, options);
		return;
	}
	const plan = planFor({...job, scheme}, fleet, model);
	checkAll({job, model, plan, fleet});
	switch (options.format) {
		case 'json':
			printJson(plan);
			return;
		case 'yaml':
			print(planYaml(plan));
			return;
		case 'table':
			printPlan(plan, unitsText(model, plan), memoryOf(plan, model, job.training));
			return;
		default:
			options.format satisfies never;
	}
}

/** Options that say of which job, fleet or plan: PipeEdge's files say all of it. */
const ofJobs = ['job', 'fleet', 'live', 'scheme', 'trunk', 'validate', 'times'] as const;
/** Options that only PipeEdge's files have an answer to. */
const ofPipeEdge = ['model', 'batchSize', 'dtype', 'microBatches', 'passes', 'latency'] as const;

const written = (option: string): string => `--${option.replaceAll(/[A-Z]/gu, letter => `-${letter.toLowerCase()}`)}`;

/** @throws FplError `USAGE` for options that do not go together. */
function checkTogether(argument: string | undefined, options: PlanOptions): void {
	if (options.pipeedge === undefined) {
		const lone = ofPipeEdge.find(name => options[name] !== undefined);
		if (lone !== undefined) {
			throw new FplError('USAGE', {where: written(lone), expected: '--pipeedge FOLDER beside it', got: 'none'});
		}
		return;
	}
	const other = argument === undefined ? ofJobs.find(name => options[name] !== undefined) : 'job';
	if (other !== undefined) {
		throw new FplError('USAGE', {
			where: '--pipeedge',
			expected: 'neither a job nor devices nor a plan: the files tell of model and boards',
			got: argument === undefined ? written(other) : `«${argument}»`,
		});
	}
}

const list = schemeKinds.map(kind => `  ${kind.padEnd(15)}${schemes[kind].description}`).join('\n');

export const planCommand = (): Command =>
	new Command('plan')
		.argument('[job]', 'job file (YAML or JSON)')
		.summary('choose, write down or check how a model is spread over the devices')
		.description(
			'Chooses the plan that costs least, and says what it will cost and what it was chosen from; or prints the plan of a scheme. A plan says which device computes which units of the model, and how they stay one model. Edit it and run it with «fpl run JOB --plan FILE».',
		)
		.addOption(new Option('--scheme <name>', 'the plan of this scheme; «auto»: the planner chooses'))
		.addOption(new Option('--objective <measure>', 'what the plan is chosen for: time, bytes, energy or money'))
		.addOption(new Option('--deadline <time>', 'how long the whole run may take: «10 min»'))
		.addOption(new Option('--explain', 'what would become of the plan with one thing changed'))
		.addOption(new Option('--pareto <file>', 'write a page with the plans of which none is better in everything'))
		.addOption(
			new Option('--what-if <change>', 'what if «cam-1.link.up=5 Mbit/s», or «cam-1=away»; may be repeated').argParser(
				(value: string, before: readonly string[] = []) => [...before, value],
			),
		)
		.addOption(timesOption())
		.addOption(new Option('--limit <time>', 'how long to look for a plan: «2 s»; then the best until then'))
		.addOption(new Option('--thorough', 'look until then, also where large spaces are otherwise left earlier'))
		.addOption(
			new Option('--live', 'the devices that are at the broker (the default without --fleet)').conflicts('fleet'),
		)
		.addOption(new Option('--fleet <file>', 'devices of a fleet file, instead of those at the broker'))
		.addOption(new Option('--devices <ids>', 'only these devices, in this order, separated by commas'))
		.addOption(new Option('--trunk <ids>', 'devices that compute what the sources do not'))
		.addOption(
			new Option('--validate <plan>', 'check this plan against the job, and against the fleet where one is given'),
		)
		.addOption(new Option('--job <file>', 'job file, as an option'))
		.addOption(
			new Option(
				'--pipeedge <folder>',
				'instead of a job: models.yml, device_types.yml and devices.yml, as PipeEdge has them',
			),
		)
		.addOption(new Option('--model <name>', 'of --pipeedge: which model, where there are several'))
		.addOption(new Option('--batch-size <items>', 'of --pipeedge: which profiles, where there are several'))
		.addOption(new Option('--dtype <name>', 'of --pipeedge: which profiles (default: torch.float32)'))
		.addOption(new Option('--micro-batches <number>', 'of --pipeedge: how many go through (default: 16)'))
		.addOption(
			new Option('--passes <kind>', 'of --pipeedge: forward passes only, or training (default: inference)').choices([
				'inference',
				'training',
			]),
		)
		.addOption(new Option('--latency <time>', 'of --pipeedge: of the boards’ links, one way (default: 0.3 ms)'))
		.addOption(brokerOption())
		.addOption(namespaceOption())
		.addOption(formatOption('table', 'yaml', 'json'))
		.addOption(logOption())
		.addHelpText(
			'after',
			`
Schemes:
${list}

Examples:
  fpl plan job.yaml --fleet fleet.yaml
  fpl plan job.yaml --fleet fleet.yaml --objective energy --deadline "10 min" --explain
  fpl plan job.yaml --fleet fleet.yaml --pareto front.html --what-if "cam-1.link.up=5 Mbit/s"
  fpl plan job.yaml --scheme fpl-aligned --fleet fleet.yaml
  fpl plan job.yaml --scheme split-learning --devices cam-1,cam-2,fog-1 --trunk fog-1 --format yaml > plan.yaml
  fpl plan --validate plan.yaml --job job.yaml --fleet fleet.yaml
  fpl plan --pipeedge profiles --model google/vit-base-patch16-224 --batch-size 8 --micro-batches 64

Ctrl-C ends the search: the best plan so far is printed, and the exit status is 130.`,
		)
		.action(async (argument: string | undefined, options: PlanOptions, command: Command) => {
			if (argument !== undefined && options.job !== undefined) {
				throw new FplError('USAGE', {expected: 'one job file', got: `«${argument}» and «${options.job}»`});
			}
			checkTogether(argument, options);
			if (options.pipeedge !== undefined) {
				await choosePipeEdge({...options, pipeedge: options.pipeedge}, loggerOf(command));
				return;
			}
			const file = argument ?? options.job;
			if (file === undefined) {
				throw new FplError('USAGE', {expected: 'a job file', got: 'none', fix: 'See «fpl plan --help».'});
			}
			const choosing = [
				'scheme',
				'trunk',
				'objective',
				'deadline',
				'explain',
				'pareto',
				'whatIf',
				'times',
				'limit',
				'thorough',
			] as const;
			const chosen = choosing.find(name => options[name] !== undefined);
			if (options.validate !== undefined && chosen !== undefined) {
				throw new FplError('USAGE', {
					where: '--validate',
					expected: 'nothing that a plan is chosen by: it is given',
					got: `--${chosen === 'whatIf' ? 'what-if' : chosen}`,
				});
			}
			await (options.validate === undefined
				? build(file, options, command)
				: validate(options.validate, file, options, command));
		});
