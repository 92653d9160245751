/** The table of gains: one line of CSV per case and objective, then median and worst per objective. */
import {parseArgs} from 'node:util';
import {budgetOf} from '../../../planners/plan-job.js';
import {measures} from '../../../planners/problem.js';
import {cpuMilliseconds, median} from '../figures.js';
import {namesOf} from '../flags.js';
import {caseNames, readCase} from './cases.js';
import {type Gain, gainsOf, objectivesOf, problemOf} from './gain.js';

const head = 'case,objective,among,best classic scheme,its value,planned,its value,factor';
const line = ({name, objective, among, classic, planned, factor}: Gain): string =>
	[
		name,
		objective,
		among,
		classic?.scheme ?? 'none fits',
		classic?.value.toPrecision(6) ?? '',
		`"${planned.scheme}"`,
		planned.value.toPrecision(6),
		factor?.toFixed(3) ?? '',
	].join();

export async function gainCommand(args: readonly string[]): Promise<void> {
	const {values} = parseArgs({args: [...args], options: {cases: {type: 'string'}}});
	const names = values.cases === undefined ? caseNames() : namesOf('cases', values.cases, caseNames());
	const gains: Gain[] = [];
	console.log(head);
	for (const name of names) {
		const one = await readCase(name);
		const problem = problemOf(one);
		for (const objective of objectivesOf(problem)) {
			const budget = budgetOf(one.input.job.planning, cpuMilliseconds);
			for (const gain of gainsOf(name, problem, objective, budget)) {
				gains.push(gain);
				console.log(line(gain));
			}
		}
	}
	console.log('\nobjective,among,cases,median factor,worst,best,without a classic plan that fits');
	for (const among of ['same result', 'all'] as const) {
		for (const objective of measures) {
			const own = gains.filter(gain => gain.objective === objective && gain.among === among);
			const factors = own.flatMap(({factor}) => (factor === undefined ? [] : [factor]));
			if (factors.length > 0) {
				const [worst, best] = [Math.min(...factors), Math.max(...factors)];
				const figures = [median(factors), worst, best].map(value => value.toFixed(3));
				console.log([objective, among, own.length, ...figures, own.length - factors.length].join());
			}
		}
	}
}
