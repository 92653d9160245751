/** How long the passes of two stages take when nothing else runs, and where to cut so that the longer one is as short as can be. */
import {seededRandom} from '../../core/random.js';
import {int64, sizeOf, tensor} from '../../core/tensor/tensor.js';
import type {Engine} from '../../models/engines/engine.js';
import type {Tensors} from '../../models/engines/stage.js';
import type {Model} from '../../models/graph.js';
import {unitsOf} from '../../models/inspect/cuts.js';
import {pictureClasses, pictureShape} from './pictures.js';

/** Milliseconds for one micro-batch, inside the engine: forward and backward of the first stage, all of the second. */
export interface StageTimes {
	readonly cut: number;
	readonly forward: number;
	readonly backward: number;
	readonly learn: number;
}

const settings = {
	loss: 'softmax-cross-entropy',
	optimizer: {kind: 'sgd', lr: 0.01, momentum: 0.9, nesterov: false, weightDecay: 0},
	seed: 1,
	stash: 'keep',
} as const;

export async function timesAt(
	engine: Engine,
	model: Model,
	cut: number,
	items: number,
	repeats: number,
	/** What else the machine does only makes passes longer: by default the shortest of each kind counts. */
	typical: (milliseconds: readonly number[]) => number = all => Math.min(...all),
): Promise<StageTimes> {
	const last = unitsOf(model).units.length - 1;
	const ranges = [
		[0, cut - 1],
		[cut, last],
	] as const;
	const [first, second] = await Promise.all([0, 1].map(index => engine.stage(model, {...settings, ranges, index})));
	const random = seededRandom(2);
	const shape = [items, ...pictureShape];
	const input = tensor(
		'float32',
		shape,
		Float32Array.from({length: sizeOf(shape)}, () => random.next() - 0.5),
	);
	const labels = int64(
		[items],
		Array.from({length: items}, () => random.integer(pictureClasses)),
	);
	const name = model.graph.inputs[0]!.name;
	const where = {offset: 0, total: items};
	const times: Array<Omit<StageTimes, 'cut'>> = [];
	for (let round = -1; round < repeats; round++) {
		const ahead = await first!.forward(0, {[name]: input}, where);
		const learned = await second!.learn(0, ahead.values, labels, where);
		const back = await first!.backward(0, learned.gradients as Tensors);
		await Promise.all([first!, second!].map(stage => stage.apply({scale: 1 / items, lrScale: 1})));
		if (round >= 0) {
			times.push({forward: ahead.computeMs, learn: learned.computeMs, backward: back.computeMs});
		}
	}
	await Promise.all([first!.close(), second!.close()]);
	const of = (key: keyof (typeof times)[number]) => typical(times.map(time => time[key]));
	return {cut, forward: of('forward'), backward: of('backward'), learn: of('learn')};
}

/** A step without any time between passes: the longer stage works without a pause, the other one's work for one micro-batch is the fill. */
export function idealStep({forward, backward, learn}: StageTimes, micros: number): number {
	const [first, second] = [forward + backward, learn];
	return micros * Math.max(first, second) + Math.min(first, second);
}

/** Of the likely places to cut those whose ideal step, by measured times, is within a tenth of the best; of them the narrowest. */
export async function balancedCut(engine: Engine, model: Model, items: number, micros: number): Promise<number> {
	const {units, cuts} = unitsOf(model);
	const total = units.reduce((sum, {cost}) => sum + cost.flops, 0);
	let before = 0;
	const places = units.slice(0, -1).flatMap((unit, index) => {
		before += unit.cost.flops;
		return [{cut: index + 1, off: Math.abs(before / total - 0.5)}];
	});
	const likely = places.toSorted((a, b) => a.off - b.off).slice(0, 6);
	const measured: StageTimes[] = [];
	for (const {cut} of likely) {
		measured.push(await timesAt(engine, model, cut, items, 2));
	}
	const best = Math.min(...measured.map(times => idealStep(times, micros)));
	const good = measured.filter(times => idealStep(times, micros) <= 1.1 * best);
	return good.toSorted((a, b) => cuts[a.cut - 1]!.elements - cuts[b.cut - 1]!.elements)[0]!.cut;
}
