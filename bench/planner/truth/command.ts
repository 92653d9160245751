/**
 * What is predicted beside what is measured: plans for emulated devices, run by real agents over a real broker. One line of CSV
 * per model and plan, then errors and the agreement of the rankings.
 */
import {appendFileSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {parseArgs} from 'node:util';
import {noise} from '../../stages/pictures.js';
import {startFleet} from '../../stages/processes.js';
import {caseOf, plansNamed} from './cases.js';
import {devices, emulationOf} from './fleet.js';
import {measure} from './measure.js';
import {csvHead, csvLine, type Row, readRows, summaries} from './table.js';

export async function truthCommand(args: readonly string[]): Promise<void> {
	const {values} = parseArgs({
		args: [...args],
		options: {
			models: {type: 'string', default: 'lenet5,cnn-small,sensor-cnn'},
			plans: {type: 'string'},
			steps: {type: 'string', default: '10'},
			/** Appends one JSON object per row: devices and phases. */
			details: {type: 'string'},
			/** CSV of earlier calls: their rows count for the summary too. */
			tables: {type: 'string'},
		},
	});
	const before = (values.tables?.split(',') ?? []).flatMap(file => readRows(readFileSync(file, 'utf8')));
	const rows: Row[] = [...before];
	console.log(csvHead);
	for (const row of before) {
		console.log(csvLine(row));
	}
	const models = values.models.split(',').filter(model => model !== '');
	if (models.length > 0) {
		const folder = mkdtempSync(path.join(os.tmpdir(), 'fpl-truth-'));
		const fleet = await startFleet(folder, devices, {emulate: emulationOf, logLevel: 'debug'});
		try {
			for (const model of models) {
				const task = caseOf(model);
				const data = noise(path.join(folder, model), task.shape, task.batch * Number(values.steps));
				for (const one of plansNamed(task, values.plans)) {
					const {row, details} = await measure(fleet, task, one, {data, steps: Number(values.steps)});
					rows.push(row);
					console.log(csvLine(row));
					if (values.details !== undefined) {
						appendFileSync(values.details, `${JSON.stringify(details)}\n`);
					}
				}
			}
		} finally {
			await fleet.close();
			rmSync(folder, {recursive: true, force: true});
		}
	}
	console.log(`\n${summaries(rows).join('\n')}`);
}
