/**
 * The best pipeline of single devices among all of them: any number of stages from one on, any cuts, any device for each stage. In
 * the order of their bounds (`Pipelines`) all are evaluated whose bound is below what the best one takes. It shares nothing with
 * the planner's search but what a plan is and what it costs.
 */
import {type Candidate, isBetter, judge} from '../../../planners/fpl/candidate.js';
import type {Problem} from '../../../planners/problem.js';
import {type Pipeline, Pipelines, typesOf} from './pipelines.js';

export interface Optimum {
	/** Seconds of a step. */
	readonly seconds: number;
	readonly candidate: Candidate;
	/** Pipelines that there are, devices of a type being alike, and how many of them were evaluated. */
	readonly pipelines: number;
	readonly evaluated: number;
	/** The least of all pipelines' bounds, in seconds; infinite where no pipeline had to be looked at. */
	readonly bound: number;
}

/** The limit of bounds is raised by this factor until the best plan is below it. */
const raise = 1.02;

/** @param problem one number of micro-batches, all of one size, `1f1b`, fp32, a device for each stage, least time, all cuts permitted. */
export function pipelineOptimum(problem: Problem): Optimum {
	const {training, space, fleet, costs} = problem;
	const [microBatches, ...others] = space.microBatches as readonly [number];
	const [codec, ...otherCodecs] = space.codecs;
	const fits =
		others.length + otherCodecs.length === 0 &&
		training.batch % microBatches === 0 &&
		codec?.kind === 'fp32' &&
		space.schedules.join() === '1f1b' &&
		space.localEpochs.join() === '0' &&
		space.mostReplicas === 1 &&
		costs.maxCrossing === 1 &&
		costs.separable.every(separable => separable) &&
		problem.data.kind === 'dealt' &&
		problem.data.rawData === 'may-move' &&
		problem.objective.kind === 'one' &&
		problem.objective.measure === 'time';
	if (!fits) {
		throw new Error('expected a problem of pipelines of single devices');
	}
	const types = typesOf(fleet);
	const mode = {microBatches, schedule: '1f1b', codec, localEpochs: 0} as const;
	const candidateOf = ({stages}: Pipeline): Candidate => {
		const pools = types.map(devices => [...devices]);
		return {stages: stages.map(({last, type}) => ({last, devices: [pools[type]!.shift()!]})), mode};
	};
	const most = Math.min(space.mostStages, fleet.devices.length, costs.units.length);
	const all = Array.from({length: Math.max(0, most - 1)}, (_, index) => {
		const pipelines = new Pipelines(problem, types, index + 2);
		return {pipelines, bound: pipelines.bound()};
	});
	const least = Math.min(...all.map(one => one.bound));
	const last = costs.units.length - 1;
	const alone = types.map(([device]) => judge(problem, {stages: [{last, devices: [device!]}], mode}));
	let best = alone.reduce((first, one) => (isBetter(one, first) ? one : first));
	let bound = Number.POSITIVE_INFINITY;
	let evaluated = alone.length;
	for (let [done, limit] = [0, least * raise]; ; [done, limit] = [limit, limit * raise]) {
		const found = all
			.filter(one => one.bound <= limit)
			.flatMap(({pipelines}) => pipelines.below(limit))
			.filter(one => one.bound > done)
			.sort((a, b) => a.bound - b.bound);
		for (const pipeline of found) {
			if (best.shortfalls.length === 0 && pipeline.bound > best.evaluation.stepSeconds) {
				break;
			}
			bound = Math.min(bound, pipeline.bound);
			evaluated++;
			const judged = judge(problem, candidateOf(pipeline));
			if (judged.evaluation.stepSeconds < pipeline.bound) {
				throw new Error(`${judged.evaluation.stepSeconds} s are less than the bound, ${pipeline.bound} s`);
			}
			best = isBetter(judged, best) ? judged : best;
		}
		if (best.shortfalls.length === 0 && best.evaluation.stepSeconds <= limit) {
			const pipelines = all.reduce((sum, one) => sum + one.pipelines.count(), alone.length);
			return {seconds: best.evaluation.stepSeconds, candidate: best.candidate, pipelines, evaluated, bound};
		}
	}
}
