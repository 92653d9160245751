/** A plan as the search sees it, and the plan document and the costs that it stands for. */
import type {CodecSpec} from '../../core/codec/spec.js';
import {evaluate} from '../../core/cost/evaluate.js';
import {type CostDevice, devicesByName} from '../../core/cost/fleet.js';
import {memoryByDevice, memoryOfParts, type PartMemory} from '../../core/cost/memory.js';
import {stageCountsOf} from '../../core/cost/stage-counts.js';
import {everyEpochs, everyStep, privately} from '../../core/plan/builders/parts.js';
import type {Plan, Stage} from '../../core/plan/plan.js';
import {amountsOf, objectiveValue, shortfallsOf} from '../objective.js';
import type {Costed, Problem, Shortfall} from '../problem.js';

export interface CandidateStage {
	/** Last unit. */
	readonly last: number;
	/** Indices in the fleet. */
	readonly devices: readonly number[];
}

/** How the batches of a plan flow, besides who computes what. */
export interface Mode {
	readonly microBatches: number;
	readonly schedule: Plan['pipeline']['schedule'];
	readonly codec: CodecSpec;
	/** Of plans with one stage: passes between two means of the weights; 0: gradients at every step. */
	readonly localEpochs: number;
}

export interface Candidate {
	readonly stages: readonly CandidateStage[];
	readonly mode: Mode;
}

export interface Judged extends Costed {
	readonly candidate: Candidate;
	readonly shortfalls: readonly Shortfall[];
}

/** Three digits are enough for people, and for devices. */
const rounded = (share: number): number => Number(share.toPrecision(3));

/**
 * Parts of the batch of a stage's replicas, relative to the least: sources by what they own, branches all alike, others so that
 * all finish at the same time.
 */
export function sharesOfStage(
	{data, training}: Problem,
	devices: readonly CostDevice[],
	stage: number,
	first: number,
	last: number,
): readonly number[] {
	if (devices.length === 1 || (stage === 0 && data.kind === 'aligned')) {
		return devices.map(() => 1);
	}
	const items = training.batch / devices.length;
	const weights = devices.map(({samples, times}) =>
		stage === 0 && data.kind === 'sources'
			? (samples ?? 1)
			: items / Math.max(1e-12, times.pass('learn', first, last, items)),
	);
	const least = Math.min(...weights);
	return weights.map(weight => rounded(weight / least));
}

/**
 * The replicas of a stage in the order in which they are sent to, with their shares: those with the most items first, so that
 * nobody waits for the largest message behind all others; at equal shares those with the faster links. Sources stay in theirs.
 */
export function replicasOf(
	problem: Problem,
	devices: readonly number[],
	stage: number,
	first: number,
	last: number,
): {readonly devices: readonly CostDevice[]; readonly shares: readonly number[]} {
	const {fleet, data} = problem;
	const own = devices.map(device => fleet.devices[device]!);
	const shares = sharesOfStage(problem, own, stage, first, last);
	if (devices.length === 1 || (stage === 0 && data.kind !== 'dealt')) {
		return {devices: own, shares};
	}
	const link = (replica: number) => own[replica]!.profile.link;
	const order = devices
		.map((_, replica) => replica)
		.sort(
			(a, b) =>
				shares[b]! - shares[a]! ||
				link(b).downBytesPerSecond - link(a).downBytesPerSecond ||
				link(b).upBytesPerSecond - link(a).upBytesPerSecond ||
				devices[a]! - devices[b]!,
		);
	return {devices: order.map(replica => own[replica]!), shares: order.map(replica => shares[replica]!)};
}

/** Whether the last stage is on the devices of the first, so that labels stay where the data are. */
export function isUShaped(stages: readonly Pick<CandidateStage, 'devices'>[]): boolean {
	const first = stages[0]!.devices;
	const last = stages.at(-1)!.devices;
	return (
		stages.length > 2 &&
		(first === last || (first.length === last.length && first.every((device, index) => device === last[index])))
	);
}

/** The stage that says which items another one's replicas have. In the last stage of a U each device gets back those that it has. */
const dealerOf = (stages: readonly CandidateStage[], index: number): number =>
	index > 0 && index === stages.length - 1 && isUShaped(stages) ? 0 : index;

const firstOf = (stages: readonly CandidateStage[], index: number): number =>
	index === 0 ? 0 : stages[index - 1]!.last + 1;

/** The replicas of one of a candidate's stages. */
export function replicasAt(
	problem: Problem,
	stages: readonly CandidateStage[],
	index: number,
): ReturnType<typeof replicasOf> {
	const at = dealerOf(stages, index);
	const {devices, last} = stages[at]!;
	return replicasOf(problem, devices, at, firstOf(stages, at), last);
}

