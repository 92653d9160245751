/** The tables of a prediction held against a run, as cells of text: for the terminal and for the page. */
import type {Alternative, Prediction} from '../../core/ledger/prediction.js';
import {byteCount, dollars, duration, energy} from '../format.js';
import {bottleneckText, checkedPhases, type DeviceCheck, errorText, type Pair, type PredictionCheck} from './check.js';

/** As in `Column`. */
export interface CheckColumn {
	readonly title: string;
	readonly expendable?: number;
	readonly wraps?: number;
	readonly text?: boolean;
}

/** What the plan was chosen for, as a clause. */
export const chosenFor = ({objective}: Prediction): string =>
	objective === undefined ? 'The plan was given' : `Planned for least ${objective}`;

const pairCells = (pair: Pair, write: (value: number | undefined) => string): string[] => [
	write(pair.predicted),
	write(pair.measured),
	errorText(pair),
];

export const totalColumns: readonly CheckColumn[] = [
	{title: 'Prediction', text: true},
	{title: 'predicted'},
	{title: 'measured'},
	{title: 'error'},
];

export const totalRows = ({step, seconds, bytes, joules, busyJoules}: PredictionCheck): string[][] => [
	['a step', ...pairCells(step, duration)],
	['all steps', ...pairCells(seconds, duration)],
	['bytes', ...pairCells(bytes, byteCount)],
	['energy', ...pairCells(joules, energy)],
	['energy, busy', ...pairCells(busyJoules, energy)],
];

/** One sentence each about who holds a step up, predicted and measured. */
export function bottleneckLines({bottleneck: {predicted, measured}}: PredictionCheck): string[] {
	const same = measured && measured.device === predicted.device && measured.kind === predicted.kind;
	return [
		`Bottleneck predicted: ${bottleneckText(predicted)}.`,
		...(measured ? [`Bottleneck measured: ${same ? 'the same, ' : ''}${bottleneckText(measured)}.`] : []),
	];
}

export const deviceColumns: readonly CheckColumn[] = [
	{title: 'Device', text: true},
	{title: 'which is', text: true},
	{title: 'compute'},
	{title: 'send', expendable: 3},
	{title: 'receive', expendable: 3},
	{title: 'rest', expendable: 4},
	{title: 'energy'},
	{title: 'computing', expendable: 2},
	{title: 'sent', expendable: 1},
	{title: 'received', expendable: 1},
];

const pairsOf = ({seconds, phaseJoules, joules, sent, received}: DeviceCheck) =>
	[
		...checkedPhases.map(phase => [seconds[phase], duration] as const),
		[joules, energy] as const,
		[phaseJoules.compute, energy] as const,
		[sent, byteCount] as const,
		[received, byteCount] as const,
	] satisfies (readonly [Pair, (value: number | undefined) => string])[];

/** Three rows for each device: predicted, measured and the error; a single one where it was only the one or the other. */
export const deviceRows = ({devices}: PredictionCheck): string[][] =>
	devices.flatMap(check => {
		const name = check.emulated ? `${check.device} ~` : check.device;
		const pairs = pairsOf(check);
		const known = (which: keyof Pair) => check.joules[which] !== undefined;
		const rows = [
			...(known('predicted') ? [['predicted', ...pairs.map(([{predicted}, write]) => write(predicted))]] : []),
			...(known('measured') ? [['measured', ...pairs.map(([{measured}, write]) => write(measured))]] : []),
			...(known('predicted') && known('measured') ? [['error', ...pairs.map(([pair]) => errorText(pair))]] : []),
		];
		return rows.map((cells, index) => [index === 0 ? name : '', ...cells]);
	});

const isPriced = ({alternatives}: Prediction): boolean => alternatives.some(one => one.dollars > 0);

export const alternativeColumns = (prediction: Prediction): readonly CheckColumn[] => [
	{title: 'Plan weighed', text: true, wraps: 16},
	{title: 'time'},
	{title: 'bytes', expendable: 1},
	{title: 'energy'},
	...(isPriced(prediction) ? [{title: 'money', expendable: 2}] : []),
	{title: 'which is', text: true, wraps: 14},
];

const verdict = ({chosen, feasible, because}: Alternative): string =>
	chosen ? 'chosen' : [feasible ? undefined : 'not feasible', because].filter(Boolean).join(': ');

/** With how many times the chosen plan each of them costs. */
export function alternativeRows(prediction: Prediction): string[][] {
	const {alternatives} = prediction;
	const priced = isPriced(prediction);
	const base = alternatives.find(({chosen}) => chosen);
	const cell = (write: (value: number | undefined) => string, own: number, first: number | undefined) =>
		first !== undefined && first > 0 && own !== first
			? `${write(own)} (${Number((own / first).toPrecision(3))}×)`
			: write(own);
	return alternatives.map(one => [
		one.scheme,
		cell(duration, one.seconds, base?.seconds),
		cell(byteCount, one.bytes, base?.bytes),
		cell(energy, one.joules, base?.joules),
		...(priced ? [dollars(one.dollars)] : []),
		verdict(one),
	]);
}
