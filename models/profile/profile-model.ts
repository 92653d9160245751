/**
 * Measures a model per unit on this machine. ONNX Runtime's profiler tells what each node takes, names tell which unit a
 * node works for, and whole passes, timed without the profiler, tell what all of it adds up to. An engine without such a
 * profiler has its units timed one by one.
 */
import {isFplError} from '../../core/errors.js';
import {fitLinear, passSeconds, type UnitTime, type UnitTimes} from '../../core/profile/unit-times.js';
import {seededRandom} from '../../core/random.js';
import {batchSizes} from '../compile/prepare.js';
import type {Engine} from '../engines/engine.js';
import type {Model} from '../graph.js';
import {type Unit, unitsOf} from '../inspect/cuts.js';
import {type Ranges, type Segment, segmentsOf} from '../inspect/segments.js';
import {specialise} from '../specialise.js';
import {overheadOf, type Single, updateOf} from './overhead.js';
import {Owners} from './owners.js';
import {maskSeconds, sharesOf} from './shares.js';
import {inputsOf, type StageTime, type TimingOptions, timeStage} from './timed-stage.js';
import {type NodeTime, type Traced, traceSegment} from './trace.js';

export interface ProfileOptions {
	readonly engine: Engine;
	readonly threads: number;
	/** Items in the batches to measure, ascending, at least one. */
	readonly batch: readonly number[];
	readonly maxCrossing: number;
	/** For all of it, about; every pass is made a few times in any case. */
	readonly seconds: number;
	readonly clock: TimingOptions['clock'];
	readonly signal?: AbortSignal | undefined;
	/** Told before each part of the work. */
	readonly progress?: (text: string) => void;
}

/** A part of the model, predicted from its units and measured as a stage. */
export interface RangeCheck {
	readonly units: readonly [number, number];
	readonly label: string;
	readonly items: number;
	readonly forward: {readonly predicted: number; readonly measured: number};
	readonly backward: {readonly predicted: number; readonly measured: number};
}

export interface ModelProfile {
	readonly times: Pick<UnitTimes, 'overhead' | 'units'>;
	readonly checks: readonly RangeCheck[];
	/** The largest factor between a pass and the sum of its nodes; much above 1 where the machine had other work. */
	readonly stretch: number;
}

/** Runs of the profiler, as time allows. */
const fewestTraces = 4;
const mostTraces = 25;
/** Single units that are timed to see what a pass takes besides its units. */
const mostSingles = 4;
/** Parts of the model that are measured once more as stages, against what is predicted for them. */
const mostChecks = 3;
const warmUpSeconds = 1;

interface Subject {
	readonly model: Model;
	readonly units: readonly Unit[];
	readonly options: ProfileOptions;
	/** Of each thing that is timed. */
	readonly timing: TimingOptions;
}

/** Segments of these units; undefined where a weight belongs to several of them. */
function cutAt({model, options: {maxCrossing}}: Subject, ranges: Ranges): readonly Segment[] | undefined {
	try {
		return segmentsOf(model, ranges, {maxCrossing});
	} catch (error) {
		if (isFplError(error, 'MODEL_CUT')) {
			return undefined;
		}
		throw error;
	}
}

const feed = ({model}: Subject, segment: Segment, items: number) =>
	inputsOf(segment.graph, new Set(model.graph.inputs.map(({name}) => name)), items, seededRandom(items));

const timed = (subject: Subject, segment: Segment, items: number): Promise<StageTime> =>
	timeStage(subject.options.engine, subject.model, segment, feed(subject, segment, items), subject.timing);

async function timedUnit(subject: Subject, unit: number, items: number): Promise<StageTime | undefined> {
	const last = subject.units.length - 1;
	const ranges = [[0, unit - 1] as const, [unit, unit] as const, [unit + 1, last] as const];
	const segment = cutAt(
		subject,
		ranges.filter(([from, to]) => from <= to),
	)?.find(({units}) => units[0] === unit);
	return segment && (await timed(subject, segment, items));
}

