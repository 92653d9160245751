/** `fpl plan` where the planner chooses: the plan, why it is so, what else there is, and what if. */
import path from 'node:path';
import {z} from 'zod';
import {writeAtomically} from '../../core/atomic-file.js';
import {parseValue} from '../../core/config/config.js';
import {type Evaluation, evaluate} from '../../core/cost/evaluate.js';
import {isFplError} from '../../core/errors.js';
import {alternativeOf} from '../../core/ledger/plan-point.js';
import {devicesOf} from '../../core/plan/fallback.js';
import type {Job} from '../../core/plan/job.js';
import {measureNames} from '../../core/plan/objective.js';
import type {Plan} from '../../core/plan/plan.js';
import {quantity} from '../../core/plan/quantity.js';
import type {BrokerLink} from '../../core/profile/fleet-file.js';
import type {Model} from '../../models/graph.js';
import {checkPlanFor} from '../../models/plans/check.js';
import {type Change, explain} from '../../planners/explain.js';
import {type JobInput, objectiveText, problemOfJob} from '../../planners/job-problem.js';
import {shortfallsOf} from '../../planners/objective.js';
import {budgetOf, frontOf, type PlannedJob, planJob, pointsOf} from '../../planners/plan-job.js';
import {print, printJson} from '../terminal.js';
import {type Participant, readTimes} from './plan-input.js';
import {planYaml, printPlan} from './plan-text.js';
import {printChanges, printPlanned, printWhatIf, type WhatIf} from './planned-text.js';
import {withChanges} from './what-if.js';

export interface ChooseOptions {
	readonly objective?: string;
	readonly deadline?: string;
	readonly explain?: boolean;
	readonly pareto?: string;
	readonly whatIf?: readonly string[];
	readonly limit?: string;
	readonly times?: readonly string[];
	readonly format: 'table' | 'yaml' | 'json';
}

export interface Choice {
	readonly job: Job;
	readonly model: Model;
	/** Items of the training set; undefined where it is not here. */
	readonly items: number | undefined;
	readonly participants: readonly Participant[];
	readonly broker: BrokerLink | undefined;
	/** Tells what is no part of the answer. */
	readonly warn: (text: string) => void;
}

/** The job with what the flags say of its objective. @throws FplError `USAGE` naming the flag. */
export function withObjective(job: Job, {objective, deadline, limit}: ChooseOptions): Job {
	const flag = <S extends z.ZodType>(name: string, schema: S, text: string | undefined) =>
		text === undefined ? undefined : parseValue(schema, text, name, 'USAGE');
	const wanted = flag('--objective', z.enum(measureNames), objective);
	const most = flag('--deadline', quantity('time'), deadline);
	const looking = flag('--limit', quantity('time'), limit);
	const {minimise = 'time', subjectTo} = job.objective ?? {};
	return {
		...job,
		objective: {
			minimise: wanted ?? minimise,
			subjectTo: {...subjectTo, ...(most === undefined ? {} : {time: most})},
		},
		planning: looking === undefined ? job.planning : {...job.planning, limit: looking},
	};
}

const now = (): number => performance.now();

const rowsOf = ({outcome, baselines}: PlannedJob) => [
	...[outcome.best, ...outcome.alternatives].map(({plan, evaluation, value}) => ({
		...alternativeOf(evaluation, {chosen: plan === outcome.best.plan, feasible: true}),
		value,
	})),
	...baselines.map(({scheme, evaluation, value, shortfalls, exact, permitted}) => ({
		...alternativeOf(evaluation, {scheme, chosen: false, feasible: shortfalls.length === 0}),
		value,
		classic: true,
		sameResult: exact,
		permitted,
	})),
];

