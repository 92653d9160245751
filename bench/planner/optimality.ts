/** The planner beside every plan there is, on random small problems, for each objective. */
import {parseArgs} from 'node:util';
import {seededRandom} from '../../core/random.js';
import {isBetter, type Judged, judge} from '../../planners/fpl/candidate.js';
import {planFpl} from '../../planners/fpl/plan.js';
import {amountsOf, objectiveValue} from '../../planners/objective.js';
import {type Measure, measures, type Problem} from '../../planners/problem.js';
import {everyCandidate} from '../../test/support/planning/brute-force.js';
import {randomProblem} from '../../test/support/planning/random-problems.js';

export interface Compared {
	readonly objective: Measure;
	/** undefined: no plan keeps to memory and batteries. */
	readonly brute: number | undefined;
	readonly planned: number | undefined;
	/** Whether both are the same, to 1e-9. */
	readonly equal: boolean;
}

export interface Instance {
	readonly devices: number;
	readonly units: number;
	readonly data: string;
	readonly plans: number;
	readonly objectives: readonly Compared[];
}

/** Whether the problem has no more plans than this. */
function isSmall(problem: Problem, mostPlans: number): boolean {
	let plans = 0;
	for (const _ of everyCandidate(problem)) {
		plans++;
		if (plans > mostPlans) {
			return false;
		}
	}
	return true;
}

/** Each plan is evaluated once and valued by every objective. */
function bruteForceAll(problem: Problem): {readonly plans: number; readonly best: ReadonlyMap<Measure, Judged>} {
	const best = new Map<Measure, Judged>();
	let plans = 0;
	for (const candidate of everyCandidate(problem)) {
		plans++;
		const judged = judge(problem, candidate);
		const amounts = amountsOf(judged.evaluation);
		for (const measure of measures) {
			const own = {...judged, value: objectiveValue({kind: 'one', measure}, amounts)};
			if (isBetter(own, best.get(measure))) {
				best.set(measure, own);
			}
		}
	}
	return {plans, best};
}

const budget = {expired: () => false, interrupted: () => false, exactPlans: Number.POSITIVE_INFINITY};

export function compare(problem: Problem): Instance {
	const {plans, best} = bruteForceAll(problem);
	const objectives = measures.map((objective): Compared => {
		const found = best.get(objective);
		const brute = found?.shortfalls.length === 0 ? found.value : undefined;
		const outcome = planFpl({...problem, objective: {kind: 'one', measure: objective}}, budget);
		const planned = outcome.kind === 'planned' ? outcome.best.value : undefined;
		const equal =
			brute === undefined || planned === undefined
				? brute === planned
				: Math.abs(planned - brute) <= 1e-9 * Math.abs(brute);
		return {objective, brute, planned, equal};
	});
	const {fleet, costs, data} = problem;
	return {devices: fleet.devices.length, units: costs.units.length, data: data.kind, plans, objectives};
}

/** Random problems of up to 5 devices and 12 units that are not too large to look at every plan. */
export function* smallProblems(
	seed: number,
	mostPlans: number,
): Generator<{readonly problem: Problem; readonly rejected: number}> {
	let rejected = 0;
	for (let draw = 0; ; draw++) {
		const random = seededRandom(seed * 100_000 + draw);
		const devices = 2 + (draw % 4);
		const units = 3 + Math.floor(random.next() * 10);
		const problem = randomProblem(random, {devices, units});
		if (isSmall(problem, mostPlans)) {
			yield {problem, rejected};
		} else {
			rejected++;
		}
	}
}

export async function optimalityCommand(args: readonly string[]): Promise<void> {
	const {values} = parseArgs({
		args: [...args],
		options: {
			instances: {type: 'string', default: '200'},
			'most-plans': {type: 'string', default: '3000'},
			seed: {type: 'string', default: '1'},
		},
	});
	const wanted = Number(values.instances);
	const found: Instance[] = [];
	let tooLarge = 0;
	console.log('devices,units,data,plans,equal,differing');
	for (const {problem, rejected} of smallProblems(Number(values.seed), Number(values['most-plans']))) {
		const instance = compare(problem);
		found.push(instance);
		tooLarge = rejected;
		const differing = instance.objectives
			.filter(({equal}) => !equal)
			.map(({objective, brute, planned}) => `${objective}: ${planned} against ${brute}`);
		const {devices, units, data, plans, objectives} = instance;
		console.log([devices, units, data, plans, objectives.length - differing.length, differing.join('; ')].join());
		if (found.length >= wanted) {
			break;
		}
	}
	console.log('\ndevices,instances,with 12 units,most plans,comparisons,equal,of these infeasible');
	for (const devices of [...new Set(found.map(one => one.devices))].sort()) {
		const own = found.filter(one => one.devices === devices);
		const all = own.flatMap(({objectives}) => objectives);
		console.log(
			[
				devices,
				own.length,
				own.filter(({units}) => units === 12).length,
				Math.max(...own.map(({plans}) => plans)),
				all.length,
				all.filter(({equal}) => equal).length,
				all.filter(({equal, brute}) => equal && brute === undefined).length,
			].join(),
		);
	}
	console.log(`\nleft out, with more than ${values['most-plans']} plans: ${tooLarge}`);
}
