/** The published fleets and jobs: a fleet file and a job in one document each (`bench/planner/cases`). */
import {readdirSync} from 'node:fs';
import path from 'node:path';
import {z} from 'zod';
import {parseValue, readConfig} from '../../../core/config/config.js';
import {readConfigFile} from '../../../core/config/document.js';
import {type Job, jobSchema} from '../../../core/plan/job.js';
import {readFleet} from '../../../core/profile/fleet-file.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import type {JobInput} from '../../../planners/job-problem.js';

const caseSchema = z.strictObject({
	version: z.literal(1),
	/** As `core/profile/fleet-file` and `core/plan/job` read them. */
	fleet: z.unknown(),
	job: z.unknown(),
	/** Shape of one item of a source's own view, where sources are aligned; else the model's default. */
	input: z.array(z.number().int().positive()).min(1).max(4).optional(),
});

const folder = path.resolve(import.meta.dirname, '../../../../bench/planner/cases');

export interface Case {
	readonly name: string;
	readonly input: JobInput;
}

/** Folder and name: «cameras/wifi». */
export const caseNames = (): readonly string[] =>
	readdirSync(folder, {recursive: true, encoding: 'utf8'})
		.filter(file => file.endsWith('.yaml'))
		.map(file => file.slice(0, -'.yaml'.length))
		.sort();

/** @throws FplError as the readers of fleets and jobs. */
export async function readCase(name: string): Promise<Case> {
	const document = await readConfigFile(path.join(folder, `${name}.yaml`));
	const {fleet, job: written, input} = readConfig(caseSchema, {document});
	const {devices, broker} = readFleet({
		...document,
		value: fleet,
		placeOf: place => document.placeOf(['fleet', ...place]),
	});
	const job: Job = parseValue(jobSchema, written, `${document.name}, job`, 'JOB_INVALID');
	const own = devices.some(({samples}) => samples !== undefined);
	return {
		name,
		input: {
			job,
			model: buildModel(job.model, input ? {input} : {}),
			devices: devices.map(({device, profile, samples}) => ({
				device,
				profile,
				...(own ? {isSource: samples !== undefined, samples} : {}),
			})),
			items: undefined,
			broker,
		},
	};
}
