/**
 * What runs notice of links: with all as devices say, and with one that is otherwise. One line of CSV per plan and fleet of agents.
 */
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {parseArgs} from 'node:util';
import {evaluate} from '../../../core/cost/evaluate.js';
import {devicesOf} from '../../../core/plan/fallback.js';
import {parseQuantity} from '../../../core/units.js';
import {noise} from '../../stages/pictures.js';
import {type Fleet, startFleet} from '../../stages/processes.js';
import {caseOf, inputOf, plansNamed} from '../truth/cases.js';
import {devices, emulationOf, profileOf} from '../truth/fleet.js';
import {jobFor} from '../truth/measure.js';
import {csvHead, csvLine, type LinkRate, type Row, readRows, summaries} from './table.js';

const directions = ['up', 'down'] as const;

/** What a run found out of links by its end, or thought for a while: it is kept beside the run, unless it is nothing. */
function foundBy(directory: string): readonly LinkRate[] {
	let kept: string;
	try {
		kept = readFileSync(path.join(directory, 'pace.json'), 'utf8');
	} catch {
		return [];
	}
	const {slowness} = JSON.parse(kept) as {readonly slowness: Readonly<Record<string, number>>};
	return devices.flatMap(device =>
		directions.flatMap(direction => {
			const factor = slowness[`${device}/${direction}`];
			const {upBytesPerSecond, downBytesPerSecond} = profileOf(device).link;
			const said = direction === 'up' ? upBytesPerSecond : downBytesPerSecond;
			return factor === undefined ? [] : [{link: `${device}/${direction}`, bytesPerSecond: said / factor}];
		}),
	);
}

export async function linksCommand(args: readonly string[]): Promise<void> {
	const {values} = parseArgs({
		args: [...args],
		options: {
			models: {type: 'string', default: 'lenet5'},
			plans: {type: 'string'},
			/** Steps of a run at least, and seconds that it is to take with links as devices say: time enough to notice something. */
			steps: {type: 'string', default: '10'},
			seconds: {type: 'string', default: '4'},
			/** Whose link is otherwise than it says, and how it is. */
			device: {type: 'string', default: 'cam-1'},
			up: {type: 'string'},
			down: {type: 'string'},
			/** Links as devices say (`declared`), or otherwise (`other`); both without. */
			only: {type: 'string'},
			/** CSV of earlier calls: their rows count for the summary too. */
			tables: {type: 'string'},
		},
	});
	const {device, down, only} = values;
	const up = values.up ?? (down === undefined ? '8 Mbit/s' : undefined);
	if (!devices.includes(device)) {
		throw new Error(`--device: expected one of ${devices.join(', ')}, got «${device}»`);
	}
	if (only !== undefined && only !== 'declared' && only !== 'other') {
		throw new Error(`--only: expected declared or other, got «${only}»`);
	}
	const written = {...(up !== undefined && {up}), ...(down !== undefined && {down})};
	const otherwise = Object.entries(written).map(
		([direction, rate]): LinkRate => ({
			link: `${device}/${direction}`,
			bytesPerSecond: parseQuantity('rate', rate, `--${direction}`),
		}),
	);
	const rows: Row[] = [];
	const take = (row: Row) => {
		rows.push(row);
		console.log(csvLine(row));
	};
	console.log(csvHead);
	for (const file of values.tables?.split(',') ?? []) {
		readRows(readFileSync(file, 'utf8')).forEach(take);
	}
	const models = values.models.split(',').filter(model => model !== '');
	const kinds = [...(only === 'other' ? [] : [[]]), ...(only === 'declared' ? [] : [otherwise])];
	for (const kind of models.length === 0 ? [] : kinds) {
		const folder = mkdtempSync(path.join(os.tmpdir(), 'fpl-links-'));
		const emulate = (name: string) => ({
			...emulationOf(name),
			...(kind.length > 0 && name === device && {really: written}),
		});
		let fleet: Fleet | undefined;
		try {
			fleet = await startFleet(folder, devices, {emulate});
			for (const model of models) {
				const task = caseOf(model);
				const data = path.join(folder, model);
				const least = Number(values.steps);
				const plans = plansNamed(task, values.plans).map(one => {
					const {seconds} = evaluate(inputOf(task, one, jobFor(task, one, {data, steps: least})));
					const steps = Math.ceil(least * Math.max(1, Number(values.seconds) / seconds));
					return {one, steps};
				});
				noise(data, task.shape, task.batch * Math.max(...plans.map(({steps}) => steps)));
				for (const {one, steps} of plans) {
					const {directory} = await fleet.run(jobFor(task, one, {data, steps}), one.plan);
					const concerned = devicesOf(one.plan).includes(device);
					take({model, plan: one.name, otherwise: kind, found: foundBy(directory), concerned});
				}
			}
		} finally {
			await fleet?.close();
			rmSync(folder, {recursive: true, force: true});
		}
	}
	console.log(`\n${summaries(rows).join('\n')}`);
}
