/** What the planner found, as people read it: costs, why, what it was chosen from. */
import type {Evaluation} from '../../core/cost/evaluate.js';
import {phases} from '../../core/ledger/ledger.js';
import type {Breakdown} from '../../planners/breakdown.js';
import type {Change} from '../../planners/explain.js';
import {amountsOf, timesOf} from '../../planners/objective.js';
import {otherwise, withHaste} from '../../planners/plan-job.js';
import {type Amounts, type Findings, type Measure, measures} from '../../planners/problem.js';
import {byteCount, dollars, duration, energy, fraction, percent} from '../../reports/format.js';
import {leastSentence, print, printProse, printTable} from '../terminal.js';
import type {Searched} from './search.js';
import type {WhatIf} from './what-if.js';

const write = {time: duration, bytes: byteCount, energy, money: dollars} as const satisfies Record<
	Measure,
	(value: number) => string
>;

const kindText = {compute: 'computing', up: 'its link up', down: 'its link down'} as const;

/** «step 12 ms · 96 steps · 1.2 s · 34 MB · 12 J». */
export function costLine({stepSeconds, steps, ...evaluation}: Evaluation): string {
	const {time, bytes, energy: joules, money} = amountsOf({stepSeconds, steps, ...evaluation});
	return [
		`step ${duration(stepSeconds)}`,
		`${Math.round(steps)} ${Math.round(steps) === 1 ? 'step' : 'steps'}`,
		duration(time),
		byteCount(bytes),
		...(joules > 0 ? [energy(joules)] : []),
		...(money > 0 ? [dollars(money)] : []),
	].join(' · ');
}

/** «no plan is better by more than 9 % (bound 15 min 20 s; 29 plans evaluated)». @param measure of the bound, if it is one. */
export function searchLine({figures}: Pick<Findings, 'figures'>, measure: Measure | undefined): string {
	const {exact, gap, bound, evaluated} = figures;
	const least = measure === undefined ? `${Number(bound.toPrecision(4))}` : write[measure](bound);
	return exact
		? `the best of all plans looked for (${evaluated} evaluated, the others are worse by a bound)`
		: `no plan is better by more than ${percent(gap)} (bound ${least}; ${evaluated} plans evaluated)`;
}

/** What a narrow terminal can do without, the last first: sent and received bytes say as much. */
const lesser: Readonly<Record<string, number>> = {send: 2, receive: 3};

export function printDevices({devices, seconds}: Evaluation): void {
	const part = (value: number) => percent(seconds > 0 ? value / seconds : 0);
	const battery = devices.some(({batteryLeft}) => batteryLeft !== undefined);
	const powered = devices.some(({joules}) => joules > 0);
	printTable(
		[
			{title: 'device'},
			{title: 'does', wraps: 8},
			...phases
				.filter(phase => phase !== 'idle')
				.map(title => ({title, align: 'right' as const, ...(title in lesser && {expendable: lesser[title]!})})),
			{title: 'link up', align: 'right'},
			{title: 'link down', align: 'right'},
			{title: 'memory', align: 'right', expendable: 1},
			...(powered ? [{title: 'energy', align: 'right' as const}] : []),
			...(battery ? [{title: 'battery left', align: 'right' as const}] : []),
		],
		devices.map(device => [
			device.device,
			device.role,
			...phases.filter(phase => phase !== 'idle').map(phase => part(device.phases[phase].seconds)),
			byteCount(device.bytesSent),
			byteCount(device.bytesReceived),
			byteCount(device.memoryBytes),
			...(powered ? [energy(device.joules)] : []),
			...(battery ? [energy(device.batteryLeft)] : []),
		]),
	);
}

/** Measures that are worth a column: of energy and money only what there is. */
const columnsOf = (all: readonly Amounts[]): readonly Measure[] =>
	measures.filter(measure => measure === 'time' || measure === 'bytes' || all.some(amounts => amounts[measure] > 0));

const row = (amounts: Amounts, columns: readonly Measure[]): string[] =>
	columns.map(measure => write[measure](amounts[measure]));

/** What a plan is chosen for: in words, and the measure where it is one. */
export interface Wish {
	readonly text: string;
	readonly measure: Measure | undefined;
}

