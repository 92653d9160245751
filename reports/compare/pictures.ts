/** The pictures of a comparison: how fast each run learned for its time, bytes and joules, and where those went. */
import {type Ledger, type Phase, phases, type RoundRecord} from '../../core/ledger/ledger.js';
import {byteCount, duration, energy, loss} from '../format.js';
import {bars, type Part} from '../html/bars.js';
import {bytesMoved, curve, curvePlot, joulesSpent, type Point, percentOf, points} from '../html/curves.js';
import {type AxisUnit, axisUnit, byteUnits, figure, jouleUnits, timeUnits} from '../html/figure.js';
import type {Markup} from '../html/markup.js';
import {isModelled, summarise} from '../summary.js';
import {ledgerNames, metrics} from './compare.js';

/** As many as there are colours that can be told apart; so many more are dotted. */
const colours = 6;
const mostCurves = 2 * colours;

interface CurvesOptions {
	readonly title: string;
	/** Where each round of a ledger stands on the horizontal axis, in base units. */
	readonly along: (ledger: Ledger) => readonly number[];
	readonly units: readonly AxisUnit[];
	readonly y: (record: RoundRecord) => number | undefined;
	readonly yLabel: string;
	readonly write: (value: number) => string;
	readonly domain?: readonly [number, number];
	readonly caption?: string | undefined;
	readonly names: readonly string[];
}

function curves(ledgers: readonly Ledger[], options: CurvesOptions): Markup | undefined {
	const {title, along, units, y, yLabel, write, domain, caption, names} = options;
	const shown = ledgers.slice(0, mostCurves);
	const positions = shown.map(along);
	const largest = Math.max(0, ...positions.map(list => list.at(-1) ?? 0));
	const unit = axisUnit(largest, units);
	const series = shown.map((ledger, index): Point[] =>
		points(ledger.rounds, (_, round) => positions[index]![round]! / unit.factor, y, write),
	);
	if (!(largest > 0) || series.every(data => data.length === 0)) {
		return undefined;
	}
	const remarks = [caption, ledgers.length > shown.length ? `The first ${shown.length} runs.` : undefined];
	const remark = remarks.filter(text => text !== undefined).join(' ');
	const colour = (index: number) => `var(--series-${(index % colours) + 1})`;
	const remarkOn = ({kind}: Ledger, index: number) => {
		const remarks = [
			...(kind === 'predicted' && !names[index]!.includes(kind) ? ['predicted'] : []),
			...(index >= colours ? ['dotted'] : []),
		];
		return remarks.length > 0 ? ` (${remarks.join(', ')})` : '';
	};
	return figure({
		title,
		description: `${title} of ${shown.length} runs`,
		legend: shown.map((ledger, index) => ({
			text: `${names[index]}${remarkOn(ledger, index)}`,
			colour: colour(index),
		})),
		...(remark !== '' && {caption: remark}),
		draw: curvePlot(
			unit.name,
			yLabel,
			series.flatMap((data, index) =>
				curve(data, colour(index), {dashed: shown[index]!.kind === 'predicted', dotted: index >= colours}),
			),
			domain,
		),
	});
}

interface Named {
	readonly name: string;
	readonly ledger: Ledger;
}

const phaseParts = (of: (ledger: Ledger, phase: Phase) => number): Part<Named>[] =>
	phases.map(phase => ({text: phase, colour: `var(--${phase})`, of: ({ledger}) => of(ledger, phase)}));

/**
 * Every picture for which the ledgers have numbers.
 * @param names of the ledgers, different from each other.
 */
export function comparePictures(ledgers: readonly Ledger[], names: readonly string[] = ledgerNames(ledgers)): Markup[] {
	const items: Named[] = ledgers.map((ledger, index) => ({name: names[index]!, ledger}));
	const common = {items, plural: 'runs', name: ({name}: Named) => name};
	const modelled = ledgers.some(({devices}) => devices.some(isModelled))
		? 'The energy is modelled, wholly or in part.'
		: undefined;
	const accuracy = {
		y: percentOf,
		yLabel: '%',
		write: (value: number) => `${value.toFixed(1)} %`,
		domain: [0, 100],
	} as const;
	const drawn = [
		curves(ledgers, {
			names,
			title: 'Training loss over time',
			along: ({rounds}) => rounds.map(({at}) => at),
			units: timeUnits,
			y: record => record.loss,
			yLabel: 'loss',
			write: loss,
		}),
		curves(ledgers, {
			names,
			...accuracy,
			title: 'Accuracy over time',
			along: ({rounds}) => rounds.map(({at}) => at),
			units: timeUnits,
		}),
		curves(ledgers, {
			names,
			...accuracy,
			title: 'Accuracy against bytes',
			along: ({rounds}) => bytesMoved(rounds),
			units: byteUnits,
		}),
		curves(ledgers, {
			names,
			...accuracy,
			title: 'Accuracy against energy',
			along: ({rounds}) => joulesSpent(rounds),
			units: jouleUnits,
			caption: modelled,
		}),
		bars({
			...common,
			title: 'Time to the end',
			parts: [
				{text: 'training', colour: 'var(--compute)', of: ({ledger}) => metrics.training.of(ledger)},
				{
					text: 'getting ready',
					colour: 'var(--idle)',
					of: ({ledger}) => Math.max(0, ledger.seconds - metrics.training.of(ledger)),
				},
			],
			write: duration,
			units: timeUnits,
		}),
		bars({
			...common,
			title: 'Device time by phase',
			parts: phaseParts((ledger, phase) => summarise(ledger).phases[phase].seconds),
			write: duration,
			units: timeUnits,
			caption: 'The sum over all devices.',
		}),
		bars({
			...common,
			title: 'Energy by phase',
			parts: phaseParts((ledger, phase) => summarise(ledger).phases[phase].joules),
			write: energy,
			units: jouleUnits,
			caption: ['The sum over all devices.', modelled].filter(text => text !== undefined).join(' '),
		}),
		bars({
			...common,
			title: 'Bytes moved',
			parts: [{text: 'each transfer counted once', colour: 'var(--send)', of: ({ledger}) => summarise(ledger).bytes}],
			write: byteCount,
			units: byteUnits,
		}),
	];
	return drawn.filter(picture => picture !== undefined);
}
