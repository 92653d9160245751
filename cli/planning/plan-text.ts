/** A plan as people read it: a table of its stages, or YAML to edit. */
import {Document, isCollection, isScalar, visit} from 'yaml';
import {describeCodec} from '../../core/codec/spec.js';
import type {PartMemory} from '../../core/cost/memory.js';
import {type Plan, type Synchronisation, synchronisationOf} from '../../core/plan/plan.js';
import {formatSi} from '../../core/units.js';
import type {Model} from '../../models/graph.js';
import {unitsOf} from '../../models/inspect/cuts.js';
import {rangesIn} from '../../models/plans/cut.js';
import {enumerate} from '../../reports/format.js';
import {print, printProse, printTable} from '../terminal.js';

/** Keys whose values stand in one line, and those whose items do. */
const inOneLine: ReadonlySet<unknown> = new Set(['units', 'junction', 'synchronisation', 'pipeline']);
const itemsInOneLine: ReadonlySet<unknown> = new Set(['replicas', 'links']);

/**
 * YAML with a line for each replica, and one for each part of a stage.
 * @param comments lines above it.
 */
export function planYaml(plan: Plan, comments: readonly string[] = []): string {
	const document = new Document(plan);
	if (comments.length > 0) {
		document.commentBefore = comments.map(text => ` ${text}`).join('\n');
	}
	visit(document, {
		Pair: (_, {key, value}) => {
			if (!isScalar(key) || !isCollection(value)) {
				return;
			}
			value.flow = inOneLine.has(key.value) || value.items.length === 0;
			for (const item of itemsInOneLine.has(key.value) ? value.items : []) {
				if (isCollection(item)) {
					item.flow = true;
				}
			}
		},
	});
	return document.toString({lineWidth: 120});
}

function synchronisationText({exchange, every}: Synchronisation): string {
	switch (every.kind) {
		case 'step':
			return `${exchange} every step`;
		case 'steps':
			return `${exchange} every ${every.steps} steps`;
		case 'epochs':
			return every.epochs === 1 ? `${exchange} every epoch` : `${exchange} every ${every.epochs} epochs`;
		case 'never':
			return 'never: weights of its own';
		default:
			return every satisfies never;
	}
}

const percent = (part: number): string => `${Math.round(100 * part)} %`;

/** More devices of a stage than that are counted; who they are stands in the plan itself. */
const mostNames = 12;

function devicesText(replicas: Plan['stages'][number]['replicas']): string {
	const names = replicas.map(({device, share}) => (share === 1 ? device : `${device} ×${share}`));
	return names.length > mostNames ? enumerate(names, mostNames) : names.join(', ');
}

/** A model as the table of a plan shows it. */
export interface UnitsText {
	readonly model: string;
	readonly units: ReadonlyArray<{
		readonly label: string;
		/** What it is of all work, in any unit. */
		readonly work: number;
	}>;
	/** Bytes of an item that go over the border after each unit but the last. */
	readonly crossing: readonly number[];
	/** What work is counted in, as the title of a column. */
	readonly counted: string;
	/** What goes through the stages, where it is not training. */
	readonly flow?: string;
}

/** Units of an ONNX model, with FLOP of forward passes. */
export function unitsText(model: Model, {maxCrossing, model: name}: Pick<Plan, 'maxCrossing' | 'model'>): UnitsText {
	const {units, cuts} = unitsOf(model, {maxCrossing});
	return {
		model: name,
		units: units.map(({label, cost}) => ({label, work: cost.flops})),
		crossing: cuts.map(({bytes}) => bytes),
		counted: 'FLOPs',
	};
}

/** Prints what each stage computes, where, and what it sends on. */
export function printPlan(
	plan: Plan,
	{units, crossing, counted, flow: passes}: UnitsText,
	memory: readonly PartMemory[],
): void {
	const all = units.reduce((sum, {work}) => sum + work, 0);
	const {microBatches, schedule} = plan.pipeline;
	const way = passes === undefined ? ` (${schedule})` : '';
	const flow = microBatches === 1 ? 'whole batches' : `${microBatches} micro-batches${way}`;
	printProse(
		`${plan.scheme} · ${plan.model}, ${units.length} units · ${flow} · ${passes ?? `labels ${plan.labels.replaceAll('-', ' ')}`}\n`,
	);
	const rows = rangesIn(plan, units.length).map(([first, last], index) => {
		const stage = plan.stages[index]!;
		const own = units.slice(first, last + 1);
		const most = Math.max(...memory.filter(part => part.stage === index).map(({total}) => total));
		const labels = own.length === 1 ? own[0]!.label : `${own[0]!.label} … ${own.at(-1)!.label}`;
		const {junction} = stage;
		return [
			`${index}`,
			first === last ? `${first}` : `${first}–${last}`,
			labels,
			devicesText(stage.replicas),
			percent(all === 0 ? 0 : own.reduce((sum, {work}) => sum + work, 0) / all),
			last + 1 === units.length ? '–' : formatSi(crossing[last]!, 'B'),
			formatSi(most, 'B'),
			stage.replicas.length === 1
				? '–'
				: `${stage.turns === 'in-turn' ? 'in turn, ' : ''}${synchronisationText(synchronisationOf(plan, stage))}`,
			index === 0 ? '–' : junction.mode === 'aligned' ? `aligned, ${junction.kind}` : 'stack',
		];
	});
	printTable(
		[
			{title: 'stage'},
			{title: 'units'},
			{title: 'layers', wraps: 9},
			{title: 'devices', wraps: 14},
			{title: counted},
			{title: 'sends/item'},
			{title: 'memory'},
			{title: 'replicas synchronise', wraps: 11},
			{title: 'junction', expendable: 1},
		],
		rows,
	);
	for (const {from, to, codec} of plan.links) {
		print(`link ${from} → ${to}: ${describeCodec(codec)}`);
	}
}
