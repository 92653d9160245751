/**
 * The planner beside a mixed-integer programme, solved by HiGHS, whose optimum no plan can beat: 8 devices of 2 or 3 kinds, 20
 * units, data dealt out. One binary column for every stage that a plan may have (a range of units, so many devices of each kind):
 *
 *   each unit is in one stage; no more devices of a kind than there are; no more stages than are permitted
 *   T ≥ c + Σ stages before u (forward + backward + messages) + all passes of the stage that has u     for every unit u
 *   T ≥ c + mean down + update + all passes + gradient up of the stage that has u
 *
 * with c what every step takes for orders, reports and deciding. Bytes are a sum over the columns.
 */
import loadHighs from 'highs';
import type {CostDevice} from '../../core/cost/fleet.js';
import {floatBytes} from '../../core/cost/model-costs.js';
import {libraryProfile} from '../../core/profile/library.js';
import {seededRandom} from '../../core/random.js';
import {type Candidate, judge, replicasOf} from '../../planners/fpl/candidate.js';
import {planFpl} from '../../planners/fpl/plan.js';
import {sharesSuffice} from '../../planners/fpl/rules.js';
import {bytesBetween, type ReplicaBound, stageBound} from '../../planners/fpl/stage-bound.js';
import type {Problem} from '../../planners/problem.js';
import {randomFleet, randomModel} from '../../test/support/planning/random-problems.js';

