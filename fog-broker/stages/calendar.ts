/** When a run with stages averages, hands over, ends an epoch and ends. Pure. */
import {type Group, groupsOf} from '../../core/plan/groups.js';
import {type Plan, synchronisationOf} from '../../core/plan/plan.js';
import {activeIn, isBranched} from '../../core/plan/routing.js';
import type {Position, StageState} from './state.js';

const stepsFor = (items: number, batch: number): number => Math.max(1, Math.ceil(items / batch));

/** Items that one pass over the data has. Branches see the same items. */
export function itemsPerEpoch(plan: Plan, items: ReadonlyMap<string, number>): number {
	const counts = plan.stages[0]!.replicas.map(({device}) => items.get(device) ?? 0);
	return isBranched(plan, 0) ? Math.min(...counts) : counts.reduce((sum, count) => sum + count, 0);
}

/** Steps of one pass over the data; sources that take turns each need a whole number of steps. */
export function stepsPerEpoch(plan: Plan, items: ReadonlyMap<string, number>, batch: number): number {
	const [first] = plan.stages;
	return first!.turns === 'in-turn'
		? first!.replicas.reduce((sum, {device}) => sum + stepsFor(items.get(device) ?? 0, batch), 0)
		: stepsFor(itemsPerEpoch(plan, items), batch);
}

/** Steps that the replica whose turn it is has before it hands over. */
export function stepsOfTurn({plan, items, settings, stepsPerEpoch: perEpoch}: StageState, turn: number): number {
	const stage = plan.stages.findIndex(({turns}) => turns === 'in-turn');
	if (stage < 0) {
		return Number.POSITIVE_INFINITY;
	}
	const document = plan.stages[stage]!;
	const {every} = synchronisationOf(plan, document);
	switch (every.kind) {
		case 'step':
			return 1;
		case 'steps':
			return every.steps;
		case 'epochs': {
			const [replica] = activeIn(plan, turn)[stage]!;
			const own = stage === 0 ? items.get(document.replicas[replica!]!.device) : undefined;
			return every.epochs * (own === undefined ? perEpoch : stepsFor(own, settings.batch));
		}
		case 'never':
			return Number.POSITIVE_INFINITY;
		default:
			return every satisfies never;
	}
}

/** Groups of the plan whose replicas train by themselves between two averages. */
const intervals = (plan: Plan): readonly Group[] => groupsOf(plan).filter(({kind}) => kind === 'interval');

const endsEpoch = (step: number, perEpoch: number): boolean => step > 0 && step % perEpoch === 0;

/** An epoch or the run ends with this position's last step. */
export const isMilestone = ({stepsPerEpoch: perEpoch, steps}: StageState, {step}: Position): boolean =>
	endsEpoch(step, perEpoch) || step === steps;

/** Between two steps: whether the run leaves its plan at this position. */
export const leavesAt = ({leaving, steps, stepsPerEpoch: perEpoch}: StageState, {step}: Position): boolean =>
	leaving !== undefined && (leaving.at === 'step' || step === 0 || (steps !== undefined && step % perEpoch === 0));

/** Groups to be averaged at this position; at the end of an epoch and of the run all are. */
export function dueAverages(state: StageState, position: Position): readonly Group[] {
	const {plan, stepsPerEpoch: perEpoch} = state;
	const {sinceSync} = position;
	const epochs = position.step / perEpoch;
	return intervals(plan).filter(({stage}) => {
		const {every} = synchronisationOf(plan, plan.stages[stage]!);
		switch (every.kind) {
			case 'steps':
				return sinceSync > 0 && (sinceSync % every.steps === 0 || isMilestone(state, position));
			case 'epochs':
				return position.step === state.steps || (endsEpoch(position.step, perEpoch) && epochs % every.epochs === 0);
			case 'step':
			case 'never':
				return false;
			default:
				return every satisfies never;
		}
	});
}

/** Whether every group has one state at this position: all that average have just done so. */
export const isConsistent = (plan: Plan, {sinceSync}: Position): boolean =>
	sinceSync === 0 || intervals(plan).length === 0;