/** What would become of the plan on changed devices; where nothing can be planned on these, `impossible` says why. */
function whatIf(input: JobInput, planned: PlannedJob, changes: readonly string[]): WhatIf {
	const devices = withChanges(input.devices as readonly Participant[], changes);
	const then: JobInput = {...input, devices};
	const {plan, evaluation} = planned.outcome.best;
	const asked = {changes, before: evaluation};
	try {
		const {problem} = problemOfJob(then);
		const away = devicesOf(plan).filter(name => !devices.some(({device}) => device === name));
		const same = away.length > 0 ? undefined : evaluate({...problem, plan});
		const lacks =
			away.length > 0 ? [`${away.join(', ')} away`] : shortfallsOf(problem, same!).map(({constraint}) => constraint);
		const after = planJob(then, budgetOf(input.job.planning.limit * 1000, now)).outcome.best.evaluation;
		return {...asked, same, lacks, after};
	} catch (error) {
		if (isFplError(error) && error.code === 'PLAN_INFEASIBLE') {
			return {...asked, lacks: [], impossible: error.message};
		}
		throw error;
	}
}

async function writeFront(file: string, input: JobInput, planned: PlannedJob): Promise<void> {
	const {job} = input;
	const front = frontOf(planned, budgetOf(job.planning.limit * 1000, now));
	const {paretoHtml} = await import('../../reports/pareto.js');
	const html = paretoHtml(pointsOf(front, planned, planYaml), {
		model: job.model,
		dataset: job.data.dataset,
		objective: objectiveText(job),
		devices: input.devices.length,
		remarks: ['Costs are predicted from the devices’ profiles.'],
	});
	await writeAtomically(path.resolve(file), [Buffer.from(html)]);
}

/** Chooses a plan and prints it. @throws FplError `PLAN_INFEASIBLE` and those of reading what it needs. */
export async function choose(
	{job: written, model, items, participants, broker, warn}: Choice,
	options: ChooseOptions,
): Promise<void> {
	const job = withObjective(written, options);
	const tables = await readTimes(options.times ?? [], participants);
	const input: JobInput = {job, model, devices: participants, items, broker, tables};
	const planned = planJob(input, budgetOf(job.planning.limit * 1000, now));
	const {plan} = planned.outcome.best;
	checkChosen(plan, {job, model, participants});
	const changes = options.explain ? explain(planned.problem, plan) : undefined;
	const other = options.whatIf ? whatIf(input, planned, options.whatIf) : undefined;
	if (planned.leftOut !== undefined && options.format !== 'table') {
		warn(planned.leftOut);
	}
	printChosen(planned, {job, model}, options, changes, other);
	// Last: what was found is told even where the page cannot be written.
	if (options.pareto !== undefined) {
		await writeFront(options.pareto, input, planned);
		if (options.format === 'table') {
			print(`\nPlans of which none is better in everything: ${options.pareto}`);
		}
	}
}

function printChosen(
	planned: PlannedJob,
	{job, model}: Pick<Choice, 'job' | 'model'>,
	options: ChooseOptions,
	changes: readonly Change[] | undefined,
	other: WhatIf | undefined,
): void {
	const {plan} = planned.outcome.best;
	switch (options.format) {
		case 'yaml':
			print(planYaml(plan));
			return;
		case 'json':
			printJson(
				options.explain || other
					? {
							plan,
							objective: objectiveText(job),
							search: planned.outcome.figures,
							predicted: summary(planned.outcome.best.evaluation),
							alternatives: rowsOf(planned),
							...(changes && {changes}),
							...(other && {
								whatIf: {
									changes: other.changes,
									samePlan: other.same && summary(other.same),
									samePlanLacks: other.lacks,
									bestPlan: other.after && {plan: other.after.plan, ...summary(other.after)},
									impossible: other.impossible,
								},
							}),
						}
					: plan,
			);
			return;
		case 'table':
			printPlan(plan, model, planned.outcome.best.evaluation.memory);
			printPlanned(planned, objectiveText(job));
			if (changes) {
				printChanges(changes);
			}
			if (other) {
				printWhatIf(other);
			}
			return;
		default:
			options.format satisfies never;
	}
}

const summary = ({plan, passes, memory, ...rest}: Evaluation) => rest;

/** What was chosen passes the same checks as a plan that somebody wrote. */
function checkChosen(plan: Plan, {job, model, participants}: Pick<Choice, 'job' | 'model' | 'participants'>): void {
	const {training, engine, privacy} = job;
	checkPlanFor(plan, {model, fleet: participants, training, engine, rawData: privacy.rawData});
}
