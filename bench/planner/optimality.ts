/** The planner beside the cheapest of all plans, on random small problems, for each objective. */
import {parseArgs} from 'node:util';
import {seededRandom} from '../../core/random.js';
import {planFpl} from '../../planners/fpl/plan.js';
import {type DataPlacement, type Measure, measures, type Problem} from '../../planners/problem.js';
import {cheapest} from '../../test/support/planning/cheapest.js';
import {randomProblem} from '../../test/support/planning/random-problems.js';
import {namesOf, wholeOf} from './flags.js';

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
	/** Devices that differ. */
	readonly kinds: number;
	readonly units: number;
	readonly data: string;
	/** Plans of the space, devices that are alike being the same, and how many were evaluated: the others cost more for sure. */
	readonly plans: number;
	readonly evaluated: number;
	readonly objectives: readonly Compared[];
}

const budget = {expired: () => false, interrupted: () => false, exactPlans: Number.POSITIVE_INFINITY};

export function compare(problem: Problem): Instance {
	const {plans, evaluated, values} = cheapest(problem);
	const objectives = measures.map((objective): Compared => {
		const brute = values.get(objective);
		const outcome = planFpl({...problem, objective: {kind: 'one', measure: objective}}, budget);
		const planned = outcome.kind === 'planned' ? outcome.best.value : undefined;
		const equal =
			brute === undefined || planned === undefined
				? brute === planned
				: Math.abs(planned - brute) <= 1e-9 * Math.abs(brute);
		return {objective, brute, planned, equal};
	});
	const {fleet, costs, data} = problem;
	const kinds = new Set(fleet.devices.map(({times}) => times)).size;
	const stay = data.kind === 'sources' && data.labels === 'stay' ? ', labels stay' : '';
	const placed = data.kind === 'aligned' ? 'aligned' : `${data.kind}, ${data.rawData}${stay}`;
	return {devices: fleet.devices.length, kinds, units: costs.units.length, data: placed, plans, evaluated, objectives};
}

const placements: ReadonlyArray<{readonly data: DataPlacement['kind']; readonly rawData: 'stays' | 'may-move'}> = [
	{data: 'dealt', rawData: 'stays'},
	{data: 'sources', rawData: 'stays'},
	{data: 'aligned', rawData: 'stays'},
	{data: 'dealt', rawData: 'may-move'},
	{data: 'sources', rawData: 'may-move'},
];
const deviceCounts = [5, 4, 3, 5, 2];
const mostUnits = 12;

/**
 * Random problems: every kind of data with every number of devices, every other one with 12 units.
 * @param labels stay: only those where devices own data, and labels stay with them.
 */
export function* smallProblems(seed: number, labels: 'stay' | 'travel' = 'travel'): Generator<Problem> {
	const placed = placements.filter(({data}) => labels === 'travel' || data === 'sources');
	for (let draw = 0; ; draw++) {
		const random = seededRandom(seed * 100_000 + draw);
		const placement = placed[draw % placed.length]!;
		const round = Math.floor(draw / placed.length);
		const devices = deviceCounts[round % deviceCounts.length]!;
		const drawn = 3 + Math.floor(random.next() * (mostUnits - 3));
		const units = (draw + Math.floor(round / deviceCounts.length)) % 2 === 0 ? mostUnits : drawn;
		// Aligned branches are of two devices at least, and need another one for the trunk.
		const problem = randomProblem(random, {
			devices: placement.data === 'aligned' ? Math.max(3, devices) : devices,
			units,
			data: placement.data,
			labels,
		});
		const {data} = problem;
		yield data.kind === 'aligned' ? problem : {...problem, data: {...data, rawData: placement.rawData}};
	}
}

function* first<T>(values: Iterable<T>, count: number): Generator<T> {
	for (const value of values) {
		if (count-- <= 0) {
			return;
		}
		yield value;
	}
}

export async function optimalityCommand(args: readonly string[]): Promise<void> {
	const {values} = parseArgs({
		args: [...args],
		options: {
			instances: {type: 'string', default: '200'},
			seed: {type: 'string', default: '1'},
			labels: {type: 'string', default: 'travel'},
		},
	});
	const instances = wholeOf('instances', values.instances, 1, 1_000_000);
	const seed = wholeOf('seed', values.seed, 0, 1_000_000_000);
	const [labels] = namesOf('labels', values.labels, ['stay', 'travel']);
	const found: Instance[] = [];
	console.log('devices,kinds,units,data,plans,evaluated,equal,differing');
	for (const problem of first(smallProblems(seed, labels), instances)) {
		const instance = compare(problem);
		found.push(instance);
		const {devices, kinds, units, data, plans, evaluated, objectives} = instance;
		const differing = objectives
			.filter(({equal}) => !equal)
			.map(({objective, brute, planned}) => `${objective}: ${planned} against ${brute}`);
		const equal = objectives.length - differing.length;
		console.log([devices, kinds, units, `"${data}"`, plans, evaluated, equal, differing.join('; ')].join());
	}
	console.log(
		'\ndata,devices,instances,with 12 units,most plans,plans,evaluated,comparisons,equal,of these infeasible',
	);
	for (const data of [...new Set(found.map(one => one.data))]) {
		for (const devices of [...new Set(found.map(one => one.devices))].sort()) {
			const own = found.filter(one => one.devices === devices && one.data === data);
			if (own.length > 0) {
				console.log([`"${data}"`, devices, ...summary(own)].join());
			}
		}
	}
	console.log(['all', '', ...summary(found)].join());
}

function summary(instances: readonly Instance[]): readonly number[] {
	const all = instances.flatMap(({objectives}) => objectives);
	const sum = (of: (instance: Instance) => number) => instances.reduce((total, one) => total + of(one), 0);
	return [
		instances.length,
		instances.filter(({units}) => units === mostUnits).length,
		Math.max(...instances.map(({plans}) => plans)),
		sum(({plans}) => plans),
		sum(({evaluated}) => evaluated),
		all.length,
		all.filter(({equal}) => equal).length,
		all.filter(({equal, brute}) => equal && brute === undefined).length,
	];
}
