/**
 * A mixed-integer programme whose optimum no plan of a problem can beat, solved by HiGHS: data dealt out, one number of
 * micro-batches, 1F1B, fp32. One binary column x for every stage that a plan may have (`programme-columns`):
 *
 *   each unit is in one stage; no more devices of a kind than there are; no more stages than are permitted
 *   T ≥ c + Σ ways of stages before u + all passes of the stage that has u                    for every unit u
 *   T ≥ c + Σ ways of all stages + (M − 1) backward passes of the stage that has u           likewise
 *   T ≥ c + orders, update, all passes and gradients of the stage that has u                   likewise
 *
 * with c what every step takes. Bytes are a sum over the columns. Joules are one too but for idle power, which flows all the time:
 * T · Σ idle · x, which is not linear. So there is a programme for every number of devices of each kind that may take part: in each of
 * them idle power is a number, and the least optimum of all is that of the problem. So it is with dollars.
 *
 * A programme is asked for plans that are better than a known one by a given part; mostly there are none.
 */
import loadHighs, {type Highs} from 'highs';
import {judge} from '../../planners/fpl/candidate.js';
import type {Measure, Problem} from '../../planners/problem.js';
import {type Column, candidateOf, columnsOf, constantSeconds, countsOf, kindsOf} from './programme-columns.js';

export interface ProgrammeBound {
	/** Of a step: no plan of the space costs less. */
	readonly bound: number;
	/** Whether all programmes were solved, and none given up with what was proven until then. */
	readonly solved: boolean;
	readonly programmes: number;
	/** Solutions whose cost was put in as it is evaluated. */
	readonly cuts: number;
}

export interface ProgrammeOptions {
	/** For one step: a bound this high will do, and it is not made higher. */
	readonly enough: number;
	/** Seconds for all of it. */
	readonly limit: number;
}

/** Solutions that are put in before a bound is taken as it is. */
const mostCuts = 60;

type Term = readonly [factor: number, name: string];

/** A sum in the LP format, a term to a line since lines are limited. */
const sumOf = (terms: readonly Term[]): string =>
	terms
		.filter(([factor]) => factor !== 0)
		.map(([factor, name]) => ` ${factor < 0 ? '-' : '+'} ${Math.abs(factor).toPrecision(12)} ${name}`)
		.join('\n');

/** What a column costs whatever the others are, and what its devices cost besides for each second of a step. */
const priceOf: Readonly<Record<Measure, (column: Column) => {readonly fixed: number; readonly perSecond: number}>> = {
	time: () => ({fixed: 0, perSecond: 0}),
	bytes: ({bytes}) => ({fixed: bytes, perSecond: 0}),
	energy: ({joules, idleWatts}) => ({fixed: joules, perSecond: idleWatts}),
	money: ({price}) => ({fixed: 0, perSecond: price}),
};

/** One programme. */
interface Programme {
	readonly problem: Problem;
	readonly columns: readonly Column[];
	/** Devices of each kind: just as many, or at most. */
	readonly devices: readonly number[];
	readonly exactly: boolean;
	/** What a second of a step costs, and each column; in `unit`. */
	readonly perSecond: number;
	readonly fixed: readonly number[];
}

/** Costs are given in parts of what is enough, for the sake of the solver's tolerances: nothing that costs more is of interest. */
const most = 100;

/** Those of a problem, with costs in `unit`; stages that cost too much by themselves are left out. */
function* programmesOf(problem: Problem, measure: Measure, unit: number): Generator<Programme> {
	const kinds = kindsOf(problem).map(devices => problem.fleet.devices[devices[0]!]!);
	const sizes = kindsOf(problem).map(({length}) => length);
	const columns = columnsOf(problem);
	const constant = constantSeconds(problem);
	const varies = measure === 'energy' || measure === 'money';
	const sets = varies ? [...countsOf(sizes, problem.fleet.devices.length)] : [sizes];
	for (const devices of sets.filter(counts => counts.some(count => count > 0))) {
		const powers = kinds.map(({profile, pricePerSecond}) =>
			measure === 'energy' ? profile.idleWatts : pricePerSecond,
		);
		const watts = varies
			? devices.reduce((sum, count, kind) => sum + count * powers[kind]!, 0)
			: Number(measure === 'time');
		const perSecond = watts / unit;
		const able = columns.filter(column => {
			const seconds = constant + column.alone + column.served;
			return (
				column.counts.every((count, kind) => count <= devices[kind]!) &&
				priceOf[measure](column).fixed / unit + perSecond * seconds <= most
			);
		});
		const fixed = able.map(column => priceOf[measure](column).fixed / unit);
		yield {problem, columns: able, devices, exactly: varies, perSecond, fixed};
	}
}

