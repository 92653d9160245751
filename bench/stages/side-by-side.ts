/**
 * How long passes take when two processes compute at the same time and do nothing else: no messages, no broker. What a step of
 * two stages cannot be faster than on two cores that share memory and caches.
 */
import {execFile} from 'node:child_process';
import path from 'node:path';
import {promisify} from 'node:util';
import {startEngine} from '../../models/engines/index.js';
import {buildModel} from '../../models/zoo/zoo.js';
import {median, pictureClasses, pictureShape} from './pictures.js';
import {type StageTimes, timesAt} from './stage-times.js';

export interface SideBySide {
	readonly model: string;
	readonly cut: number;
	readonly items: number;
	readonly repeats: number;
}

/** What one of the two processes does; prints its median times as JSON. */
export async function timeAlongside({model, cut, items, repeats}: SideBySide): Promise<void> {
	const engine = await startEngine('onnxruntime', {threads: 1});
	const built = buildModel(model, {input: pictureShape, classes: pictureClasses, seed: 1});
	console.log(JSON.stringify(await timesAt(engine, built, cut, items, repeats, median)));
	await engine.close();
}

/** The means of both processes' medians. */
export async function timesSideBySide(what: SideBySide): Promise<StageTimes> {
	const main = path.resolve(import.meta.dirname, 'main.js');
	const args = [main, 'alongside', '--models', what.model, '--alongside', JSON.stringify(what)];
	const outputs = await Promise.all([0, 1].map(() => promisify(execFile)(process.execPath, args)));
	const [a, b] = outputs.map(({stdout}) => JSON.parse(stdout) as StageTimes) as [StageTimes, StageTimes];
	const mean = (key: 'forward' | 'backward' | 'learn') => (a[key] + b[key]) / 2;
	return {cut: what.cut, forward: mean('forward'), backward: mean('backward'), learn: mean('learn')};
}
