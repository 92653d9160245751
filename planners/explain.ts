/** Why a plan is what it is: what would become of the objective with one thing changed, the best change of each kind first. */

import {describeCodec} from '../core/codec/spec.js';
import type {Plan} from '../core/plan/plan.js';
import {type Candidate, judge, type Mode} from './fpl/candidate.js';
import {neighbours} from './fpl/neighbours.js';
import {isPermitted} from './fpl/notebook.js';
import {type Rules, rulesOf} from './fpl/rules.js';
import {measureOf, timesOf} from './objective.js';
import type {Problem} from './problem.js';

export interface Change {
	readonly kind: 'cut' | 'devices' | 'stages' | 'micro-batches' | 'codec';
	/** What is different, in words. */
	readonly change: string;
	/** Of the objective, relative to the plan's own; below 1 it would be better. */
	readonly factor: number;
	/** What keeps it from being allowed: «memory of cam-1». */
	readonly against: string | undefined;
}

/** The plan as the search sees it; undefined where it is none that the search could have found. */
export function candidateOf(
	{costs, fleet}: Problem,
	{stages, pipeline, links, synchronisation}: Plan,
): Candidate | undefined {
	const index = new Map(fleet.devices.map(({device}, at) => [device, at]));
	const {every} = synchronisation;
	const mode: Mode = {
		microBatches: pipeline.microBatches,
		schedule: pipeline.schedule,
		codec: links[0]?.codec ?? {kind: 'fp32'},
		localEpochs: every.kind === 'epochs' ? every.epochs : 0,
	};
	const found = stages.map(({units, replicas}) => ({
		last: units === 'all' ? costs.units.length - 1 : units[1],
		devices: replicas.map(({device}) => index.get(device) ?? -1),
	}));
	return found.some(({devices}) => devices.includes(-1)) ? undefined : {stages: found, mode};
}

function describe(problem: Problem, before: Candidate, after: Candidate): Pick<Change, 'kind' | 'change'> {
	const {costs, fleet} = problem;
	const names = (devices: readonly number[]) => devices.map(device => fleet.devices[device]!.device).join(', ');
	const several = after.stages.length > 1 && before.stages.length > 1;
	if (
		several &&
		(after.mode.microBatches !== before.mode.microBatches || after.mode.schedule !== before.mode.schedule)
	) {
		return {kind: 'micro-batches', change: `${after.mode.microBatches} micro-batches (${after.mode.schedule})`};
	}
	if (several && JSON.stringify(after.mode.codec) !== JSON.stringify(before.mode.codec)) {
		return {kind: 'codec', change: `links with ${describeCodec(after.mode.codec)}`};
	}
	if (after.stages.length !== before.stages.length) {
		return {kind: 'stages', change: after.stages.map(({devices}) => names(devices)).join(' → ')};
	}
	const moved = after.stages.findIndex(({last}, index) => last !== before.stages[index]!.last);
	if (moved >= 0) {
		return {kind: 'cut', change: `stage ${moved} ends with ${costs.units[after.stages[moved]!.last]!.label}`};
	}
	const changed = after.stages.findIndex(({devices}, index) => devices.join() !== before.stages[index]!.devices.join());
	return changed < 0
		? {kind: 'stages', change: `mean of weights every ${after.mode.localEpochs} epochs`}
		: {kind: 'devices', change: `stage ${changed}: ${names(after.stages[changed]!.devices)}`};
}

/** Changes of each kind that are told. */
const most = 4;

/** @param interrupted asked before each change; once it says so those stay that were looked at. */
export function explain(problem: Problem, plan: Plan, interrupted: () => boolean = () => false): readonly Change[] {
	const rules: Rules = rulesOf(problem);
	const own = candidateOf(problem, plan);
	if (!own) {
		return [];
	}
	const before = judge(problem, own);
	const measure = measureOf(problem.objective);
	const changes: Change[] = [];
	const seen = new Set<string>();
	for (const candidate of neighbours(problem, rules, own)) {
		if (interrupted()) {
			break;
		}
		const described = describe(problem, own, candidate);
		const key = `${described.kind} ${described.change}`;
		if (seen.has(key) || changes.length > 400 || !isPermitted(problem, rules, candidate)) {
			continue;
		}
		seen.add(key);
		const judged = judge(problem, candidate);
		changes.push({
			...described,
			factor: timesOf(measure, judged, before) ?? 1,
			against: judged.shortfalls[0]?.constraint,
		});
	}
	const kinds = ['cut', 'devices', 'stages', 'micro-batches', 'codec'] as const;
	return kinds.flatMap(kind =>
		changes
			.filter(change => change.kind === kind && change.factor !== 1)
			.sort((a, b) => a.factor - b.factor)
			.slice(0, most),
	);
}
