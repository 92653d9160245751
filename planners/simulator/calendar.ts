/**
 * What a run with stages does step by step, as its coordinator decides it: whose turn it is, when weights are averaged, when
 * they are handed over. Steps that do the same are one entry with a count.
 */
import type {TrainingCosts} from '../../core/cost/episode.js';
import {type Group, groupsOf} from '../../core/plan/groups.js';
import {type Plan, synchronisationOf} from '../../core/plan/plan.js';
import {activeIn} from '../../core/plan/routing.js';

/** Steps that are alike. */
export interface Entry {
	readonly turn: number;
	/** Groups whose weights come from the coordinator before the step. */
	readonly loads: readonly Group[];
	/** Groups whose weights are averaged, or handed over, after it. */
	readonly averages: readonly Group[];
	readonly hands: readonly Group[];
	/** Whether the update of the step before belongs to it: else it was made before weights were exchanged. */
	readonly commits: boolean;
	times: number;
}

export const stepsFor = (items: number, batch: number): number => Math.max(1, Math.ceil(items / batch));

/** More steps than this are not gone through one by one: what they do is scaled up. */
const mostSteps = 2_000_000;

/** @param owned items of each replica of the first stage. */
export function calendarOf(
	plan: Plan,
	{batch, epochs, samples}: TrainingCosts,
	owned: readonly number[],
): readonly Entry[] {
	const groups = groupsOf(plan);
	const turning = plan.stages.findIndex(({turns}) => turns === 'in-turn');
	const perEpoch =
		turning === 0 ? owned.reduce((sum, items) => sum + stepsFor(items, batch), 0) : stepsFor(samples, batch);
	const handed = groups.filter(({kind}) => kind === 'turn');
	const every = ({stage}: Group) => synchronisationOf(plan, plan.stages[stage]!).every;

	const stepsOfTurn = (turn: number): number => {
		const [group] = handed;
		if (!group) {
			return Number.POSITIVE_INFINITY;
		}
		const rule = every(group);
		switch (rule.kind) {
			case 'step':
				return 1;
			case 'steps':
				return rule.steps;
			case 'epochs': {
				const [replica] = activeIn(plan, turn)[turning]!;
				return rule.epochs * (turning === 0 ? stepsFor(owned[replica!]!, batch) : perEpoch);
			}
			case 'never':
				return Number.POSITIVE_INFINITY;
			default:
				return rule satisfies never;
		}
	};

	const known = new Map<string, Entry>();
	const wanted = epochs * perEpoch;
	const whole = Math.max(1, Math.min(epochs, Math.floor(mostSteps / perEpoch))) * perEpoch;
	const steps = Math.min(wanted, whole);
	let [turn, left, since] = [0, stepsOfTurn(0), 0];
	let loads: readonly Group[] = [];
	let after = false;
	for (let step = 1; step <= steps; step++) {
		left--;
		since++;
		const endsEpoch = step % perEpoch === 0;
		const averages = groups.filter(group => {
			const rule = every(group);
			return (
				group.kind === 'interval' &&
				(rule.kind === 'steps'
					? since % rule.steps === 0 || endsEpoch
					: rule.kind === 'epochs' && (step === steps || (endsEpoch && (step / perEpoch) % rule.epochs === 0)))
			);
		});
		const hands = left <= 0 ? handed : [];
		const working = handed.length > 0 ? turn % plan.stages[turning]!.replicas.length : 0;
		const key = JSON.stringify([working, after, averages.map(one => one.key), hands.length, loads.map(one => one.key)]);
		const entry = known.get(key) ?? {turn: working, loads, averages, hands, commits: !after, times: 0};
		known.set(key, entry);
		entry.times++;
		after = averages.length + hands.length > 0;
		loads = [...averages, ...hands];
		since = averages.length > 0 ? 0 : since;
		if (hands.length > 0) {
			left = stepsOfTurn(++turn);
		}
	}
	for (const entry of known.values()) {
		entry.times *= wanted / steps;
	}
	return [...known.values()];
}
