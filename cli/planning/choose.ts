/** `fpl plan` for a job, where the planner chooses. */
import {z} from 'zod';
import {parseValue} from '../../core/config/config.js';
import type {Logger} from '../../core/log.js';
import type {Job} from '../../core/plan/job.js';
import {measureNames} from '../../core/plan/objective.js';
import {quantity} from '../../core/plan/quantity.js';
import type {BrokerLink} from '../../core/profile/fleet-file.js';
import type {Model} from '../../models/graph.js';
import {checkPlanFor} from '../../models/plans/check.js';
import {objectiveText} from '../../planners/job-problem.js';
import {type AnswerOptions, answer} from './answer.js';
import {type Participant, readTimes} from './plan-input.js';
import {unitsText} from './plan-text.js';

export interface WishOptions {
	readonly objective?: string;
	readonly deadline?: string;
	readonly limit?: string;
	readonly thorough?: boolean;
}

export interface ChooseOptions extends WishOptions, AnswerOptions {
	readonly times?: readonly string[];
}

export interface Choice {
	readonly job: Job;
	readonly model: Model;
	/** The model as an ONNX file. */
	readonly bytes: Uint8Array;
	/** Items of the training set; undefined where it is not here. */
	readonly items: number | undefined;
	readonly participants: readonly Participant[];
	readonly broker: BrokerLink | undefined;
	readonly logger: Logger;
}

/** The value of an option; undefined where it is not given. @throws FplError `USAGE` naming the flag. */
export const flag = <S extends z.ZodType>(name: string, schema: S, text: string | undefined) =>
	text === undefined ? undefined : parseValue(schema, text, name, 'USAGE');

/** The job with what the flags say of its objective. @throws FplError `USAGE` naming the flag. */
export function withObjective(job: Job, {objective, deadline, limit, thorough}: WishOptions): Job {
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
		planning: {
			...job.planning,
			...(looking === undefined ? {} : {limit: looking}),
			...(thorough === undefined ? {} : {thorough}),
		},
	};
}

/** Chooses a plan and prints it. @throws FplError as `answer` and those of reading what it needs. */
export async function choose(
	{job: written, model, bytes, items, participants, broker, logger}: Choice,
	options: ChooseOptions,
): Promise<void> {
	const job = withObjective(written, options);
	const {training, engine, privacy} = job;
	const tables = await readTimes(options.times ?? [], participants, model, text => logger.warn(text));
	const minimise = job.objective?.minimise;
	await answer(
		{
			asked: {kind: 'job', job, model: bytes, devices: participants, items, broker, tables},
			participants,
			timesFrom: ({device, profile}) => {
				const at = tables.findIndex(table => table.device === device || table.device === profile?.name);
				return at < 0 ? undefined : `--times ${options.times![at]}`;
			},
			limitSeconds: job.planning.limit,
			thorough: job.planning.thorough,
			wish: {text: objectiveText(job), measure: typeof minimise === 'string' ? minimise : undefined},
			units: plan => unitsText(model, plan),
			check: plan => checkPlanFor(plan, {model, fleet: participants, training, engine, ...privacy}),
			notes: () => [],
			page: {model: job.model, dataset: job.data.dataset},
			remarks: ['Costs are predicted from the devices’ profiles.'],
		},
		options,
		logger,
	);
}
