/** What the planner found, as people read it: costs, why, what it was chosen from. */
import type {Evaluation} from '../../core/cost/evaluate.js';
import {phases} from '../../core/ledger/ledger.js';
import type {Change} from '../../planners/explain.js';
import {amountsOf} from '../../planners/objective.js';
import type {PlannedJob} from '../../planners/plan-job.js';
import type {Amounts, Measure, Outcome} from '../../planners/problem.js';
import {byteCount, dollars, duration, energy, fraction, percent} from '../../reports/format.js';
import {print, printTable} from '../terminal.js';

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
		`${Math.round(steps)} steps`,
		duration(time),
		byteCount(bytes),
		energy(joules),
		...(money > 0 ? [dollars(money)] : []),
	].join(' · ');
}

function searchLine({figures}: Extract<Outcome, {kind: 'planned'}>): string {
	const {exact, gap, bound, evaluated} = figures;
	return exact
		? `the best of all plans looked for (${evaluated} evaluated, the others are worse by a bound)`
		: `no plan is better by more than ${percent(gap)} (bound ${Number(bound.toPrecision(4))}; ${evaluated} plans evaluated)`;
}

export function printDevices({devices, seconds}: Evaluation): void {
	const part = (value: number) => percent(seconds > 0 ? value / seconds : 0);
	const battery = devices.some(({batteryLeft}) => batteryLeft !== undefined);
	printTable(
		[
			{title: 'device'},
			{title: 'does'},
			...phases.filter(phase => phase !== 'idle').map(title => ({title, align: 'right' as const})),
			{title: 'sent', align: 'right'},
			{title: 'received', align: 'right'},
			{title: 'memory', align: 'right'},
			{title: 'energy', align: 'right'},
			...(battery ? [{title: 'battery left', align: 'right' as const}] : []),
		],
		devices.map(device => [
			device.device,
			device.role,
			...phases.filter(phase => phase !== 'idle').map(phase => part(device.phases[phase].seconds)),
			byteCount(device.bytesSent),
			byteCount(device.bytesReceived),
			byteCount(device.memoryBytes),
			energy(device.joules),
			...(battery ? [energy(device.batteryLeft)] : []),
		]),
	);
}

const row = (amounts: Amounts, priced: boolean): string[] => [
	write.time(amounts.time),
	write.bytes(amounts.bytes),
	write.energy(amounts.energy),
	...(priced ? [write.money(amounts.money)] : []),
];

/** The plan's costs, why they are what they are, and the alternatives. */
export function printPlanned({outcome, baselines, fleet}: PlannedJob, objective: string): void {
	const {best, alternatives} = outcome;
	const {evaluation} = best;
	const {bottleneck, stepSeconds} = evaluation;
	const taking = new Set(evaluation.devices.map(({device}) => device));
	const left = fleet.devices.filter(({device}) => !taking.has(device)).map(({device}) => device);
	print(`\nPredicted: ${costLine(evaluation)}`);
	print(`Chosen for: ${objective}; ${searchLine(outcome)}.`);
	print(
		`Held up by: ${kindText[bottleneck.kind]} of ${bottleneck.device}, busy ${percent(bottleneck.busy)} of a step of ${duration(stepSeconds)}.`,
	);
	if (left.length > 0) {
		print(
			`Left out, since the plan is better without: ${left.slice(0, 12).join(', ')}${left.length > 12 ? ` and ${left.length - 12} more` : ''}.`,
		);
	}
	print('');
	printDevices(evaluation);
	const priced = evaluation.dollars > 0;
	const rows = [
		{name: `this plan: ${best.plan.scheme}`, value: best.value, amounts: amountsOf(evaluation), note: ''},
		...alternatives
			.slice(0, 4)
			.map(({plan, value, evaluation: other}) => ({name: plan.scheme, value, amounts: amountsOf(other), note: ''})),
		...baselines.map(({scheme, value, evaluation: other, shortfalls, exact}) => ({
			name: scheme,
			value,
			amounts: amountsOf(other),
			note: shortfalls[0] ? `not possible: ${shortfalls[0].constraint}` : exact ? '' : 'trains another way',
		})),
	];
	print('\nAlternatives, and the classic schemes at their best:\n');
	printTable(
		[
			{title: 'plan'},
			{title: 'time', align: 'right'},
			{title: 'bytes', align: 'right'},
			{title: 'energy', align: 'right'},
			...(priced ? [{title: 'money', align: 'right' as const}] : []),
			{title: 'times this plan', align: 'right'},
			{title: ''},
		],
		rows.map(({name, value, amounts, note}) => [
			name,
			...row(amounts, priced),
			best.value > 0 ? `${fraction(value / best.value)}×` : '–',
			note,
		]),
	);
}

export function printChanges(changes: readonly Change[]): void {
	print('\nWith one thing changed:\n');
	printTable(
		[{title: 'change of'}, {title: 'to'}, {title: 'objective', align: 'right'}, {title: ''}],
		changes.map(({kind, change, factor, against}) => [
			kind,
			change,
			`${factor < 1 ? '' : '+'}${((factor - 1) * 100).toFixed(1)} %`,
			against === undefined ? '' : `not possible: ${against}`,
		]),
	);
}

/** What the changes of `--what-if` do to the plan that was best before, and what is best with them. */
export function printWhatIf(
	changes: readonly string[],
	before: Evaluation,
	same: Evaluation | undefined,
	after: Evaluation,
): void {
	print(`\nWhat if ${changes.join(', ')}:\n`);
	printTable(
		[{title: ''}, {title: 'plan'}, {title: 'costs'}],
		[
			['as it is', before.plan.scheme, costLine(before)],
			['the same plan then', same ? same.plan.scheme : '–', same ? costLine(same) : 'it needs a device that is away'],
			['the best plan then', after.plan.scheme, costLine(after)],
		],
	);
}
