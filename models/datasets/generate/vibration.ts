/** Vibration windows of a rotating machine: four aligned sensors, five classes, drawn from a seed (see machine.ts). */
import {type Random, seededRandom} from '../../../core/random.js';
import type {Split} from '../dataset.js';
import {memoryDataset} from '../memory.js';
import {type Normalisation, type Normalise, normalisation} from '../normalise.js';
import {machineClasses, machineSensors, machineWindow, windowSamples} from './machine.js';

const channels = machineSensors.length;
const size = channels * windowSamples;

export interface DrawnWindows {
	readonly data: Float32Array;
	readonly labels: Int32Array;
}

/** Windows of [4, 256] samples; each class as often as the others, to within one, in random order. */
export function drawWindows(items: number, random: Random): DrawnWindows {
	const labels = Int32Array.from(
		random.shuffle(Array.from({length: items}, (_, item) => item % machineClasses.length)),
	);
	const data = new Float32Array(items * size);
	for (let item = 0; item < items; item++) {
		machineWindow(machineClasses[labels[item]!]!, random, data.subarray(item * size, (item + 1) * size));
	}
	return {data, labels};
}

const framesPerWindow = 32;

/** [4 sensors, 256 samples] → [32 steps, 4 × 8 samples]: each step holds eight samples of every sensor. */
function toFrames(windows: Float32Array): Float32Array {
	const length = windowSamples / framesPerWindow;
	const frames = new Float32Array(windows.length);
	for (let start = 0; start < windows.length; start += size) {
		for (let step = 0; step < framesPerWindow; step++) {
			for (let channel = 0; channel < channels; channel++) {
				const from = start + channel * windowSamples + step * length;
				frames.set(windows.subarray(from, from + length), start + (step * channels + channel) * length);
			}
		}
	}
	return frames;
}

export interface VibrationOptions {
	readonly seed: number;
	/** Items to draw. */
	readonly train: number;
	readonly test: number;
	/** `windows`: [4, 256], for convolutions; `frames`: sequences [32, 32], for recurrent nets. Default `windows`. */
	readonly form?: 'windows' | 'frames';
	/** Constants per sensor. */
	readonly normalise?: Normalise;
}

export interface DrawnVibration {
	readonly form: 'windows' | 'frames';
	readonly train: DrawnWindows;
	readonly test: DrawnWindows;
	readonly constants: Normalisation;
}

/** Training and test windows come from different streams. */
export function paintVibration({
	seed,
	train,
	test,
	form = 'windows',
	normalise = 'train',
}: VibrationOptions): DrawnVibration {
	const random = seededRandom(seed).fork('vibration');
	const parts = {train: drawWindows(train, random.fork('train')), test: drawWindows(test, random.fork('test'))};
	const perSensor = normalisation(normalise, parts.train.data, channels, windowSamples);
	const frames = form === 'frames';
	const shaped = ({data, labels}: DrawnWindows) => ({data: frames ? toFrames(data) : data, labels});
	// A frame holds the sensors one after the other too, so that the same constants return in every step.
	const repeat = (values: readonly number[]) =>
		frames ? Array.from({length: framesPerWindow}, () => values).flat() : values;
	return {
		form,
		train: shaped(parts.train),
		test: shaped(parts.test),
		constants: {mean: repeat(perSensor.mean), deviation: repeat(perSensor.deviation)},
	};
}

/** A split with features «input» and the classes of `machineClasses`. */
export function vibrationSplit({form, constants, ...parts}: DrawnVibration): Split {
	const shape = form === 'frames' ? [framesPerWindow, size / framesPerWindow] : [channels, windowSamples];
	const dataset = (part: 'train' | 'test') =>
		memoryDataset(`vibration (${part})`, [{name: 'input', shape, data: parts[part].data, normalisation: constants}], {
			kind: 'classes',
			classes: machineClasses.length,
			labels: parts[part].labels,
		});
	return {train: dataset('train'), test: dataset('test')};
}
