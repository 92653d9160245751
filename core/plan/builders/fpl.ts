/**
 * Flexible Parallel Learning (Malandrino and Chiasserini 2022): the first units are branches on the sources, a junction
 * merges them, the rest is a trunk on other devices.
 */
import type {Plan, Stage, Synchronisation} from '../plan.js';
import {everyStep, type Pipeline, type Placement, planOf, privately, rangesOf, replicas} from './parts.js';

export type JunctionKind = Extract<Stage['junction'], {mode: 'aligned'}>['kind'];

/**
 * @param placement with a cut per trunk device, the trunk is a chain with a stage per device; with a single cut and several
 * trunk devices, these are replicas of one stage.
 */
function branchesAndTrunk(
	placement: Placement,
	scheme: string,
	junction: Stage['junction'],
	synchronisation: Synchronisation,
	pipeline: Pipeline,
): Plan {
	const {sources, trunk, cuts} = placement;
	const groups = cuts.length === 1 ? [trunk] : trunk.map(device => [device]);
	const [first, ...rest] = rangesOf(placement, groups.length + 1);
	return planOf(placement, {
		scheme,
		stages: [
			{units: first!, replicas: replicas(sources), synchronisation},
			...rest.map((units, index) => ({
				units,
				replicas: replicas(groups[index]!),
				...(index === 0 ? {junction} : {}),
			})),
		],
		synchronisation: everyStep,
		pipeline,
	});
}

/** The sources see the same items in their own ways: branches with weights of their own, merged by a trained junction. */
export const fplAligned = (placement: Placement, junction: JunctionKind, pipeline: Pipeline): Plan =>
	branchesAndTrunk(
		placement,
		`FPL aligned, junction ${junction}`,
		{mode: 'aligned', kind: junction},
		privately,
		pipeline,
	);

/**
 * The sources own different samples, stacked along the batch at the trunk.
 * @param branches step: the branches stay one model, and the run computes what one machine would. never: each source keeps
 * weights of its own.
 */
export const fplStacked = (placement: Placement, branches: 'step' | 'never', pipeline: Pipeline): Plan =>
	branchesAndTrunk(
		placement,
		branches === 'step' ? 'FPL stacked' : 'FPL stacked, private branches',
		{mode: 'stack'},
		branches === 'step' ? everyStep : privately,
		pipeline,
	);