/**
 * Units with little to compute, of which each lets through another amount of data. Stages have something to learn, and so
 * have these, as far as there are such.
 */
function lightUnits({units}: Subject): readonly number[] {
	const learning = units.filter(({cost}) => cost.parameters > 0);
	const candidates = learning.length >= 3 ? learning : units;
	const light = candidates
		.toSorted((a, b) => a.cost.flops - b.cost.flops)
		.slice(0, Math.max(mostSingles, Math.ceil(candidates.length / 2)));
	const ordered = light.toSorted((a, b) => a.cost.activationBytes - b.cost.activationBytes);
	const step = (ordered.length - 1) / (mostSingles - 1);
	const picked = Array.from({length: mostSingles}, (_, index) => ordered[Math.round(index * step)]!.index);
	return units.length < 2 ? [] : [...new Set(picked)];
}

interface Measured {
	readonly items: number;
	readonly whole: StageTime;
	readonly traced: Traced;
	readonly singles: readonly Single[];
}

const sumOf = (nodes: readonly NodeTime[], owners: Owners, unit: number): number =>
	nodes.reduce((sum, {node, seconds}) => (owners.of(node) === unit ? sum + seconds : sum), 0);

/** The whole model by nodes, and some units as stages of their own. */
async function measureByNodes(subject: Subject, whole: Segment, owners: Owners, items: number): Promise<Measured> {
	const {model, options, timing} = subject;
	const time = await timed(subject, whole, items);
	const runs = Math.floor(timing.seconds / Math.max(time.forward + time.backward, 1e-6));
	const traced = await traceSegment(model, whole, feed(subject, whole, items), {
		threads: options.threads,
		runs: Math.min(mostTraces, Math.max(fewestTraces, runs)),
	});
	const singles: Single[] = [];
	for (const unit of lightUnits(subject)) {
		const single = await timedUnit(subject, unit, items);
		if (single !== undefined) {
			const [forward, backward] = [sumOf(traced.forward, owners, unit), sumOf(traced.backward, owners, unit)];
			singles.push({unit, time: single, forward, backward});
		}
	}
	return {items, whole: time, traced, singles};
}

/** Every unit as a stage of its own, of which the shortest tells what a pass takes at least. */
async function measureByUnits(subject: Subject, whole: Segment, items: number): Promise<Measured> {
	const time = await timed(subject, whole, items);
	const found: Array<{unit: number; time: StageTime}> = [];
	for (const {index} of subject.units) {
		const single = await timedUnit(subject, index, items);
		if (single !== undefined) {
			found.push({unit: index, time: single});
		}
	}
	const own = (kind: 'forward' | 'backward') => {
		const least = Math.min(...found.map(({time: single}) => single[kind]));
		return ({time: single}: (typeof found)[number]) => Math.max(single[kind] - 0.9 * least, 0.05 * single[kind]);
	};
	const [forward, backward] = [own('forward'), own('backward')];
	const singles = found.map(one => ({...one, forward: forward(one), backward: backward(one)}));
	const node = (seconds: number, unit: number) => ({node: subject.units[unit]!.nodes[0]!, seconds});
	return {
		items,
		whole: time,
		traced: {
			forward: singles.map(single => node(single.forward, single.unit)),
			backward: singles.map(single => node(single.backward, single.unit)),
		},
		singles,
	};
}