/** Their shares, in the order of the candidate's devices. */
export function sharesAt(problem: Problem, stages: readonly CandidateStage[], index: number): readonly number[] {
	const at = dealerOf(stages, index);
	const {devices, last} = stages[at]!;
	const own = devices.map(device => problem.fleet.devices[device]!);
	return sharesOfStage(problem, own, at, firstOf(stages, at), last);
}

const describe = (
	{stages, labels}: Pick<Plan, 'stages' | 'labels'>,
	{microBatches, localEpochs}: Mode,
	aligned: boolean,
): string => {
	const width = stages.map(({replicas}) => replicas.length).join(' → ');
	const micro = microBatches > 1 ? `, ${microBatches} micro-batches` : '';
	if (stages.length === 1) {
		return stages[0]!.replicas.length === 1
			? 'one device'
			: localEpochs > 0
				? `${width} replicas, mean of weights every ${localEpochs === 1 ? 'epoch' : `${localEpochs} epochs`}`
				: `${width} replicas`;
	}
	return `${aligned ? 'branches' : 'stages'} of ${width} devices${micro}${labels === 'stay' ? ', labels stay' : ''}`;
};

export function planOfCandidate(problem: Problem, {stages, mode}: Candidate, recompute?: ReadonlySet<number>): Plan {
	const {costs, data} = problem;
	const aligned = data.kind === 'aligned' && stages.length > 1;
	const only = stages.length === 1;
	const labels = isUShaped(stages) || (only && data.kind === 'sources' && data.labels === 'stay') ? 'stay' : 'travel';
	const documents = stages.map(({last}, index): Stage => {
		const first = firstOf(stages, index);
		const {devices: own, shares} = replicasAt(problem, stages, index);
		return {
			units: only ? 'all' : [first, last],
			replicas: own.map(({device}, replica) => ({device, share: shares[replica]!})),
			junction: aligned && index === 1 ? {mode: 'aligned', kind: data.junction} : {mode: 'stack'},
			stash: recompute?.has(index) ? 'recompute' : 'keep',
			turns: 'together',
			...(aligned && index === 0 ? {synchronisation: privately} : {}),
		};
	});
	return {
		version: 1,
		scheme: describe({stages: documents, labels}, mode, aligned),
		model: costs.name,
		maxCrossing: costs.maxCrossing,
		stages: documents,
		synchronisation: only && mode.localEpochs > 0 ? everyEpochs(mode.localEpochs) : everyStep,
		pipeline: {microBatches: only ? 1 : mode.microBatches, schedule: mode.schedule},
		links: only || mode.codec.kind === 'fp32' ? [] : [{from: '*', to: '*', codec: mode.codec}],
		labels,
	};
}

export interface Fitting {
	readonly plan: Plan;
	readonly memory: readonly PartMemory[];
}

/**
 * Stages on devices whose memory does not suffice to keep what backward needs compute forward again.
 * @returns undefined where even that does not suffice, which takes no time to find out.
 */
export function fitting(problem: Problem, candidate: Candidate): Fitting | undefined {
	const {fleet, costs, training} = problem;
	const limits = devicesByName(fleet);
	const attempt = (recompute?: ReadonlySet<number>) => {
		const plan = planOfCandidate(problem, candidate, recompute);
		const memory = memoryOfParts(plan, training.batch, training.slots, stageCountsOf(plan, costs));
		const bytes = memoryByDevice(memory);
		const isShort = (device: string) => bytes.get(device)! > limits.get(device)!.profile.memoryBytes;
		return {plan, memory, short: new Set(memory.filter(({device}) => isShort(device)).map(({stage}) => stage))};
	};
	const kept = attempt();
	const found = kept.short.size === 0 ? kept : attempt(kept.short);
	return found.short.size === 0 ? found : undefined;
}

export function judge(problem: Problem, candidate: Candidate): Judged {
	const {costs, fleet, training, objective} = problem;
	const all = () => ({plan: planOfCandidate(problem, candidate, new Set(candidate.stages.keys()))});
	const found = fitting(problem, candidate) ?? all();
	const evaluation = evaluate({...found, costs, fleet, training});
	const value = objectiveValue(objective, amountsOf(evaluation));
	return {candidate, plan: found.plan, evaluation, value, shortfalls: shortfallsOf(problem, evaluation)};
}

/** How far a plan is from being permitted, as a factor; 1 where it is. */
export const worstExcess = ({shortfalls}: Judged): number =>
	shortfalls.reduce((most, {needed, available}) => Math.max(most, available > 0 ? needed / available : 2), 1);

/** Permitted plans by value; those that are not come after them, the nearest first. */
export function isBetter(a: Judged, b: Judged | undefined): boolean {
	if (b === undefined) {
		return true;
	}
	const [left, right] = [worstExcess(a), worstExcess(b)];
	return left === right ? a.value < b.value - 1e-12 * Math.abs(b.value) : left < right;
}
