/** `fpl report`: where the time, the bytes and the energy of runs went. */
import {Command, Option} from 'commander';
import {runId} from '../../core/ids.js';
import type {Ledger} from '../../core/ledger/ledger.js';
import {compareText} from '../../reports/compare-text.js';
import {devicesCsv, inferenceCsv, roundsCsv} from '../../reports/csv.js';
import {compareJson, reportJson} from '../../reports/json.js';
import {reportText} from '../../reports/text.js';
import {brokerOption, formatOption, logOption, namespaceOption, stateOption} from '../options.js';
import {ledgerOfRun} from '../results.js';
import {print, terminalWidth} from '../terminal.js';

const formats = ['text', 'json', 'csv', 'html'] as const;

const tables = {devices: devicesCsv, rounds: roundsCsv, inference: inferenceCsv} as const;

interface ReportOptions {
	readonly format: (typeof formats)[number];
	readonly table: keyof typeof tables;
}

async function render({format, table}: ReportOptions, ledgers: readonly Ledger[]): Promise<string> {
	const [only] = ledgers;
	const single = ledgers.length === 1 ? only : undefined;
	const style = {width: terminalWidth()};
	switch (format) {
		case 'text':
			return single ? reportText(single, style) : compareText(ledgers, style);
		case 'json':
			return single ? reportJson(single) : compareJson(ledgers);
		case 'csv':
			return tables[table](ledgers);
		case 'html':
			return single
				? (await import('../../reports/html.js')).reportHtml(single)
				: (await import('../../reports/compare-html.js')).compareHtml(ledgers);
		default:
			return format satisfies never;
	}
}

export const reportCommand = (): Command =>
	new Command('report')
		.argument('<run...>', 'names of runs; several are compared')
		.summary('where time, bytes and energy of a run went')
		.description(
			'Reports where the time, the bytes and the energy of a run went, per device and phase; compares several runs. Looks in the state folder first, then asks the coordinator.',
		)
		.addOption(formatOption(...formats))
		.addOption(
			new Option('--table <table>', 'what a row of the CSV is: a phase of a device, a round, or an inference run')
				.choices(Object.keys(tables))
				.default('devices'),
		)
		.addOption(stateOption())
		.addOption(brokerOption())
		.addOption(namespaceOption())
		.addOption(logOption())
		.addHelpText(
			'after',
			`
Examples:
  fpl report lenet5-261121120000-1a2b
  fpl report lenet5-261121120000-1a2b --format html > report.html
  fpl report RUN-A RUN-B`,
		)
		.action(async (runs: string[], options: ReportOptions, command: Command) => {
			const ledgers: Ledger[] = [];
			for (const run of runs) {
				ledgers.push(await ledgerOfRun(command, runId(run, 'run')));
			}
			print(await render(options, ledgers));
		});
