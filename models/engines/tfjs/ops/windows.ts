/** Geometry of windows that slide over one or two spatial axes: convolutions and poolings. */
import type {TfTensor} from '../value.js';
import type {OpContext} from './context.js';

export interface Windows {
	/** 1 or 2. */
	readonly spatial: number;
	readonly kernel: readonly [number, number];
	readonly strides: [number, number];
	readonly dilations: readonly [number, number];
	/** Before and after each spatial axis. */
	readonly pads: readonly [readonly [number, number], readonly [number, number]];
}

/** Adds the missing first axis of one-dimensional windows, so that everything below has two. */
const two = (values: readonly number[], missing: number): [number, number] =>
	values.length === 1 ? [missing, values[0]!] : [values[0]!, values[1]!];

/**
 * @param input spatial lengths of the input.
 * @param ceil whether the last window may hang over the end (`ceil_mode`); it is answered as padding.
 */
export function windowsOf(
	context: OpContext,
	input: readonly number[],
	kernel: readonly number[],
	ceil = false,
): Windows {
	const spatial = input.length;
	if (spatial < 1 || spatial > 2) {
		context.fail(`${spatial} spatial axes; the tfjs engine knows one and two`);
	}
	const strides = context.ints('strides') ?? input.map(() => 1);
	const dilations = context.ints('dilations') ?? input.map(() => 1);
	const given = context.ints('pads') ?? input.map(() => 0).concat(input.map(() => 0));
	const auto = context.string('auto_pad', 'NOTSET');
	const pads = input.map((length, axis): [number, number] => {
		const reach = (kernel[axis]! - 1) * dilations[axis]! + 1;
		const stride = strides[axis]!;
		if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
			const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + reach - length);
			const small = Math.floor(total / 2);
			return auto === 'SAME_UPPER' ? [small, total - small] : [total - small, small];
		}
		const [before, after] = auto === 'VALID' ? [0, 0] : [given[axis]!, given[axis + spatial]!];
		if (!ceil) {
			return [before, after];
		}
		let windows = Math.ceil((length + before + after - reach) / stride) + 1;
		if ((windows - 1) * stride >= length + before) {
			windows--; // A window must begin inside the input or its left padding.
		}
		return [before, Math.max(after, (windows - 1) * stride + reach - length - before)];
	});
	return {
		spatial,
		kernel: two(kernel, 1),
		strides: two(strides, 1),
		dilations: two(dilations, 1),
		pads: pads.length === 1 ? [[0, 0], pads[0]!] : [pads[0]!, pads[1]!],
	};
}

/** [N, L, C] as [N, 1, L, C]; [N, H, W, C] as it is. */
export const toImage = (context: OpContext, x: TfTensor): TfTensor =>
	x.rank === 4 ? x : context.tf.reshape(x, [x.shape[0]!, 1, x.shape[1]!, x.shape[2]!]);

export const fromImage = (context: OpContext, y: TfTensor, spatial: number): TfTensor =>
	spatial === 2 ? y : context.tf.reshape(y, [y.shape[0]!, y.shape[2]!, y.shape[3]!]);

export const padImage = (context: OpContext, x: TfTensor, pads: Windows['pads'], value: number): TfTensor =>
	pads.flat().every(amount => amount === 0)
		? x
		: context.tf.pad(x, [[0, 0], [...pads[0]] as [number, number], [...pads[1]] as [number, number], [0, 0]], value);
