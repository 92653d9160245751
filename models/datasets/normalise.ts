/** Constants that bring features to mean 0 and deviation 1, computed from a training split. */
import {FplError} from '../../core/errors.js';

/** Per channel, in the unit of the stored numbers (bytes for pictures): value = (stored − mean) / deviation. */
export interface Normalisation {
	readonly mean: readonly number[];
	/** Each > 0. */
	readonly deviation: readonly number[];
}

/** `train`: constants of the training split; `none`: stored numbers as they are; or given ones. */
export type Normalise = 'train' | 'none' | Normalisation;

type Numbers = Uint8Array | Float32Array;

/** A constant channel has no deviation; 1 leaves it at 0. */
const usable = (deviation: number) => (deviation > 1e-12 ? deviation : 1);

/** Bytes are counted per value first: exact, and fast for millions of pixels. */
function ofBytes(data: Uint8Array, channels: number, plane: number): Normalisation {
	const counts = Array.from({length: channels}, () => new Float64Array(256));
	for (let start = 0, channel = 0; start < data.length; start += plane, channel = (channel + 1) % channels) {
		const count = counts[channel]!;
		for (let index = start; index < start + plane; index++) {
			count[data[index]!]! += 1;
		}
	}
	const moments = counts.map(count => {
		const total = count.reduce((sum, n) => sum + n, 0);
		const mean = count.reduce((sum, n, value) => sum + n * value, 0) / total;
		const variance = count.reduce((sum, n, value) => sum + n * (value - mean) ** 2, 0) / total;
		return {mean, deviation: usable(Math.sqrt(variance))};
	});
	return {mean: moments.map(({mean}) => mean), deviation: moments.map(({deviation}) => deviation)};
}

function ofFloats(data: Float32Array, channels: number, plane: number): Normalisation {
	const [mean, squares] = [new Array<number>(channels).fill(0), new Array<number>(channels).fill(0)];
	const perChannel = data.length / channels;
	const each = (visit: (value: number, channel: number) => void) => {
		for (let start = 0, channel = 0; start < data.length; start += plane, channel = (channel + 1) % channels) {
			for (let index = start; index < start + plane; index++) {
				visit(data[index]!, channel);
			}
		}
	};
	each((value, channel) => {
		mean[channel]! += value / perChannel;
	});
	each((value, channel) => {
		squares[channel]! += (value - mean[channel]!) ** 2 / perChannel;
	});
	return {mean, deviation: squares.map(square => usable(Math.sqrt(square)))};
}

/**
 * Mean and deviation per channel over all items.
 * @param data items one after the other; each is `channels` planes of `plane` elements.
 */
export function measure(data: Numbers, channels: number, plane: number): Normalisation {
	if (data.length === 0) {
		return {mean: new Array<number>(channels).fill(0), deviation: new Array<number>(channels).fill(1)};
	}
	return data instanceof Uint8Array ? ofBytes(data, channels, plane) : ofFloats(data, channels, plane);
}

/**
 * The constants to use, measured on `train` where `choice` says so.
 * @throws FplError `DATA_SHAPE` when given constants are not as many as channels, or a deviation is not > 0.
 */
export function normalisation(choice: Normalise, train: Numbers, channels: number, plane: number): Normalisation {
	if (choice === 'train') {
		return measure(train, channels, plane);
	}
	if (choice === 'none') {
		return {mean: new Array<number>(channels).fill(0), deviation: new Array<number>(channels).fill(1)};
	}
	const fits = choice.mean.length === channels && choice.deviation.length === channels;
	if (!fits || !choice.deviation.every(value => value > 0) || !choice.mean.every(Number.isFinite)) {
		throw new FplError('DATA_SHAPE', {
			where: 'normalisation',
			expected: `${channels} means and ${channels} deviations > 0`,
			got: `means [${choice.mean.join(', ')}], deviations [${choice.deviation.join(', ')}]`,
		});
	}
	return choice;
}
