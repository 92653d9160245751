/** ViT-Base on four boards of each of two types, by their published profiles: the planner's pipeline beside the optimum. */
import {existsSync} from 'node:fs';
import path from 'node:path';
import {readConfigFile} from '../../core/config/document.js';
import {type PipeEdge, readPipeEdge} from '../../core/profile/pipeedge.js';
import {judge} from '../../planners/fpl/candidate.js';
import {planFpl} from '../../planners/fpl/plan.js';
import {problemOfPipeEdge} from '../../test/support/planning/pipeedge-problem.js';
import {PipelineProgramme} from '../../test/support/planning/pipeline-programme.js';
import {cpuMilliseconds} from './figures.js';

/** The published files; undefined where they are not here. */
export async function readPublished(): Promise<PipeEdge | undefined> {
	const root = path.resolve(import.meta.dirname, '../../..');
	const folder = path.join(process.env['FPL_DATA_DIR'] ?? path.join(root, '../shared/data'), 'pipeedge-vit-base');
	if (!existsSync(folder)) {
		return undefined;
	}
	const read = (name: string) => readConfigFile(path.join(folder, name));
	return readPipeEdge(
		{
			models: await read('models.yml'),
			deviceTypes: await read('device_types.yml'),
			devices: await read('devices.yml'),
		},
		{batch: 8},
	);
}

export interface Comparison {
	/** Seconds of a step of the planner's plan, and of the best that dynamic programming finds, by the same cost model. */
	readonly planned: number;
	readonly optimum: number;
	/** No pipeline takes less. */
	readonly bound: number;
	readonly stages: string;
	readonly cpuSeconds: number;
}

/** @param exactPlans evaluated by the planner's exact search, after the plans that it builds and improves. */
export function comparePublished(profile: PipeEdge, microBatches: number, exactPlans: number): Comparison {
	const problem = problemOfPipeEdge(profile, microBatches);
	const programme = new PipelineProgramme(problem);
	const values = programme
		.plans()
		.map(({candidate}) => judge(problem, candidate))
		.filter(({shortfalls}) => shortfalls.length === 0)
		.map(({value}) => value);
	const begin = cpuMilliseconds();
	const outcome = planFpl(problem, {expired: () => false, interrupted: () => false, exactPlans});
	const cpuSeconds = (cpuMilliseconds() - begin) / 1000;
	if (outcome.kind !== 'planned') {
		throw new Error(`the planner's answer is «${outcome.kind}»`);
	}
	const {plan, value} = outcome.best;
	const stages = plan.stages.map(({units, replicas}) => `${units === 'all' ? 'all' : units[1]}:${replicas[0]!.device}`);
	return {planned: value, optimum: Math.min(...values), bound: programme.bound(), stages: stages.join(' '), cpuSeconds};
}

export async function publishedCommand(): Promise<void> {
	const profile = await readPublished();
	if (!profile) {
		console.log('the published profiles are not here: set FPL_DATA_DIR to a folder with pipeedge-vit-base');
		return;
	}
	console.log('micro-batches,planned s,optimum s,planned/optimum - 1,bound s,planner cpu s,stages');
	for (const microBatches of [16, 64]) {
		const {planned, optimum, bound, stages, cpuSeconds} = comparePublished(profile, microBatches, 2000);
		const figures = [planned.toFixed(3), optimum.toFixed(3), (planned / optimum - 1).toExponential(2)];
		console.log([microBatches, ...figures, bound.toFixed(3), cpuSeconds.toFixed(2), stages].join());
	}
}
