/** ViT-Base on four boards of each of two types, by their published profiles: the planner's training pipeline beside the optimum. */
import {existsSync} from 'node:fs';
import path from 'node:path';
import {parseArgs} from 'node:util';
import {mostMicroBatches} from '../../core/plan/plan.js';
import {type PipeEdge, readPipeEdgeFolder} from '../../core/profile/pipeedge.js';
import {planFpl} from '../../planners/fpl/plan.js';
import {problemOfPipeEdge} from '../../planners/pipeedge-problem.js';
import {type Optimum, pipelineOptimum} from '../../test/support/planning/pipeline-optimum.js';
import {cpuMilliseconds} from './figures.js';
import {wholesOf} from './flags.js';

/** The published files; undefined where they are not here. */
export async function readPublished(): Promise<PipeEdge | undefined> {
	const root = path.resolve(import.meta.dirname, '../../..');
	const folder = path.join(process.env['FPL_DATA_DIR'] ?? path.join(root, '../shared/data'), 'pipeedge-vit-base');
	if (!existsSync(folder)) {
		return undefined;
	}
	return readPipeEdgeFolder(folder, {batch: 8});
}

export interface Comparison {
	/** Seconds of a step of the planner's plan. */
	readonly planned: number;
	/** Of the best pipeline that there is, by the same cost model. */
	readonly optimum: Optimum;
	readonly stages: string;
	/** Plans that the planner evaluated. */
	readonly evaluated: number;
	readonly cpuSeconds: number;
}

/** @param exactPlans evaluated by the planner's exact search, after the plans that it builds and improves. */
export function comparePublished(profile: PipeEdge, microBatches: number, exactPlans: number): Comparison {
	const problem = problemOfPipeEdge(profile, {passes: 'training', microBatches});
	const begin = cpuMilliseconds();
	const outcome = planFpl(problem, {expired: () => false, interrupted: () => false, exactPlans});
	const cpuSeconds = (cpuMilliseconds() - begin) / 1000;
	if (outcome.kind !== 'planned') {
		throw new Error(`the planner's answer is «${outcome.kind}»`);
	}
	const {plan, evaluation} = outcome.best;
	const stages = plan.stages.map(({units, replicas}) => `${units === 'all' ? 'all' : units[1]}:${replicas[0]!.device}`);
	return {
		planned: evaluation.stepSeconds,
		optimum: pipelineOptimum(problem),
		stages: stages.join(' '),
		evaluated: outcome.figures.evaluated,
		cpuSeconds,
	};
}

export async function publishedCommand(args: readonly string[]): Promise<void> {
	const {values} = parseArgs({
		args: [...args],
		options: {
			'micro-batches': {type: 'string', default: '4,8,16,64'},
			'exact-plans': {type: 'string', default: '0,2000'},
		},
	});
	const microBatchCounts = wholesOf('micro-batches', values['micro-batches'], 1, mostMicroBatches);
	const exactPlanCounts = wholesOf('exact-plans', values['exact-plans'], 0, 10_000_000);
	const profile = await readPublished();
	if (!profile) {
		console.log('the published profiles are not here: set FPL_DATA_DIR to a folder with pipeedge-vit-base');
		return;
	}
	console.log(
		'micro-batches,exact plans,planned s,optimum s,planned/optimum - 1,pipelines,evaluated for the optimum,least bound s,' +
			'evaluated by the planner,planner cpu s,stages',
	);
	for (const microBatches of microBatchCounts) {
		for (const exactPlans of exactPlanCounts) {
			const {planned, optimum, stages, evaluated, cpuSeconds} = comparePublished(profile, microBatches, exactPlans);
			console.log(
				[
					microBatches,
					exactPlans,
					planned.toFixed(3),
					optimum.seconds.toFixed(3),
					(planned / optimum.seconds - 1).toExponential(2),
					optimum.pipelines,
					optimum.evaluated,
					optimum.bound.toFixed(3),
					evaluated,
					cpuSeconds.toFixed(2),
					stages,
				].join(),
			);
		}
	}
}
