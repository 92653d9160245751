/**
 * The planner beside a mixed-integer programme (`programme`) whose optimum no plan can beat: 8 devices of 2 or 3 kinds, 20
 * units, data dealt out; least time, bytes, energy and money.
 */
import {parseArgs} from 'node:util';
import {libraryProfile} from '../../core/profile/library.js';
import {seededRandom} from '../../core/random.js';
import {planFpl} from '../../planners/fpl/plan.js';
import {type Measure, measures, type Problem} from '../../planners/problem.js';
import {randomFleet, randomModel} from '../../test/support/planning/random-problems.js';
import {namesOf, numberOf, wholeOf, wholesOf} from './flags.js';
import {programmeBound} from './programme.js';

export interface ProgrammeSize {
	readonly devices: number;
	readonly kinds: number;
	readonly units: number;
	readonly microBatches: number;
	readonly measure: Measure;
}

/** Boards on wires, and a model that takes them longer to compute than to send. */
export function wiredProblem(seed: number, {devices, kinds, units, microBatches, measure}: ProgrammeSize): Problem {
	const random = seededRandom(seed);
	const small = randomModel(random, units);
	const heavier = small.units.map(unit => ({
		...unit,
		work: Object.fromEntries(Object.entries(unit.work).map(([op, work]) => [op, {...work, flops: 40 * work.flops}])),
	}));
	// What crosses is long against the heads of messages, which the programme does not count.
	const values = small.values.map(value => ({...value, shape: [2000 + value.shape[0]!]}));
	const costs = {...small, units: heavier, values, separable: small.separable.map(() => true)};
	const fleet = randomFleet(random, costs, 1, {devices, kinds, sources: 0});
	const {link} = libraryProfile('raspberry-pi-4b');
	return {
		costs,
		fleet: {
			...fleet,
			devices: fleet.devices.map(device => ({...device, profile: {...device.profile, link, memoryBytes: 8e9}})),
		},
		training: {batch: 64, epochs: 1, slots: 1, samples: 64_000},
		data: {kind: 'dealt', rawData: 'may-move'},
		objective: {kind: 'one', measure},
		constraints: {most: {}, exclude: new Set(), pinned: [], minimumReplicas: 1},
		space: {
			microBatches: [microBatches],
			schedules: ['1f1b'],
			codecs: [{kind: 'fp32'}],
			localEpochs: [0],
			mostStages: 4,
			mostReplicas: 4,
		},
	};
}

/** Of a step, by the planner. */
export function plannedValue(problem: Problem): {
	readonly value: number;
	readonly exact: boolean;
	readonly plan: string;
} {
	const outcome = planFpl(problem, {expired: () => false, interrupted: () => false, exactPlans: 3000});
	if (outcome.kind !== 'planned' || problem.objective.kind !== 'one') {
		throw new Error(`the planner's answer is «${outcome.kind}»`);
	}
	const {best, figures} = outcome;
	const {seconds, bytes, joules, dollars, steps} = best.evaluation;
	const amounts = {time: seconds, bytes, energy: joules, money: dollars};
	return {value: amounts[problem.objective.measure] / steps, exact: figures.exact, plan: best.plan.scheme};
}

export async function milpCommand(args: readonly string[]): Promise<void> {
	const {values} = parseArgs({
		args: [...args],
		options: {
			seeds: {type: 'string', default: '3'},
			kinds: {type: 'string', default: '2,3'},
			measures: {type: 'string', default: measures.join()},
			within: {type: 'string', default: '0.5'},
			limit: {type: 'string', default: '120'},
		},
	});
	const names = namesOf('measures', values.measures, measures);
	const kindCounts = wholesOf('kinds', values.kinds, 1, 8);
	const seeds = wholeOf('seeds', values.seeds, 1, 1_000_000);
	const within = numberOf('within', values.within, 0, 100);
	const limit = numberOf('limit', values.limit, 1, 86_400);
	console.log(
		'measure,micro-batches,kinds,seed,planned,bound,planned/bound - 1,solved,programmes,solutions put in,s,exact,plan',
	);
	for (const measure of names) {
		for (const microBatches of [1, 4]) {
			for (const kinds of kindCounts) {
				for (let seed = 1; seed <= seeds; seed++) {
					const problem = wiredProblem(seed, {devices: 8, kinds, units: 20, microBatches, measure});
					const {value, exact, plan} = plannedValue(problem);
					const began = performance.now();
					const {bound, solved, programmes, cuts} = await programmeBound(problem, {
						enough: value / (1 + within / 100),
						limit,
					});
					const seconds = ((performance.now() - began) / 1000).toFixed(1);
					const figures = [value.toPrecision(6), bound.toPrecision(6), (value / bound - 1).toFixed(4)];
					console.log(
						[measure, microBatches, kinds, seed, ...figures, solved, programmes, cuts, seconds, exact, plan].join(),
					);
				}
			}
		}
	}
}
