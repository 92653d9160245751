/** A plan that the planner found, fitted to the run that it is for: who has which part of the data, or which view of it. Pure. */
import {planDigest} from '../../../core/plan/digest.js';
import type {Plan} from '../../../core/plan/plan.js';
import {sourcesOf} from './standing.js';

type FirstStage = Plan['stages'][number];

/** Where labels stay, the last of several stages is on the devices of the first, in the same order and with the same shares. */
const withFirst = (plan: Plan, replicas: FirstStage['replicas']): Plan => ({
	...plan,
	stages: plan.stages.map((stage, index) =>
		index === 0 || (plan.labels === 'stay' && index === plan.stages.length - 1) ? {...stage, replicas} : stage,
	),
});

/** Sources keep their places, and with them their parts of the data; devices that are new take the places that are left. */
export function inOrder(plan: Plan, order: readonly string[]): Plan {
	const [first] = plan.stages as [FirstStage];
	const names = sourcesOf(plan);
	if (names.length !== order.length) {
		return plan;
	}
	const strangers = names.filter(name => !order.includes(name));
	const places = order.map(name => (names.includes(name) ? name : strangers.shift()!));
	return withFirst(
		plan,
		places.map(name => first.replicas.find(({device}) => device === name)!),
	);
}

/**
 * The plan with all branches of the run, also those that are away: which view a branch sees follows from its place, and a branch
 * that comes back takes part again.
 */
export function withBranches(plan: Plan, original: Plan): Plan {
	const here = sourcesOf(plan).length;
	const {replicas} = original.stages[0]!;
	const scheme = plan.scheme.replace(`branches of ${here} `, `branches of ${replicas.length} `);
	return {...withFirst(plan, replicas), scheme};
}

/** Whether two plans differ in nothing but their names. */
export const sameWork = (a: Plan, b: Plan): boolean =>
	planDigest({...a, scheme: ''}) === planDigest({...b, scheme: ''});
