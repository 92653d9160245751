/**
 * Aligned sources: several devices that see parts of the same item. Each view is a dataset with the same items, targets
 * and order, whose one feature is a part of the original's.
 */
import type {Frozen} from '../../core/config/config.js';
import {FplError} from '../../core/errors.js';
import type {ViewsDocument} from '../../core/plan/views.js';
import {type Shape, sizeOf, type Tensor, tensor} from '../../core/tensor/tensor.js';
import type {Dataset, Features} from './dataset.js';

export type ViewKind = Frozen<ViewsDocument>;

/** A part of an item: its shape, and where its elements lie in the item. */
interface Part {
	readonly label: string;
	readonly shape: Shape;
	readonly offsets: Uint32Array;
}

const misfit = (dataset: Dataset, feature: Features, kind: string, expected: string) =>
	new FplError('DATA_SHAPE', {
		where: `views «${kind}» of dataset «${dataset.name}»`,
		expected,
		got: `${feature.dtype}[${feature.shape.join(', ')}]`,
	});

function channelParts(shape: Shape): Part[] {
	const [channels, ...rest] = shape as [number, ...number[]];
	const plane = sizeOf(rest);
	return Array.from({length: channels}, (_, channel) => ({
		label: `channel ${channel}`,
		shape: [1, ...rest],
		offsets: Uint32Array.from({length: plane}, (_, index) => channel * plane + index),
	}));
}

/** Start of each tile along one axis, and their common length. */
function tileAxis(length: number, count: number, overlap: number): {readonly starts: number[]; readonly size: number} {
	const size = Math.min(length, Math.ceil((length / count) * (1 + overlap)));
	const starts = Array.from({length: count}, (_, index) => {
		const centre = ((index + 0.5) * length) / count;
		return Math.max(0, Math.min(length - size, Math.round(centre - size / 2)));
	});
	return {starts, size};
}

function tileParts(shape: Shape, rows: number, columns: number, overlap: number): Part[] {
	const [channels, height, width] = shape as [number, number, number];
	const [down, across] = [tileAxis(height, rows, overlap), tileAxis(width, columns, overlap)];
	const part = [channels, down.size, across.size];
	return down.starts.flatMap((top, row) =>
		across.starts.map((left, column) => ({
			label: `tile ${row},${column}`,
			shape: part,
			offsets: Uint32Array.from({length: sizeOf(part)}, (_, index) => {
				const x = index % across.size;
				const y = Math.floor(index / across.size) % down.size;
				const channel = Math.floor(index / (across.size * down.size));
				return (channel * height + top + y) * width + left + x;
			}),
		})),
	);
}

function partsOf(dataset: Dataset, feature: Features, view: ViewKind): Part[] {
	const {shape} = feature;
	switch (view.kind) {
		case 'channels':
			if (shape.length < 1) {
				throw misfit(dataset, feature, view.kind, 'items of [channels, …]');
			}
			return channelParts(shape);
		case 'tiles': {
			const {rows, columns, overlap = 0} = view;
			const counts = [rows, columns].every(count => Number.isInteger(count) && count >= 1);
			if (!counts || !(overlap >= 0 && overlap < 1)) {
				throw new FplError('CONFIG_VALUE', {
					where: 'views «tiles»',
					expected: 'rows and columns ≥ 1 and an overlap in [0, 1)',
					got: `${rows} × ${columns}, ${overlap}`,
				});
			}
			if (shape.length !== 3 || shape[1]! < rows || shape[2]! < columns) {
				throw misfit(dataset, feature, view.kind, `pictures [channels, height ≥ ${rows}, width ≥ ${columns}]`);
			}
			return tileParts(shape, rows, columns, overlap);
		}
		case 'columns': {
			const width = sizeOf(shape);
			const groups = view.groups ?? Array.from({length: width}, (_, column) => [column]);
			const sound = groups.every(
				group => group.length > 0 && group.every(column => Number.isInteger(column) && column >= 0 && column < width),
			);
			if (shape.length !== 1 || !sound) {
				throw misfit(dataset, feature, view.kind, 'vectors that have all the columns of the groups');
			}
			return groups.map(group => ({
				label: `columns ${group.join(', ')}`,
				shape: [group.length],
				offsets: Uint32Array.from(group),
			}));
		}
		default:
			return view satisfies never;
	}
}

function pick(whole: Tensor, {shape, offsets}: Part): Tensor {
	const items = whole.shape[0]!;
	const size = items === 0 ? 0 : whole.data.length / items;
	const gather = <T extends {[index: number]: number | bigint}>(from: T, to: T): T => {
		for (let item = 0, target = 0; item < items; item++) {
			for (let index = 0; index < offsets.length; index++) {
				to[target++] = from[item * size + offsets[index]!]!;
			}
		}
		return to;
	};
	const length = items * offsets.length;
	return whole.dtype === 'int64'
		? tensor('int64', [items, ...shape], gather(whole.data, new BigInt64Array(length)))
		: tensor('float32', [items, ...shape], gather(whole.data as Float32Array, new Float32Array(length)));
}

/**
 * The views of a dataset with one feature, in order.
 * @throws FplError `DATA_SHAPE` when its items cannot be seen in that way; `CONFIG_VALUE` for impossible tiles.
 */
export function views(dataset: Dataset, view: ViewKind): Dataset[] {
	const [feature, ...others] = dataset.features;
	if (feature === undefined || others.length > 0) {
		throw new FplError('DATA_SHAPE', {
			where: `views of dataset «${dataset.name}»`,
			expected: 'one feature',
			got: `${dataset.features.length}`,
		});
	}
	return partsOf(dataset, feature, view).map(part => ({
		...dataset,
		name: `${dataset.name}, ${part.label}`,
		features: [{...feature, shape: part.shape}],
		batch(indices) {
			const {inputs, targets} = dataset.batch(indices);
			return {inputs: {[feature.name]: pick(inputs[feature.name]!, part)}, targets};
		},
	}));
}
