/** One task done by several schemes: what each reached and cost, over one or several seeds; the ground of all its forms. */
import type {DeviceLedger, Ledger} from '../../core/ledger/ledger.js';
import {against, type ComparedMetric, metrics} from '../compare/compare.js';
import {dash, enumerate} from '../format.js';
import {honestMarks} from '../summary.js';

/** One run of a scheme: its ledger, or why there is none. */
export interface SchemeRun {
	readonly seed: number;
	readonly ledger?: Ledger;
	readonly failure?: string;
}

export interface SchemeResult {
	/** Its name in jobs: «fpl-aligned». */
	readonly scheme: string;
	/** In words. */
	readonly description: string;
	/** One for each seed. */
	readonly runs: readonly SchemeRun[];
}

export interface SchemeComparison {
	/** What all of them did: «sensor-cnn on vibration, 3 epochs». */
	readonly task: string;
	/** What a reader must know to judge the numbers. */
	readonly notes: readonly string[];
	readonly results: readonly SchemeResult[];
}

/** What is compared, in the order of importance. */
export const schemeMetrics: readonly ComparedMetric[] = [
	metrics.accuracy,
	metrics.testLoss,
	metrics.training,
	metrics.bytes,
	metrics.energy,
	metrics.devices,
	metrics.steps,
];

/** Ledgers of the runs that came to their end. */
export const ledgersOf = ({runs}: SchemeResult): readonly Ledger[] =>
	runs.flatMap(({ledger}) => (ledger === undefined ? [] : [ledger]));

export interface Spread {
	readonly mean: number;
	/** Standard deviation over the seeds (n − 1); undefined of a single one. */
	readonly deviation: number | undefined;
}

/** Undefined where no run has the number. */
export function spreadOf({of}: ComparedMetric, ledgers: readonly Ledger[]): Spread | undefined {
	const values = ledgers.map(of).filter(value => value !== undefined && Number.isFinite(value)) as number[];
	if (values.length === 0) {
		return undefined;
	}
	const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
	const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
	return {mean, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : undefined};
}

/** Smaller deviations, relative to the mean, are not told: a few bytes in many millions. */
const leastDeviation = 5e-4;

/** The cells of a scheme, in the order of `schemeMetrics`; ratios are to the first scheme that has the number. */
export function schemeCells(result: SchemeResult, all: readonly SchemeResult[]): string[] {
	const ledgers = ledgersOf(result);
	if (ledgers.length === 0) {
		return schemeMetrics.map((_, index) => (index === 0 ? 'failed' : dash));
	}
	return schemeMetrics.map(metric => {
		const own = spreadOf(metric, ledgers);
		const base = all.map(other => ({other, spread: spreadOf(metric, ledgersOf(other))})).find(({spread}) => spread);
		const relative = metric.relative && base?.other !== result;
		const spread = own?.deviation !== undefined && own.deviation >= leastDeviation * Math.abs(own.mean);
		const write = (value: number | undefined) =>
			spread ? `${metric.write(value)} ± ${metric.write(own.deviation)}` : metric.write(value);
		return relative ? against(write, own?.mean, base?.spread?.mean) : write(own?.mean);
	});
}

/** «split-fed, seed 2: …» for every run that failed; a reason that many seeds share is told once. */
export const failuresOf = ({results}: SchemeComparison): string[] =>
	results.flatMap(({scheme, runs}) => {
		const failed = runs.filter(({failure}) => failure !== undefined);
		const reasons = [...new Set(failed.map(({failure}) => failure!))];
		return reasons.map(reason => {
			const seeds = failed.filter(({failure}) => failure === reason).map(({seed}) => String(seed));
			const which = runs.length === 1 ? '' : `, seed${seeds.length > 1 ? 's' : ''} ${enumerate(seeds)}`;
			return `${scheme}${which}: ${reason}`;
		});
	});

/** Ledgers that are drawn, one for each scheme that has any: that of its first seed. */
export const drawn = ({results}: SchemeComparison): ReadonlyArray<{readonly name: string; readonly ledger: Ledger}> =>
	results.flatMap(result =>
		ledgersOf(result)
			.slice(0, 1)
			.map(ledger => ({name: result.scheme, ledger})),
	);

/** The devices of all ledgers, each once, with the joules of all its runs. */
function everyDevice(ledgers: readonly Ledger[]): DeviceLedger[] {
	const devices = new Map<string, DeviceLedger>();
	for (const {codecs: _, ...device} of ledgers.flatMap(ledger => ledger.devices)) {
		const before = devices.get(device.device);
		devices.set(device.device, before ? {...before, joules: before.joules + device.joules} : device);
	}
	return [...devices.values()];
}

/** The honest marks: of codecs by scheme, of where joules come from and what is emulated for all runs together. */
export function schemeMarks({results}: SchemeComparison): string[] {
	const ledgers = results.flatMap(ledgersOf);
	const overflows = results.flatMap(result =>
		ledgersOf(result).flatMap(ledger =>
			honestMarks(ledger)
				.filter(mark => mark.startsWith('!'))
				.map(mark => `${mark} (${result.scheme})`),
		),
	);
	const [first] = ledgers;
	return [...new Set(overflows), ...(first ? honestMarks({...first, devices: everyDevice(ledgers)}) : [])];
}
