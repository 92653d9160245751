/** Schemes side by side for programs and spreadsheets. Numbers in base units. */
import type {Ledger} from '../../core/ledger/ledger.js';
import {metrics} from '../compare/compare.js';
import {csv} from '../csv.js';
import {
	ledgersOf,
	type SchemeComparison,
	type SchemeResult,
	type SchemeRun,
	schemeMarks,
	spreadOf,
} from './comparison.js';

const columns = {
	accuracy: metrics.accuracy,
	test_loss: metrics.testLoss,
	loss: metrics.loss,
	seconds: metrics.training,
	seconds_in_all: metrics.time,
	bytes: metrics.bytes,
	joules: metrics.energy,
	devices: metrics.devices,
	steps: metrics.steps,
} as const;
const names = Object.keys(columns) as readonly (keyof typeof columns)[];

const numbersOf = (ledger: Ledger) => Object.fromEntries(names.map(name => [name, columns[name].of(ledger)]));

const runJson = ({seed, ledger, failure}: SchemeRun) => ({
	seed,
	...(ledger && {run: ledger.run, scheme: ledger.scheme, ...numbersOf(ledger)}),
	...(failure !== undefined && {failure}),
});

const resultJson = (result: SchemeResult) => ({
	scheme: result.scheme,
	description: result.description,
	mean: Object.fromEntries(names.map(name => [name, spreadOf(columns[name], ledgersOf(result))?.mean])),
	deviation: Object.fromEntries(names.map(name => [name, spreadOf(columns[name], ledgersOf(result))?.deviation])),
	runs: result.runs.map(runJson),
});

/** `{version, task, notes, marks, results}`; the runs' ledgers are told by their names. Numbers that are none are absent. */
export const schemesJson = (comparison: SchemeComparison): string =>
	`${JSON.stringify(
		{
			version: 1,
			task: comparison.task,
			notes: comparison.notes,
			marks: schemeMarks(comparison),
			results: comparison.results.map(resultJson),
		},
		null,
		'\t',
	)}\n`;

/** A row for each scheme and seed. */
export const schemesCsv = ({results}: SchemeComparison): string =>
	csv(
		['scheme', 'seed', 'run', ...names, 'failure'],
		results.flatMap(({scheme, runs}) =>
			runs.map(({seed, ledger, failure}) => [
				scheme,
				seed,
				ledger?.run,
				...names.map(name => (ledger ? columns[name].of(ledger) : undefined)),
				failure,
			]),
		),
	);