/** The plan's costs, why they are what they are, and the alternatives. */
export function printPlanned(
	{outcome, baselines, cutShort, leftOut, unused, breakdown}: Searched,
	wish: Wish,
	notes: readonly string[],
): void {
	const {best, alternatives} = outcome;
	const {evaluation} = best;
	const {bottleneck, stepSeconds} = evaluation;
	printProse(`\nPredicted: ${costLine(evaluation)}`);
	printProse(timesLine(breakdown));
	for (const note of notes) {
		printProse(note);
	}
	printProse(
		cutShort === 'interruption'
			? `NOT THE FINAL ANSWER: planning was interrupted, and this is the best plan until then. Looked for: ${wish.text}; ${searchLine(outcome, wish.measure)}.`
			: `Chosen for: ${wish.text}; ${searchLine(outcome, wish.measure)}.`,
	);
	if (cutShort === 'limit') {
		printProse('The search ended with its time (--limit); with more of it there may be a better plan.');
	}
	printProse(
		`Held up by: ${kindText[bottleneck.kind]} of ${bottleneck.device}, busy ${percent(bottleneck.busy)} of a step of ${duration(stepSeconds)}.`,
	);
	if (unused.length > 0) {
		printProse(
			`Left out, since the plan is better without: ${unused.slice(0, 12).join(', ')}${unused.length > 12 ? ` and ${unused.length - 12} more` : ''}.`,
		);
	}
	if (leftOut !== undefined) {
		printProse(`Mind: ${leftOut}.`);
	}
	print('');
	printDevices(evaluation);
	const rows = [
		{name: 'this plan', times: timesOf(wish.measure, best, best), amounts: amountsOf(evaluation), note: ''},
		...alternatives.slice(0, 4).map(other => ({
			name: other.plan.scheme,
			times: timesOf(wish.measure, other, best),
			amounts: amountsOf(other.evaluation),
			note: '',
		})),
		...baselines.map(baseline => ({
			name: baseline.scheme,
			times: timesOf(wish.measure, baseline, best),
			amounts: amountsOf(baseline.evaluation),
			note: withHaste(
				baseline,
				baseline.shortfalls[0] ? `not possible: ${baseline.shortfalls[0].constraint}` : otherwise(baseline),
			),
		})),
	];
	if (rows.length === 1) {
		return;
	}
	const columns = columnsOf(rows.map(({amounts}) => amounts));
	print(
		cutShort === 'interruption'
			? '\nAlternatives, and what was compared until then:\n'
			: baselines.some(({partly}) => partly)
				? '\nAlternatives, and the classic schemes as far as there was time for them:\n'
				: '\nAlternatives, and the classic schemes at their best:\n',
	);
	printTable(
		[
			{title: 'plan', wraps: 18},
			...columns.map(title => ({title, align: 'right' as const})),
			{title: 'times this plan', align: 'right', wraps: 9},
			{title: '', wraps: 18},
		],
		rows.map(({name, times, amounts, note}) => [
			name,
			...row(amounts, columns),
			times === undefined ? '–' : `${fraction(times)}×`,
			note,
		]),
	);
}

/** What an epoch takes, and which part of a step is no steady flow. */
function timesLine({epochSeconds, pipeline}: Breakdown): string {
	const epoch = `An epoch takes ${duration(epochSeconds)}`;
	return pipeline === undefined
		? `${epoch}.`
		: `${epoch}; of a step ${duration(pipeline.fillSeconds)} pass until stage ${pipeline.stage}, which computes for longest, begins (fill), and ${duration(pipeline.drainSeconds)} after it has done all (drain).`;
}

/** What the memory of devices holds, and what goes over their links. */
export function printBreakdown({memory, links}: Breakdown): void {
	const right = {align: 'right'} as const;
	print('\nMemory:\n');
	printTable(
		[
			{title: 'device'},
			...['weights', 'gradient', 'optimizer', 'activations', 'boundary', 'all'].map(title => ({title, ...right})),
		],
		memory.map(({device, weights, gradient, slots, activations, boundary, total}) => [
			device,
			...[weights, gradient, slots, activations, boundary, total].map(byteCount),
		]),
	);
	if (links.length > 0) {
		print('\nBytes of the run, over the link up of who sends and the link down of who receives:\n');
		printTable(
			[{title: 'from'}, {title: 'to'}, {title: 'bytes', ...right}],
			links.map(({from, to, bytes}) => [from, to, byteCount(bytes)]),
		);
	}
}

export function printChanges(changes: readonly Change[]): void {
	print('\nWith one thing changed:\n');
	printTable(
		[
			{title: 'change of'},
			{title: 'to', wraps: 20},
			{title: 'objective', align: 'right'},
			{title: '', wraps: leastSentence},
		],
		changes.map(({kind, change, factor, against}) => [
			kind,
			change,
			`${factor < 1 ? '' : '+'}${((factor - 1) * 100).toFixed(1)} %`,
			against === undefined ? '' : `not possible: ${against}`,
		]),
	);
}

/** What the changes of `--what-if` do to the plan that was best before, and what is best with them. */
export function printWhatIf({changes, before, same, lacks, withoutEffect, after, impossible}: WhatIf): void {
	printProse(`\nWhat if ${changes.join(', ')}:\n`);
	if (impossible !== undefined) {
		printProse(`There is no plan then. ${impossible}`);
		return;
	}
	const shown = [before, same, after].filter(one => one !== undefined);
	const columns = columnsOf(shown.map(amountsOf));
	const cells = (one: Evaluation | undefined): string[] =>
		one ? [duration(one.stepSeconds), ...row(amountsOf(one), columns)] : ['–', ...columns.map(() => '–')];
	const right = {align: 'right'} as const;
	printTable(
		[{title: '', wraps: 10}, ...['step', ...columns].map(title => ({title, ...right})), {title: 'plan', wraps: 20}],
		[
			['as it is', ...cells(before), before.plan.scheme],
			[
				'the same plan then',
				...cells(same),
				lacks.length > 0 ? `not possible: ${lacks.join(', ')}` : before.plan.scheme,
			],
			['the best plan then', ...cells(after), after?.plan.scheme ?? '–'],
		],
	);
	for (const {change, because} of withoutEffect) {
		printProse(`«${change}» changes nothing about the plan as it is: ${because}.`);
	}
}
