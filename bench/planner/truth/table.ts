/** Rows of predicted and measured figures as CSV, and what they say together. Pure. */
import {median} from '../figures.js';

export interface Row {
	readonly model: string;
	readonly plan: string;
	/** Of one step, or of one round where replicas train on their own; exchanges between steps belong to them in equal parts. */
	readonly predictedMs: number;
	readonly measuredMs: number;
	readonly predictedBytes: number;
	readonly measuredBytes: number;
	/** Part of a usual step by which this machine was slower than the devices that it played, ≥ 0. */
	readonly late: number;
}

export const csvHead =
	'model,plan,predicted_ms,measured_ms,error_percent,predicted_bytes,measured_bytes,bytes_error_percent,late_percent';

/** Beyond this a row says more of this machine than of the plan. */
export const mostLate = 0.02;

export const errorOf = (predicted: number, measured: number): number => (predicted - measured) / measured;

/** The checkpoint at the end of a long epoch is predicted as some bytes of each of its steps; what is measured ends before it. */
const mostOfCheckpoint = 1000;

/** One device alone sends nothing in a step. */
const bytesErrorOf = ({predictedBytes, measuredBytes}: Row): number =>
	measuredBytes === 0 && predictedBytes < mostOfCheckpoint ? 0 : errorOf(predictedBytes, measuredBytes);

export const csvLine = (row: Row): string =>
	[
		row.model,
		row.plan,
		row.predictedMs.toFixed(2),
		row.measuredMs.toFixed(2),
		(100 * errorOf(row.predictedMs, row.measuredMs)).toFixed(2),
		Math.round(row.predictedBytes),
		Math.round(row.measuredBytes),
		(100 * bytesErrorOf(row)).toFixed(3),
		(100 * row.late).toFixed(2),
	].join();

/** Rows of a table that was printed before; other lines are passed over. */
export const readRows = (text: string): readonly Row[] =>
	text.split('\n').flatMap((line): Row[] => {
		const fields = line.trim().split(',');
		const [model = '', plan = '', predictedMs, measuredMs, , predictedBytes, measuredBytes, , late] = fields;
		return fields.length === csvHead.split(',').length && model !== 'model'
			? [
					{
						model,
						plan,
						predictedMs: Number(predictedMs),
						measuredMs: Number(measuredMs),
						predictedBytes: Number(predictedBytes),
						measuredBytes: Number(measuredBytes),
						late: Number(late) / 100,
					},
				]
			: [];
	});

/** Kendall's τ-b of two rankings of the same things: 1 where both order all pairs alike, −1 where one is the other reversed. */
export function kendallTau(first: readonly number[], second: readonly number[]): number {
	let agreeing = 0;
	let untiedFirst = 0;
	let untiedSecond = 0;
	for (let one = 0; one < first.length; one++) {
		for (let other = one + 1; other < first.length; other++) {
			const a = Math.sign(first[one]! - first[other]!);
			const b = Math.sign(second[one]! - second[other]!);
			agreeing += a * b;
			untiedFirst += a * a;
			untiedSecond += b * b;
		}
	}
	return agreeing / Math.sqrt(untiedFirst * untiedSecond);
}

function summary(name: string, rows: readonly Row[]): string {
	const sizes = (of: (row: Row) => number) => rows.map(row => Math.abs(of(row)) * 100);
	const times = sizes(row => errorOf(row.predictedMs, row.measuredMs));
	const bytes = sizes(bytesErrorOf);
	const tau = kendallTau(
		rows.map(({predictedMs}) => predictedMs),
		rows.map(({measuredMs}) => measuredMs),
	);
	const late = rows.filter(row => row.late > mostLate);
	return [
		`${name}: ${rows.length} plans`,
		`step time off by ${median(times).toFixed(1)} % (median), ${Math.max(...times).toFixed(1)} % (worst)`,
		`bytes off by ${median(bytes).toFixed(2)} % (median), ${Math.max(...bytes).toFixed(2)} % (worst)`,
		`Kendall τ ${tau.toFixed(3)}`,
		...(late.length > 0 ? [`this machine was too slow in ${late.map(({plan}) => plan).join(', ')}`] : []),
	].join('; ');
}

/** A sentence per model, and one over all. Rankings are compared within models; over all, τ is of all rows together. */
export function summaries(rows: readonly Row[]): readonly string[] {
	if (rows.length < 2) {
		return [];
	}
	const models = [...new Set(rows.map(({model}) => model))];
	const perModel = models.map(model => rows.filter(row => row.model === model)).filter(({length}) => length > 1);
	return [...perModel.map(own => summary(own[0]!.model, own)), ...(models.length > 1 ? [summary('all', rows)] : [])];
}
