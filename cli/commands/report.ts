/** `fpl report`: where the time, the bytes and the energy of runs went, against what was predicted of them. */
import {Command, Option} from 'commander';
import {runId} from '../../core/ids.js';
import {runsCsv} from '../../reports/compare/data.js';
import {compareText} from '../../reports/compare/text.js';
import {devicesCsv, inferenceCsv, roundsCsv} from '../../reports/csv.js';
import {compareJson, reportJson} from '../../reports/json.js';
import {type PredictedRun, predictionsCsv} from '../../reports/predicted/data.js';
import {reportText} from '../../reports/text.js';
import {brokerOption, formatOption, logOption, namespaceOption, stateOption} from '../options.js';
import {ledgerOfRun, predictionOfRun} from '../results.js';
import {print, terminalWidth} from '../terminal.js';

const formats = ['text', 'json', 'csv', 'html'] as const;

const ledgersOf = (runs: readonly PredictedRun[]) => runs.map(({ledger}) => ledger);

const tables = {
	devices: runs => devicesCsv(ledgersOf(runs)),
	rounds: runs => roundsCsv(ledgersOf(runs)),
	runs: runsCsv,
	predictions: predictionsCsv,
	inference: runs => inferenceCsv(ledgersOf(runs)),
} as const satisfies Record<string, (runs: readonly PredictedRun[]) => string>;

interface ReportOptions {
	readonly format: (typeof formats)[number];
	readonly table: keyof typeof tables;
}

async function render({format, table}: ReportOptions, runs: readonly PredictedRun[]): Promise<string> {
	const [only] = runs;
	const single = runs.length === 1 ? only : undefined;
	const style = {width: terminalWidth()};
	switch (format) {
		case 'text':
			return single
				? reportText(single.ledger, {...style, prediction: single.prediction})
				: compareText(ledgersOf(runs), style);
		case 'json':
			return single
				? reportJson(single.ledger, single.prediction)
				: compareJson(
						ledgersOf(runs),
						runs.map(({prediction}) => prediction),
					);
		case 'csv':
			return tables[table](runs);
		case 'html':
			return single
				? (await import('../../reports/html.js')).reportHtml(single.ledger, single.prediction)
				: (await import('../../reports/compare/html.js')).compareHtml(ledgersOf(runs));
		default:
			return format satisfies never;
	}
}

export const reportCommand = (): Command =>
	new Command('report')
		.argument('<run...>', 'names of runs; several are compared')
		.summary('where time, bytes and energy of a run went')
		.description(
			'Reports where the time, the bytes and the energy of a run went, per device and phase, against what was predicted of it; compares several runs. Looks in the state folder first, then asks the coordinator.',
		)
		.addOption(formatOption(...formats))
		.addOption(
			new Option(
				'--table <table>',
				'what a row of the CSV is: a phase of a device, a round, a run, a predicted quantity, or an inference run',
			)
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
  fpl report lenet5-261121120000-1a2b --format csv --table predictions
  fpl report RUN-A RUN-B`,
		)
		.action(async (names: string[], options: ReportOptions, command: Command) => {
			const runs: PredictedRun[] = [];
			for (const name of names) {
				const run = runId(name, 'run');
				runs.push({ledger: await ledgerOfRun(command, run), prediction: await predictionOfRun(command, run)});
			}
			print(await render(options, runs));
		});
