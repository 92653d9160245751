/** What a simulation found, beside what was predicted: as text, data and a page. */
import type {TrainingCosts} from '../../core/cost/episode.js';
import type {Evaluation} from '../../core/cost/evaluate.js';
import {phases, type Timeline} from '../../core/ledger/ledger.js';
import type {Simulation} from '../../planners/simulator/simulate.js';
import {byteCount, duration, energy, integer, percent} from '../../reports/format.js';
import {markup} from '../../reports/html/markup.js';
import {cards, htmlTable, page} from '../../reports/html/page.js';
import {timelineLines} from '../../reports/timeline.js';
import {print, printTable, terminalWidth} from '../terminal.js';

export interface Simulated {
	readonly simulation: Simulation;
	readonly evaluation: Evaluation;
	readonly training: TrainingCosts;
	/** Who says how many items there are. */
	readonly items: string;
}

/** Below so many steps a percentile says nothing. */
const enough = 20;

const rankOf = (sorted: readonly number[], part: number): number =>
	sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))]!;

/** Seconds of the steps that were played. */
function spread({played}: Simulation) {
	const sorted = [...played].sort((a, b) => a - b);
	return {
		mean: sorted.reduce((sum, one) => sum + one, 0) / sorted.length,
		p50: rankOf(sorted, 0.5),
		p95: rankOf(sorted, 0.95),
	};
}

const difference = (simulated: number, predicted: number): number =>
	predicted === simulated ? 0 : predicted / simulated - 1;

const signed = (part: number): string => `${part >= 0 ? '+' : '−'}${percent(Math.abs(part))}`;

const measures = {
	step: {of: one => one.stepSeconds, text: duration},
	run: {of: one => one.seconds, text: duration},
	bytes: {of: one => one.bytes, text: byteCount},
	energy: {of: one => one.joules, text: energy},
} as const satisfies Record<
	string,
	{readonly of: (one: Simulation | Evaluation) => number; readonly text: (value: number) => string}
>;

const rows = ({simulation, evaluation}: Simulated): string[][] =>
	Object.entries(measures).map(([name, {of, text}]) => [
		name,
		text(of(simulation)),
		text(of(evaluation)),
		signed(difference(of(simulation), of(evaluation))),
	]);

const columns = ['', 'simulated', 'predicted', 'difference'];

function timelineOf({passes, stepSeconds}: Simulation): Timeline {
	return {
		step: 0,
		milliseconds: 1000 * stepSeconds,
		oneClock: true,
		passes: passes.map(({from, to, ...pass}) => ({...pass, from: 1000 * from, to: 1000 * to})),
	};
}

const active = phases.filter(phase => phase !== 'idle');
const kinds = {compute: 'computing', up: 'its link up', down: 'its link down'} as const;

const deviceRows = ({devices, seconds}: Simulation): string[][] =>
	devices.map(device => [
		device.device,
		device.role,
		...active.map(phase => percent(seconds > 0 ? device.phases[phase].seconds / seconds : 0)),
		byteCount(device.bytesSent),
		byteCount(device.bytesReceived),
		energy(device.joules),
	]);

const deviceColumns = ['device', 'does', ...active, 'sent', 'received', 'energy'];

const headline = ({simulation: {plan, played, steps}, training, items}: Simulated): string =>
	`${plan.scheme} · ${plan.model} · ${integer(steps)} steps, ${integer(played.length)} of them played · ${integer(training.samples)} items (${items})`;

function remarks({simulation}: Simulated): string[] {
	const {device, kind, busy} = simulation.bottleneck;
	const {mean, p50, p95} = spread(simulation);
	return [
		...(simulation.played.length >= enough
			? [`steps: mean ${duration(mean)}, half of them within ${duration(p50)}, 95 % within ${duration(p95)}`]
			: []),
		`bottleneck: ${device}, ${kinds[kind]} for ${percent(busy)} of a step`,
	];
}

export function printSimulation(both: Simulated): void {
	const {simulation} = both;
	const right = {align: 'right'} as const;
	print(`${headline(both)}\n`);
	printTable(
		columns.map((title, index) => (index === 0 ? {title} : {title, ...right})),
		rows(both),
	);
	print(`\n${remarks(both).join('\n')}\n`);
	printTable(
		deviceColumns.map((title, index) => (index < 2 ? {title} : {title, ...right})),
		deviceRows(simulation),
	);
	const lines = timelineLines(timelineOf(simulation), {width: terminalWidth()});
	if (lines.length > 0) {
		print(`\n${lines.join('\n')}`);
	}
}

export function simulationJson(both: Simulated) {
	const {simulation, evaluation, training, items} = both;
	const {plan, played: _, ...simulated} = simulation;
	const figures = Object.entries(measures).map(
		([name, {of}]) =>
			[name, {predicted: of(evaluation), difference: difference(of(simulation), of(evaluation))}] as const,
	);
	return {
		scheme: plan.scheme,
		model: plan.model,
		items: {count: training.samples, from: items},
		simulated: {...simulated, stepsPlayed: simulation.played.length, ...spread(simulation)},
		predicted: Object.fromEntries(figures),
	};
}

const csvCell = (value: string | number): string =>
	/[",\n]/u.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);

/** A row per device; seconds of the whole run. */
export function simulationCsv({simulation}: Simulated): string {
	const head = ['device', 'role', ...active.map(phase => `${phase}_s`), 'bytes_sent', 'bytes_received', 'joules'];
	const lines = simulation.devices.map(device => [
		device.device,
		device.role,
		...active.map(phase => device.phases[phase].seconds),
		Math.round(device.bytesSent),
		Math.round(device.bytesReceived),
		device.joules,
	]);
	return [head, ...lines].map(line => line.map(csvCell).join(',')).join('\n');
}

/** A page that is complete in itself. */
export async function simulationHtml(both: Simulated): Promise<string> {
	const {gantt} = await import('../../reports/html/gantt.js');
	const {simulation} = both;
	const table = (caption: string, titles: readonly string[], texts: number, cells: readonly string[][]) =>
		htmlTable(
			caption,
			titles.map((title, index) => ({title, text: index < texts})),
			cells,
		);
	return page(
		`Simulation: ${simulation.plan.scheme}`,
		markup`<h1>${simulation.plan.scheme}</h1>
<p>${headline(both)}</p>
${cards(rows(both).map(([title, value, predicted, off]) => ({title: title!, value: value!, remark: `predicted ${predicted}, ${off}`})))}
<div class="pictures">${gantt(timelineOf(simulation))}</div>
${table('What each device does', deviceColumns, 2, deviceRows(simulation))}
<p>${remarks(both).join('; ')}.</p>
`,
	);
}