/** In the LP format. */
function textOf({problem, columns, devices, exactly, perSecond, fixed}: Programme): string {
	const {costs, space} = problem;
	const over = (of: (column: Column) => number): Term[] => columns.map((column, index) => [of(column), `x${index}`]);
	const constant = constantSeconds(problem);
	const has = (unit: number, {first, last}: Column) => first <= unit && unit <= last;
	const rows: string[] = [];
	for (const unit of costs.units.keys()) {
		rows.push(`u${unit}:\n${sumOf(over(column => (has(unit, column) ? 1 : 0)))}\n = 1`);
		const ends = (column: Column) => column.served + (column.first === 0 ? column.before + column.after : 0);
		const path = (column: Column) =>
			(column.last < unit ? column.way : has(unit, column) ? column.passes : 0) + ends(column);
		const trip = (column: Column) => column.way + (has(unit, column) ? column.later : 0) + ends(column);
		const alone = (column: Column) => (has(unit, column) ? column.alone + column.served : 0);
		for (const [name, of] of perSecond > 0 ? Object.entries({path, trip, alone}) : []) {
			rows.push(`${name}${unit}:\n + 1 T\n${sumOf(over(column => -of(column)))}\n >= ${constant}`);
		}
	}
	for (const [kind, count] of devices.entries()) {
		const own = over(({counts}) => counts[kind]!).filter(([factor]) => factor > 0);
		if (own.length > 0) {
			rows.push(`k${kind}:\n${sumOf(own)}\n ${exactly ? '=' : '<='} ${count}`);
		}
	}
	rows.push(`stages:\n${sumOf(over(() => 1))}\n <= ${space.mostStages}`);
	const goal = sumOf([[1, 'more'], [perSecond, 'T'], ...fixed.map((cost, index): Term => [cost, `x${index}`])]);
	rows.push(`most:\n${goal}\n <= ${most}`);
	const binaries = columns.map((_, index) => `x${index}`).join('\n');
	return `Minimize\n obj:\n${goal}\nSubject To\n${rows.join('\n')}\nBinary\n${binaries}\nEnd\n`;
}

/** Whether the columns are any plan at all: every unit is in one of them, and there are as many devices as there must be. */
const isPossible = ({problem, columns, devices, exactly}: Programme): boolean =>
	problem.costs.units.every((_, unit) => columns.some(({first, last}) => first <= unit && unit <= last)) &&
	(!exactly || devices.every((count, kind) => count === 0 || columns.some(({counts}) => counts[kind]! > 0)));

/**
 * Where a solution costs more than its rows say, it is put in with what it is evaluated to cost (the goal, with what may come to it
 * besides, is at least that if all of its columns are chosen), and the programme goes on.
 */
function solve(
	highs: Highs,
	programme: Programme,
	measure: Measure,
	unit: number,
	left: () => number,
): Omit<ProgrammeBound, 'programmes'> {
	const {problem, columns, perSecond, fixed} = programme;
	return highs.withModel({format: 'lp', data: textOf(programme)}, model => {
		const {optimal, infeasible} = highs.constants.modelStatus;
		const places = columns.map((_, index) => model.getColByName(`x${index}`));
		const own = columns.map((_, index) => [places[index]!, fixed[index]!] as const);
		const timed = perSecond > 0 ? [[model.getColByName('T'), perSecond] as const] : [];
		const costs = [[model.getColByName('more'), 1] as const, ...timed, ...own];
		// Parts of stages are mostly too dear already.
		model.options.set({output_flag: false, solve_relaxation: true});
		const relaxed = model.run().modelStatus;
		if (relaxed === infeasible) {
			return {bound: most, solved: true, cuts: 0};
		}
		let bound = relaxed === optimal ? Math.min(most, model.getObjectiveValue()) : 0;
		for (let cuts = 0; ; cuts++) {
			model.options.set({solve_relaxation: false, time_limit: Math.max(1, left()), mip_rel_gap: 1e-4});
			const {modelStatus} = model.run();
			if (modelStatus === infeasible) {
				return {bound: most, solved: true, cuts};
			}
			bound = Math.max(bound, Math.min(most, Number(model.info.get('mip_dual_bound'))));
			if (modelStatus !== optimal || cuts >= mostCuts || left() < 0) {
				return {bound, solved: modelStatus === optimal, cuts};
			}
			const {colValue} = model.getSolution();
			const chosen = columns.filter((_, index) => colValue[places[index]!]! > 0.5);
			const amount = stepAmount(problem, candidateOf(problem, chosen), measure) / unit;
			if (amount <= bound * (1 + 1e-4)) {
				return {bound, solved: true, cuts};
			}
			// goal − amount · Σ x ≥ −amount · (count − 1)
			const factors = new Map(costs);
			for (const [index, column] of columns.entries()) {
				if (chosen.includes(column)) {
					factors.set(places[index]!, fixed[index]! - amount);
				}
			}
			const entries = [...factors].filter(([, value]) => value !== 0).sort((a, b) => a[0] - b[0]);
			model.addRow(-amount * (chosen.length - 1), highs.infinity, {
				indices: entries.map(([index]) => index),
				values: entries.map(([, value]) => value),
			});
		}
	});
}

/** What a plan costs, for one step. */
export function stepAmount(problem: Problem, candidate: Parameters<typeof judge>[1], measure: Measure): number {
	const {seconds, bytes, joules, dollars, steps} = judge(problem, candidate).evaluation;
	return {time: seconds, bytes, energy: joules, money: dollars}[measure] / steps;
}

/** The least optimum of the programmes of a problem, or what was proven of it in the time. */
export async function programmeBound(problem: Problem, {enough, limit}: ProgrammeOptions): Promise<ProgrammeBound> {
	const {objective} = problem;
	if (objective.kind !== 'one') {
		throw new Error('expected a problem with one measure to minimise');
	}
	// Its types describe an ES module, the package is CommonJS.
	const highs = await (loadHighs as unknown as typeof loadHighs.default)();
	const began = performance.now();
	const left = () => limit - (performance.now() - began) / 1000;
	let total: ProgrammeBound = {bound: enough, solved: true, programmes: 0, cuts: 0};
	const unit = enough / most;
	for (const programme of programmesOf(problem, objective.measure, unit)) {
		if (!isPossible(programme)) {
			continue;
		}
		const {bound, solved, cuts} = solve(highs, programme, objective.measure, unit, left);
		total = {
			bound: bound < most ? Math.min(total.bound, unit * bound) : total.bound,
			solved: total.solved && solved,
			programmes: total.programmes + 1,
			cuts: total.cuts + cuts,
		};
	}
	return total;
}
