/** How fast the planner is on large fleets, how much memory it takes, and how far its plans can be from the best. */
import {parseArgs} from 'node:util';
import {seededRandom} from '../../core/random.js';
import {planFpl} from '../../planners/fpl/plan.js';
import type {Outcome, Problem} from '../../planners/problem.js';
import {randomFleet, randomModel} from '../../test/support/planning/random-problems.js';
import {cpuMilliseconds, median} from './figures.js';
import {namesOf, numberOf, wholeOf} from './flags.js';

interface Size {
	readonly devices: number;
	readonly kinds: number;
	readonly units: number;
	readonly sources: number;
	readonly batch: number;
	readonly goalSeconds: number;
}

const sizes: Readonly<Record<string, Size>> = {
	small: {devices: 16, kinds: 16, units: 96, sources: 4, batch: 128, goalSeconds: 0.2},
	medium: {devices: 100, kinds: 10, units: 160, sources: 10, batch: 256, goalSeconds: 2},
	large: {devices: 1000, kinds: 20, units: 200, sources: 50, batch: 1024, goalSeconds: 20},
};

/** A random fleet and model; data that devices own and that stay there, or data that are dealt out. */
export function problemOfSize(
	{devices, kinds, units, sources, batch}: Omit<Size, 'goalSeconds'>,
	placement: 'sources' | 'dealt',
	seed: number,
): Problem {
	const random = seededRandom(seed);
	const costs = randomModel(random, units);
	const owners = placement === 'sources' ? sources : 0;
	const fleet = randomFleet(random, costs, 1, {devices, kinds, sources: owners});
	const own = fleet.devices.slice(0, owners);
	return {
		costs,
		fleet,
		training: {batch, epochs: 1, slots: 1, samples: own.reduce((sum, {samples = 0}) => sum + samples, 0) || 50_000},
		data:
			placement === 'dealt'
				? {kind: 'dealt', rawData: 'may-move'}
				: {kind: 'sources', devices: own.map(({device}) => device), rawData: 'stays'},
		objective: {kind: 'one', measure: 'time'},
		constraints: {most: {}, exclude: new Set(), pinned: [], minimumReplicas: 1},
		space: {
			microBatches: [1, 2, 4, 8, 16],
			schedules: ['1f1b'],
			codecs: [{kind: 'fp32'}],
			localEpochs: [0],
			mostStages: 8,
			mostReplicas: 16,
		},
	};
}

/** No limit of time: what is printed is how long it takes by itself. */
const budget = {expired: () => false, interrupted: () => false, exactPlans: 20_000};

function timed(problem: Problem): {readonly cpu: number; readonly wall: number; readonly outcome: Outcome} {
	const [cpu, wall] = [cpuMilliseconds(), performance.now()];
	const outcome = planFpl(problem, budget);
	return {cpu: (cpuMilliseconds() - cpu) / 1000, wall: (performance.now() - wall) / 1000, outcome};
}

/**
 * The value of what a thorough search finds, and how many plans it evaluates. Where it is cut off before it has come as far as
 * the usual search, that one's plan is what there is.
 */
function afterAll(problem: Problem, seconds: number, usual: number): readonly (string | number)[] {
	const end = performance.now() + 1000 * seconds;
	const outcome = planFpl(problem, {...budget, expired: () => performance.now() >= end, effort: 'thorough'});
	return outcome.kind === 'planned'
		? [Math.min(usual, outcome.best.value).toPrecision(6), outcome.figures.evaluated]
		: [outcome.kind];
}

export async function speedCommand(args: readonly string[]): Promise<void> {
	const {values} = parseArgs({
		args: [...args],
		options: {
			sizes: {type: 'string', default: Object.keys(sizes).join()},
			repeats: {type: 'string', default: '15'},
			seed: {type: 'string', default: '1'},
			thorough: {type: 'string'},
		},
	});
	const seconds = values.thorough === undefined ? undefined : numberOf('thorough', values.thorough, 0.1, 86_400);
	const repeats = wholeOf('repeats', values.repeats, 0, 10_000);
	const seed = wholeOf('seed', values.seed, 0, 1_000_000_000);
	const names = namesOf('sizes', values.sizes, Object.keys(sizes));
	console.log(
		'devices,kinds,units,data,goal s,first cpu s,first wall s,median cpu s,median wall s,peak MiB,value,gap,exact,plans' +
			(seconds === undefined ? '' : `,value after ${seconds} s,plans`),
	);
	for (const name of names) {
		const size = sizes[name]!;
		for (const placement of ['sources', 'dealt'] as const) {
			const problem = problemOfSize(size, placement, seed);
			const first = timed(problem);
			const more = Array.from({length: repeats}, () => timed(problem));
			const {outcome} = first;
			if (outcome.kind !== 'planned') {
				throw new Error(`${name}, ${placement}: ${outcome.kind}`);
			}
			const {best, figures} = outcome;
			const times = [
				first.cpu,
				first.wall,
				...(more.length > 0 ? [median(more.map(({cpu}) => cpu)), median(more.map(({wall}) => wall))] : []),
			];
			console.log(
				[
					size.devices,
					size.kinds,
					size.units,
					placement,
					size.goalSeconds,
					...times.map(value => value.toFixed(3)),
					Math.round(process.resourceUsage().maxRSS / 1024),
					best.value.toPrecision(6),
					figures.gap.toFixed(3),
					figures.exact,
					figures.evaluated,
					...(seconds === undefined ? [] : afterAll(problem, seconds, best.value)),
				].join(),
			);
		}
	}
}