export interface ProgrammeSize {
	readonly devices: number;
	readonly kinds: number;
	readonly units: number;
	readonly microBatches: number;
	readonly measure: 'time' | 'bytes';
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

/** Solutions that are put in before a bound is taken as it is. */
const mostCuts = 40;

interface Column {
	readonly first: number;
	readonly last: number;
	/** Devices of each kind. */
	readonly counts: readonly number[];
	/** Seconds on the way of one micro-batch. */
	readonly way: number;
	readonly passes: number;
	/** What comes before its first pass and after its last one, and on the parameter server. */
	readonly before: number;
	readonly after: number;
	readonly served: number;
	readonly bytes: number;
}

/** By kind, its devices. */
function kindsOf({fleet}: Problem): readonly (readonly number[])[] {
	const kinds = new Map<CostDevice['times'], number[]>();
	for (const [index, {times}] of fleet.devices.entries()) {
		kinds.set(times, [...(kinds.get(times) ?? []), index]);
	}
	return [...kinds.values()];
}

function* countsOf(sizes: readonly number[], most: number): Generator<readonly number[]> {
	const [size, ...rest] = sizes;
	if (size === undefined) {
		yield [];
		return;
	}
	for (let count = 0; count <= Math.min(size, most); count++) {
		for (const others of countsOf(rest, most - count)) {
			yield [count, ...others];
		}
	}
}

function columnsOf(problem: Problem): readonly Column[] {
	const {costs, fleet, training, space} = problem;
	const {units} = costs;
	const [microBatches] = space.microBatches as readonly [number];
	const mode = {microBatches, schedule: '1f1b', codec: {kind: 'fp32'}, localEpochs: 0} as const;
	const kinds = kindsOf(problem);
	const elements = (first: number, last: number) =>
		units.slice(first, last + 1).reduce((sum, {parameters, buffers}) => sum + parameters + buffers, 0);
	const {link} = fleet.devices[0]!.profile;
	const end = units.length - 1;
	const columns: Column[] = [];
	for (const counts of countsOf(
		kinds.map(({length}) => length),
		space.mostReplicas,
	)) {
		const chosen = counts.flatMap((count, kind) => kinds[kind]!.slice(0, count));
		for (let first = 0; chosen.length > 0 && first <= end; first++) {
			for (let last = first; last <= end; last++) {
				const {devices, shares} = replicasOf(problem, chosen, 1, first, last);
				const alone = first === 0 && last === end;
				if (!alone && !sharesSuffice(shares, training.batch, microBatches)) {
					continue;
				}
				const own = devices;
				const flow = alone ? {...mode, microBatches: 1} : mode;
				const bound = stageBound(problem, flow, elements, {first, last, devices: own, shares, branched: false});
				const made = bytesBetween(problem, mode, [first, last], [last + 1, end]);
				const least = (of: (replica: ReplicaBound) => number) => Math.min(...bound.replicas.map(of));
				// To whom it sends is not known: to as many receivers as there may be.
				const fewest = Math.floor(training.batch / microBatches) / space.mostReplicas;
				const hop = (bytes: number) =>
					bytes > 0 ? 2 * link.latencySeconds + (fewest * bytes) / link.downBytesPerSecond : 0;
				// One device with the whole model has its gradients applied by the parameter server too.
				const vector = alone ? elements(first, last) * floatBytes : bound.vectorBytes;
				const update = Math.min(...own.map(({times}) => times.update(first, last)));
				columns.push({
					first,
					last,
					counts,
					way: least(({forward}) => forward) + least(({backward}) => backward) + hop(made.forward) + hop(made.backward),
					passes: Math.max(...bound.replicas.map(({passes}) => passes)),
					before: (alone ? 0 : update) + vector / link.downBytesPerSecond,
					after: vector / link.upBytesPerSecond,
					served: vector > 0 ? (vector / floatBytes) * fleet.broker.secondsPerElement : 0,
					bytes: training.batch * (made.forward + made.backward) + 2 * own.length * vector,
				});
			}
		}
	}
	return columns;
}

/** A sum in the LP format, a term to a line since lines are limited. */
const sum = (terms: ReadonlyArray<readonly [number, string]>): string =>
	terms
		.filter(([factor]) => factor !== 0)
		.map(([factor, name]) => ` ${factor < 0 ? '-' : '+'} ${Math.abs(factor).toPrecision(12)} ${name}`)
		.join('\n');

export interface ProgrammeBound {
	/** Seconds or bytes of a step that no plan of the space is below. */
	readonly bound: number;
	/** Solutions whose cost was put in as it is evaluated. */
	readonly cuts: number;
}

/** The plan that columns stand for. */
function candidateOf(problem: Problem, chosen: readonly Column[]): Candidate {
	const [microBatches] = problem.space.microBatches as readonly [number];
	const pools = kindsOf(problem).map(kind => [...kind]);
	return {
		stages: chosen
			.toSorted((a, b) => a.first - b.first)
			.map(({last, counts}) => ({last, devices: counts.flatMap((count, kind) => pools[kind]!.splice(0, count))})),
		mode: {microBatches, schedule: '1f1b', codec: {kind: 'fp32'}, localEpochs: 0},
	};
}

/**
 * The optimum of the programme. Where a solution costs more than its rows say, it is put in with what it is evaluated to cost
 * (T is at least that if all of its columns are chosen), and the programme is solved again.
 * @param enough a bound this high will do.
 */
export async function programmeBound(problem: Problem, enough: number): Promise<ProgrammeBound> {
	const {costs, fleet, space, objective} = problem;
	const time = objective.kind === 'one' && objective.measure === 'time';
	const columns = columnsOf(problem);
	const name = (index: number) => `x${index}`;
	const over = (of: (column: Column) => number): Array<readonly [number, string]> =>
		columns.map((column, index) => [of(column), name(index)] as const);
	const {latencySeconds} = fleet.devices[0]!.profile.link;
	const constant = 2 * latencySeconds + 2 * fleet.messaging.secondsPerMessage + fleet.broker.secondsPerStep;
	const rows: string[] = [];
	const has = (unit: number) => (column: Column) => column.first <= unit && unit <= column.last;
	for (const unit of costs.units.keys()) {
		rows.push(`u${unit}:\n${sum(over(column => (has(unit)(column) ? 1 : 0)))}\n = 1`);
		if (time) {
			const path = over(
				column =>
					-(column.last < unit ? column.way : has(unit)(column) ? column.passes : 0) -
					column.served -
					(column.first === 0 ? column.before + column.after : 0),
			);
			const alone = over(column =>
				has(unit)(column) ? -column.before - column.passes - column.after - column.served : 0,
			);
			rows.push(
				`p${unit}:\n + 1 T\n${sum(path)}\n >= ${constant}`,
				`b${unit}:\n + 1 T\n${sum(alone)}\n >= ${constant}`,
			);
		}
	}
	for (const [kind, {length}] of kindsOf(problem).entries()) {
		rows.push(`k${kind}:\n${sum(over(({counts}) => counts[kind]!))}\n <= ${length}`);
	}
	rows.push(`stages:\n${sum(over(() => 1))}\n <= ${space.mostStages}`);
	const goal = time ? ' + 1 T' : sum(over(({bytes}) => bytes));
	const binaries = columns.map((_, index) => name(index)).join('\n');
	// Its types describe an ES module, the package is CommonJS.
	const highs = await (loadHighs as unknown as typeof loadHighs.default)();
	for (let cuts = 0; ; cuts++) {
		const text = `Minimize\n obj:\n${goal}\nSubject To\n${rows.join('\n')}\nBinary\n${binaries}\nEnd\n`;
		const solution = highs.solve(text, {time_limit: 60, mip_rel_gap: 1e-4});
		if (solution.Status !== 'Optimal') {
			throw new Error(`the programme's answer is «${solution.Status}»`);
		}
		const bound = solution.ObjectiveValue;
		if (!time || bound >= enough || cuts >= mostCuts) {
			return {bound, cuts};
		}
		const chosen = [...columns.keys()].filter(index => solution.Columns[name(index)]!.Primal > 0.5);
		const {stepSeconds} = judge(
			problem,
			candidateOf(
				problem,
				chosen.map(index => columns[index]!),
			),
		).evaluation;
		const factors = chosen.map(index => [-stepSeconds, name(index)] as const);
		rows.push(`c${cuts}:\n + 1 T\n${sum(factors)}\n >= ${-stepSeconds * (chosen.length - 1)}`);
	}
}

/** Of a step, by the planner. */
export function plannedValue(problem: Problem): {
	readonly value: number;
	readonly exact: boolean;
	readonly plan: string;
} {
	const outcome = planFpl(problem, {expired: () => false, interrupted: () => false, exactPlans: 3000});
	if (outcome.kind !== 'planned') {
		throw new Error(`the planner's answer is «${outcome.kind}»`);
	}
	const {best, figures} = outcome;
	const {stepSeconds, bytes, steps} = best.evaluation;
	const time = problem.objective.kind === 'one' && problem.objective.measure === 'time';
	return {value: time ? stepSeconds : bytes / steps, exact: figures.exact, plan: best.plan.scheme};
}

export async function milpCommand(args: readonly string[]): Promise<void> {
	const seeds = Number(args[args.indexOf('--seeds') + 1] || 3);
	console.log('measure,micro-batches,kinds,seed,planned,bound,planned/bound - 1,solutions put in,exact,plan');
	for (const measure of ['time', 'bytes'] as const) {
		for (const microBatches of measure === 'time' ? [1, 4] : [1]) {
			for (const kinds of [2, 3]) {
				for (let seed = 1; seed <= seeds; seed++) {
					const problem = wiredProblem(seed, {devices: 8, kinds, units: 20, microBatches, measure});
					const {value, exact, plan} = plannedValue(problem);
					const {bound, cuts} = await programmeBound(problem, value / 1.009);
					const apart = (value / bound - 1).toFixed(4);
					console.log(
						[
							measure,
							microBatches,
							kinds,
							seed,
							value.toPrecision(6),
							bound.toPrecision(6),
							apart,
							cuts,
							exact,
							plan,
						].join(),
					);
				}
			}
		}
	}
}
