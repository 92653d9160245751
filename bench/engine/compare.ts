/** Lets contenders take turns on one case and says how fast each is. */
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import type {Case} from './cases.js';
import {type BlockRequest, Contender} from './contender.js';

export interface Measured {
	/** Items trained per second, median over the blocks. */
	readonly itemsPerSecond: number;
	/** The same in the fastest block: what other work on the machine disturbed least. */
	readonly best: number;
	readonly peakMiB: number;
}

export interface Row {
	readonly case: Case;
	readonly ours: Measured;
	/** Undefined without python. */
	readonly torch: Measured | undefined;
	/** Undefined unless asked for; the text says why it cannot train the case. */
	readonly tfjs: Measured | string | undefined;
}

export interface CompareOptions {
	/** Blocks per contender, which alternate. */
	readonly blocks: number;
	readonly block: BlockRequest;
	/** Python with torch; undefined: without PyTorch. */
	readonly python: string | undefined;
	readonly tfjs: boolean;
}

const here = path.dirname(fileURLToPath(import.meta.url));
/** Python files are not compiled: dist/bench/engine → bench/engine. */
const peer = path.resolve(here, '../../../bench/engine/torch_peer.py');

const argumentsOf = ({model, batch, threads}: Case): string[] => [model, `${batch}`, `${threads}`];

export async function compare(one: Case, {blocks, block, python, tfjs}: CompareOptions): Promise<Row> {
	const ownScript = path.join(here, 'ours.js');
	const ours = await Contender.start(process.execPath, [ownScript, 'onnxruntime', ...argumentsOf(one)]);
	const torch = python === undefined ? undefined : await Contender.start(python, [peer, ...argumentsOf(one)]);
	if (torch !== undefined && torch.parameters !== ours.parameters) {
		throw new Error(`${one.model} has ${ours.parameters} parameters here and ${torch.parameters} in PyTorch`);
	}
	const contenders = [ours, ...(torch === undefined ? [] : [torch])];
	const rates = contenders.map((): number[] => []);
	const peaks = contenders.map(() => 0);
	// A round that does not count lets caches and allocators settle.
	for (let round = -1; round < blocks; round++) {
		for (const [index, contender] of contenders.entries()) {
			const {steps, seconds, peakBytes} = await contender.run(
				round < 0 ? {seconds: block.seconds / 4, steps: 1} : block,
			);
			peaks[index] = peakBytes;
			if (round >= 0) {
				rates[index]!.push((steps * one.batch) / seconds);
			}
		}
	}
	await Promise.all(contenders.map(contender => contender.close()));
	const [first, second] = rates.map(
		(list, index): Measured => ({
			itemsPerSecond: median(list),
			best: Math.max(...list),
			peakMiB: peaks[index]! / 2 ** 20,
		}),
	);
	return {case: one, ours: first!, torch: second, tfjs: tfjs ? await measureTfjs(one, ownScript, block) : undefined};
}

async function measureTfjs(one: Case, script: string, block: BlockRequest): Promise<Measured | string> {
	try {
		const contender = await Contender.start(process.execPath, [script, 'tfjs', ...argumentsOf(one)]);
		const {steps, seconds, peakBytes} = await contender.run(block);
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
