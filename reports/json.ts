/** Reports for programs. */
import type {Ledger} from '../core/ledger/ledger.js';
import {honestMarks, summarise} from './summary.js';

/**
 * One ledger as indented JSON: `{version, summary, marks, ledger}`. `ledger` is the whole ledger as stored, `summary` the
 * totals of the head of a report in base units, `marks` the sentences about what is modelled, emulated or predicted.
 * Numbers that are none (a loss that diverged) are null.
 */
export const reportJson = (ledger: Ledger): string =>
	`${JSON.stringify({version: 1, summary: summarise(ledger), marks: honestMarks(ledger), ledger}, null, '\t')}\n`;

/** Several ledgers as a JSON list of what `reportJson` writes, in the order given. */
export const compareJson = (ledgers: readonly Ledger[]): string =>
	`${JSON.stringify(
		ledgers.map(ledger => ({version: 1, summary: summarise(ledger), marks: honestMarks(ledger), ledger})),
		null,
		'\t',
	)}\n`;
