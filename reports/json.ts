/** Reports for programs. */
import type {Ledger} from '../core/ledger/ledger.js';
import type {Prediction} from '../core/ledger/prediction.js';
import {predictionData} from './predicted/data.js';
import {honestMarks, summarise} from './summary.js';

const dataOf = (ledger: Ledger, prediction: Prediction | undefined) => ({
	version: 1,
	summary: summarise(ledger),
	marks: honestMarks(ledger),
	...(prediction && {prediction: predictionData(ledger, prediction)}),
	ledger,
});

/**
 * One ledger as indented JSON: `{version, summary, marks, prediction?, ledger}`. `ledger` is the whole ledger as stored,
 * `summary` the totals of the head of a report in base units, `marks` the sentences about what is modelled, emulated or
 * predicted, `prediction` what was predicted of the run against what was measured. Numbers that are none (a loss that
 * diverged) are null.
 */
export const reportJson = (ledger: Ledger, prediction?: Prediction): string =>
	`${JSON.stringify(dataOf(ledger, prediction), null, '\t')}\n`;

/** Several ledgers as a JSON list of what `reportJson` writes, in the order given. */
export const compareJson = (
	ledgers: readonly Ledger[],
	predictions: readonly (Prediction | undefined)[] = [],
): string =>
	`${JSON.stringify(
		ledgers.map((ledger, index) => dataOf(ledger, predictions[index])),
		null,
		'\t',
	)}\n`;
