/**
 * Which weights a plan keeps: replicas that are one model share a group, and a group has one state. Pure.
 *
 * step: all replicas of the group have the same weights after every step. interval: each trains by itself and they are
 * averaged now and then. turn: one replica has the weights and hands them on.
 */
import {type Plan, synchronisationOf} from './plan.js';

export interface Group {
	/** Unique in the plan and stable when other devices leave: «0», or «0@cam-1» for weights of one replica only. */
	readonly key: string;
	readonly stage: number;
	/** Indices of its replicas in the stage. */
	readonly replicas: readonly number[];
	readonly kind: 'step' | 'interval' | 'turn';
	/** The device whose own weights these are. */
	readonly owner?: string;
}

export function groupsOf(plan: Plan): readonly Group[] {
	return plan.stages.flatMap((document, stage): Group[] => {
		const {replicas, turns} = document;
		const all = replicas.map((_, index) => index);
		const {every} = synchronisationOf(plan, document);
		if (turns === 'in-turn') {
			return [{key: `${stage}`, stage, replicas: all, kind: 'turn'}];
		}
		if (every.kind === 'never') {
			return replicas.map(({device}, index) => ({
				key: `${stage}@${device}`,
				stage,
				replicas: [index],
				kind: 'step',
				owner: device,
			}));
		}
		// A lone replica has nothing to agree on: its weights are right after every step.
		const kind = every.kind === 'step' || replicas.length === 1 ? 'step' : 'interval';
		return [{key: `${stage}`, stage, replicas: all, kind}];
	});
}

export const groupOf = (groups: readonly Group[], stage: number, replica: number): Group =>
	groups.find(group => group.stage === stage && group.replicas.includes(replica))!;
