/**
 * What becomes of a plan when devices are away. Pure. Replicas that are away leave their share to the others; a branch of an
 * aligned junction is dropped as a whole; the last replica of a stage is replaced by a spare, except where its data are.
 */
import type {Plan} from './plan.js';
import {isBranched, junctionStage} from './routing.js';

export type Fallback =
	| {
			readonly kind: 'plan';
			readonly plan: Plan;
			readonly replaced: readonly {readonly stage: number; readonly device: string}[];
	  }
	/** No device of this stage is here, and none can take its place. */
	| {readonly kind: 'missing'; readonly stage: number; readonly devices: readonly string[]};

/**
 * @param original the plan with all its devices.
 * @param absent devices that cannot take part now.
 * @param spares devices that may take over a stage, the best first; those of the plan that are here come after them.
 */
export function withoutDevices(original: Plan, absent: ReadonlySet<string>, spares: readonly string[]): Fallback {
	const trunk = junctionStage(original) ?? 0;
	const alive = (stage: number, replica: number) => !absent.has(original.stages[stage]!.replicas[replica]!.device);
	const branchAlive = (replica: number) => original.stages.slice(0, trunk).every((_, stage) => alive(stage, replica));
	const survivors = original.stages
		.toReversed()
		.flatMap(({replicas}) => replicas.map(({device}) => device))
		.filter(device => !absent.has(device));
	const candidates = [...spares.filter(device => !absent.has(device)), ...survivors];
	const replaced: {stage: number; device: string}[] = [];
	const stages: Plan['stages'][number][] = [];
	for (const [stage, document] of original.stages.entries()) {
		const replicas = document.replicas.filter((_, replica) =>
			isBranched(original, stage) ? branchAlive(replica) : alive(stage, replica),
		);
		if (replicas.length > 0) {
			stages.push({...document, replicas});
			continue;
		}
		const devices = document.replicas.map(({device}) => device);
		const [spare] = candidates;
		const boundToData =
			stage === 0 ||
			isBranched(original, stage) ||
			(stage === original.stages.length - 1 && original.labels !== 'travel');
		if (boundToData || spare === undefined) {
			return {kind: 'missing', stage, devices};
		}
		replaced.push({stage, device: spare});
		stages.push({...document, replicas: [{device: spare, share: 1}]});
	}
	return {kind: 'plan', plan: {...original, stages}, replaced};
}

/** Devices of a plan, each once, in the order of the stages. */
export const devicesOf = ({stages}: Plan): readonly string[] => [
	...new Set(stages.flatMap(({replicas}) => replicas.map(({device}) => device))),
];