function timesOf(subject: Subject, owners: Owners, measured: readonly Measured[]) {
	const {model, units} = subject;
	const overhead = overheadOf(measured.flatMap(({singles}) => singles));
	const counted = (indices: readonly number[]) => indices.reduce((sum, unit) => sum + units[unit]!.cost.parameters, 0);
	const update = updateOf(
		measured.flatMap(({whole, singles}) => [
			{parameters: counted(units.map(({index}) => index)), seconds: whole.update},
			...singles.map(({unit, time}) => ({parameters: counted([unit]), seconds: time.update})),
		]),
	);
	let stretch = 1;
	const points = {
		forward: units.map(() => [] as [number, number][]),
		backward: units.map(() => [] as [number, number][]),
	};
	for (const {items, whole, traced} of measured) {
		const masks = maskSeconds(specialise(model.graph, batchSizes(model.graph, items)), units);
		for (const kind of ['forward', 'backward'] as const) {
			const {perPass, perByte} = overhead[kind];
			const bytes = kind === 'forward' ? whole.bytes : whole.gradientBytes;
			const besides = kind === 'forward' ? masks : units.map(() => 0);
			const shares = sharesOf(traced[kind], owners, besides, whole[kind] - perPass - perByte * bytes);
			stretch = Math.max(stretch, shares.stretch);
			for (const [unit, seconds] of shares.units.entries()) {
				points[kind][unit]!.push([items, seconds]);
			}
		}
	}
	const times = units.map(
		({label, cost}, unit): UnitTime => ({
			label,
			forward: fitLinear(points.forward[unit]!),
			backward: fitLinear(points.backward[unit]!),
			update: update.perParameter * cost.parameters,
		}),
	);
	return {times: {overhead: {...overhead, update: update.fixed}, units: times}, stretch};
}

/** Ranges of about equally many units. */
function partsOf(units: readonly Unit[], most: number): Ranges {
	const count = Math.min(most, units.length);
	const start = (part: number) => Math.round((part * units.length) / count);
	return Array.from({length: count}, (_, part) => [start(part), start(part + 1) - 1] as const);
}

async function check(subject: Subject, times: ModelProfile['times']): Promise<readonly RangeCheck[]> {
	const {units, options} = subject;
	const items = options.batch[Math.floor(options.batch.length / 2)]!;
	const segments = cutAt(subject, partsOf(units, mostChecks)) ?? [];
	const checks: RangeCheck[] = [];
	for (const segment of segments) {
		const measured = await timed(subject, segment, items);
		const predicted = (kind: 'forward' | 'backward', bytes: number) =>
			passSeconds(times, {kind, units: segment.units, items, bytes});
		checks.push({
			units: segment.units,
			label: segment.label,
			items,
			forward: {predicted: predicted('forward', measured.bytes), measured: measured.forward},
			backward: {predicted: predicted('backward', measured.gradientBytes), measured: measured.backward},
		});
	}
	return checks;
}

/**
 * @throws FplError as `Engine.stage`; `MODEL_SHAPE` for a batch that the model does not take, `ENGINE_CALL` for one whose
 * activations are too large; `INTERRUPTED`.
 */
export async function profileModel(model: Model, options: ProfileOptions): Promise<ModelProfile> {
	const {maxCrossing, batch, seconds, clock, signal, engine, progress} = options;
	const {units} = unitsOf(model, {maxCrossing});
	const byNodes = engine.name === 'onnxruntime';
	// For each batch the whole model twice and some units, then the checks.
	const share = seconds / (batch.length * (2 + (byNodes ? mostSingles : units.length)) + mostChecks);
	const subject: Subject = {model, units, options, timing: {seconds: share, clock, signal}};
	const owners = new Owners(model.graph, units);
	const [whole] = segmentsOf(model, [[0, units.length - 1]], {maxCrossing});
	const measured: Measured[] = [];
	// A program that has just begun is slow: its own code is not compiled yet.
	await timed(
		{...subject, timing: {...subject.timing, seconds: Math.min(seconds / 10, warmUpSeconds)}},
		whole!,
		batch[0]!,
	);
	for (const items of batch) {
		progress?.(`${units.length} units, ${items} items`);
		measured.push(
			await (byNodes ? measureByNodes(subject, whole!, owners, items) : measureByUnits(subject, whole!, items)),
		);
	}
	const {times, stretch} = timesOf(subject, owners, measured);
	progress?.('parts of the model against the sum of their units');
	return {times, checks: await check(subject, times), stretch};
}
