/** Lets contenders take turns on one case and says how fast each is. */
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import type {Case} from './cases.js';
import {type BlockRequest, Contender} from './contender.js';
import type {Distance} from './distance.js';
import {Intruders} from './intruders.js';

export interface Measured {
	/** Items trained per second, median over the clean blocks. */
	readonly itemsPerSecond: number;
	/** The same in the fastest block. */
	readonly best: number;
	readonly peakMiB: number;
}

export interface Row {
	readonly case: Case;
	readonly ours: Measured;
	/** Undefined without python. */
	readonly torch: Measured | undefined;
	/** Ours over PyTorch's items per second, median over neighbouring blocks that are both clean. */
	readonly ratio: number | undefined;
	/** Undefined unless asked for; the text says why it cannot train the case. */
	readonly tfjs: Measured | string | undefined;
	/** Rounds that nobody disturbed, and all. Without a clean one all are used. */
	readonly clean: number;
	readonly rounds: number;
	/** Least and most that a cache line took to the other processor and back in those rounds; NaN with one thread. */
	readonly roundTripNs: readonly [number, number];
}

export interface CompareOptions {
	/** Clean rounds wanted; a round is a block of each contender. */
	readonly rounds: number;
	/** No further rounds after so many, clean or not … */
	readonly most: number;
	/** … or after so many seconds. */
	readonly patience: number;
	readonly block: BlockRequest;
	/** Python with torch; undefined: without PyTorch. */
	readonly python: string | undefined;
	readonly tfjs: boolean;
	readonly distance: Distance;
}

interface Round {
	/** Items per second by contender. */
	readonly rates: readonly number[];
	/** By other processes, in any of the blocks. */
	readonly disturbed: boolean;
	readonly roundTripNs: number;
}

const here = path.dirname(fileURLToPath(import.meta.url));
/** Python files are not compiled: dist/bench/engine → bench/engine. */
const peer = path.resolve(here, '../../../bench/engine/torch_peer.py');

const argumentsOf = ({model, batch, threads}: Case): string[] => [model, `${batch}`, `${threads}`];

export async function compare(one: Case, options: CompareOptions): Promise<Row> {
	const {python, tfjs} = options;
	const ownScript = path.join(here, 'ours.js');
	const ours = await Contender.start(process.execPath, [ownScript, 'onnxruntime', ...argumentsOf(one)]);
	const torch = python === undefined ? undefined : await Contender.start(python, [peer, ...argumentsOf(one)]);
	if (torch !== undefined && torch.parameters !== ours.parameters) {
		throw new Error(`${one.model} has ${ours.parameters} parameters here and ${torch.parameters} in PyTorch`);
	}
	const contenders = [ours, ...(torch === undefined ? [] : [torch])];
	const rounds = await takeTurns(one, contenders, options);
	const peaks = await Promise.all(
		contenders.map(async contender => (await contender.run({seconds: 0, steps: 0})).peakBytes),
	);
	await Promise.all(contenders.map(contender => contender.close()));
	const clean = rounds.filter(({disturbed}) => !disturbed);
	const used = clean.length === 0 ? rounds : clean;
	const trips = used.map(({roundTripNs}) => roundTripNs);
	const [first, second] = peaks.map(
		(bytes, index): Measured => ({
			itemsPerSecond: median(used.map(({rates}) => rates[index]!)),
			best: Math.max(...used.map(({rates}) => rates[index]!)),
			peakMiB: bytes / 2 ** 20,
		}),
	);
	return {
		case: one,
		ours: first!,
		torch: second,
		ratio: second && median(used.map(({rates}) => rates[0]! / rates[1]!)),
		tfjs: tfjs ? await measureTfjs(one, ownScript, options.block) : undefined,
		clean: clean.length,
		rounds: rounds.length,
		roundTripNs: [Math.min(...trips), Math.max(...trips)],
	};
}

async function takeTurns(
	one: Case,
	contenders: readonly Contender[],
	{rounds, most, patience, block, distance}: CompareOptions,
): Promise<readonly Round[]> {
	const intruders = new Intruders([process.pid, ...contenders.map(({pid}) => pid)], one.threads);
	// Lets caches and allocators settle; counts for nothing.
	for (const contender of contenders) {
		await contender.run({seconds: block.seconds / 2, steps: 1});
	}
	const started = performance.now();
	const done: Round[] = [];
	let clean = 0;
	while (clean < rounds && done.length < most && (done.length === 0 || performance.now() - started < patience * 1000)) {
		const roundTripNs = one.threads > 1 ? await distance.roundTripNs() : Number.NaN;
		const rates: number[] = [];
		let disturbed = false;
		// Whoever went first goes second next time.
		const order = [...contenders.keys()];
		for (const index of done.length % 2 === 0 ? order : order.reverse()) {
			intruders.watch();
			const {steps, seconds} = await contenders[index]!.run(block);
			disturbed ||= intruders.disturbed();
			rates[index] = (steps * one.batch) / seconds;
		}
		clean += disturbed ? 0 : 1;
		done.push({rates, disturbed, roundTripNs});
	}
	return done;
}

/** Longer than this for its first step and one block, and tfjs counts as unable. */
const tfjsPatienceMs = 60_000;

async function measureTfjs(one: Case, script: string, block: BlockRequest): Promise<Measured | string> {
	const starting = Contender.start(process.execPath, [script, 'tfjs', ...argumentsOf(one)], tfjsPatienceMs);
	try {
		const contender = await starting;
		const {steps, seconds, peakBytes} = await contender.run({...block, steps: 1});
		await contender.close();
		const rate = (steps * one.batch) / seconds;
		return {itemsPerSecond: rate, best: rate, peakMiB: peakBytes / 2 ** 20};
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	}
}

export function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const geometricMean = (values: readonly number[]): number =>
	Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
