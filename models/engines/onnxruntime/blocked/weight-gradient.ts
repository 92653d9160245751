/**
 * Weight gradients of convolutions with a window of several taps, as one blocked convolution: the data with channels and
 * items exchanged, [C, N, H, W], convolved with the gradient as weight, [M, N, OH, OW], answers [C, M, kh, kw]. Strides and
 * dilations change places. Compared with matrix products over shifted data (`gradients/sliding/conv-weight.ts`) nothing is
 * copied once per tap, and all of it is shared out to threads, which those copies are not.
 *
 * Blocks hold items here, so their number must be a whole number of blocks: where it is not, pictures are cut into tiles
 * of rows, each a part of the sum of its own like a further item.
 */
import {type Shape, sizeOf, tensor} from '../../../../core/tensor/tensor.js';
import {covered} from '../../../gradients/sliding/window.js';
import {type Graph, int, ints, type Node, type WeightGradient} from '../../../graph.js';
import {blockedDomain, type Rewriter} from './rewriter.js';

/** Stands for the nodes that compute a weight gradient, between here and the rewriter. */
const placeholder = 'fpl.onnxruntime';

/** The graph's nodes, those of weight gradients that are better computed here replaced by a placeholder each. */
export function withWeightGradients(graph: Graph, r: Rewriter): readonly Node[] {
	const chosen = new Map(
		[...(graph.weightGradients ?? [])].filter(([, note]) => worthwhile(r, note) && tilesOf(r, note) !== undefined),
	);
	const needed = new Set(graph.outputs.map(({name}) => name));
	const nodes: Node[] = [];
	for (const node of graph.nodes.toReversed()) {
		if (!node.outputs.some(output => needed.has(output))) {
			continue;
		}
		const note = chosen.get(node.outputs[0]!);
		const kept =
			note === undefined
				? node
				: {...node, op: 'WeightGradient', domain: placeholder, inputs: [note.data, note.gradient], attributes: {}};
		nodes.push(kept);
		for (const input of kept.inputs) {
			needed.add(input);
		}
	}
	return nodes.reverse();
}

/** Whether the convolution saves more than putting data, gradient and result into order costs. */
function worthwhile(r: Rewriter, {data, gradient, window}: WeightGradient): boolean {
	const [, filters] = r.shape(gradient) ?? [];
	return r.shape(data)?.length === 4 && filters! % r.block === 0 && sizeOf(window.kernel) > 1;
}

/** Into how many tiles of rows each picture is cut; undefined where nothing comes out even. */
function tilesOf(r: Rewriter, {data, window}: WeightGradient): number | undefined {
	const [items] = r.shape(data) as [number];
	const rows = window.output[0]!;
	for (let tiles = 1; tiles <= Math.min(rows, r.block); tiles++) {
		if (rows % tiles === 0 && (items * tiles) % r.block === 0) {
			return tiles;
		}
	}
	return undefined;
}

/** @returns whether the node is a placeholder, in whose place the nodes are then. */
export function emitWeightGradient(r: Rewriter, node: Node, graph: Graph): boolean {
	if (node.domain !== placeholder) {
		return false;
	}
	const [output] = node.outputs as [string];
	const note = graph.weightGradients!.get(output)!;
	const {window} = note;
	const tiles = tilesOf(r, note)!;
	const [, channels] = r.shape(note.data) as [number, number];
	const [, filters] = r.shape(note.gradient) as [number, number];
	const products = r.emit(
		'Conv',
		[itemsLast(r, note, tiles), gradientFilter(r, note, tiles)],
		{
			kernel_shape: ints([window.output[0]! / tiles, window.output[1]!]),
			strides: ints(window.dilations),
			dilations: ints(window.strides),
			pads: ints([0, 0, 0, 0]),
			group: int(1),
		},
		blockedDomain,
	);
	r.setPlain(output, inWeightOrder(r, products, [filters, channels, ...window.kernel]));
	return true;
}

/** The padded data [N, C, H, W] as blocked [C, N·tiles, rows of a tile, W]. */
function itemsLast(r: Rewriter, {data, window}: WeightGradient, tiles: number): string {
	const [items, channels] = r.shape(data) as [number, number];
	const {begin, input, output, strides, kernel, dilations} = window;
	const used = covered(window);
	const behind = used.map((length, axis) => length - begin[axis]! - input[axis]!);
	const pads = [0, 0, ...begin, 0, 0, ...behind];
	const value = r.plain(data);
	const padded = pads.every(count => count === 0) ? value : r.emit('Pad', [value, r.numbers(pads)]);
	const [height, width] = used as [number, number];
	const step = (output[0]! / tiles) * strides[0]!;
	const rows = step - strides[0]! + (kernel[0]! - 1) * dilations[0]! + 1;
	const parts = items * tiles;
	// One tile is moved as a whole, several row by row.
	const [pieces, length] = tiles === 1 ? [1, height * width] : [rows, width];
	const each = tiles === 1 ? 1 : height;
	const order = new Int32Array(channels * parts * pieces);
	let next = 0;
	for (let channel = 0; channel < channels; channel++) {
		for (let item = 0; item < items; item++) {
			for (let tile = 0; tile < tiles; tile++) {
				for (let piece = 0; piece < pieces; piece++) {
					order[next++] = (item * channels + channel) * each + tile * step + piece;
				}
			}
		}
	}
	const moved = gathered(r, r.reshape(padded, [items * channels * each, length]), order);
	return r.emit('ReorderInput', [r.reshape(moved, [channels, parts, rows, width])], {}, blockedDomain);
}

/** The gradient [N, M, OH, OW] as the weight [M/B, N·tiles/B, rows of a tile, OW, B items, B filters]. */
function gradientFilter(r: Rewriter, {gradient, window}: WeightGradient, tiles: number): string {
	const {block} = r;
	const [items, filters] = r.shape(gradient) as [number, number];
	const [height, width] = window.output as [number, number];
	const rows = height / tiles;
	const order = new Int32Array((items * filters * height * width) / block);
	let next = 0;
	for (let filter = 0; filter < filters / block; filter++) {
		for (let first = 0; first < items * tiles; first += block) {
			for (let row = 0; row < rows; row++) {
				for (let column = 0; column < width; column++) {
					for (let part = first; part < first + block; part++) {
						const item = Math.floor(part / tiles);
						const y = (part % tiles) * rows + row;
						order[next++] = ((item * (filters / block) + filter) * height + y) * width + column;
					}
				}
			}
		}
	}
	const moved = gathered(r, r.reshape(r.blocked(gradient), [order.length, block]), order);
	return r.reshape(moved, [filters, items * tiles, rows, width]);
}

/** Blocked [C, M, kh, kw] → plain [M, C, kh, kw]. */
function inWeightOrder(r: Rewriter, products: string, shape: Shape): string {
	const {block} = r;
	const [filters, channels, ...kernel] = shape as [number, number, ...number[]];
	const [blocks, taps] = [filters / block, sizeOf(kernel)];
	const order = new Int32Array(channels * blocks * taps);
	let next = 0;
	for (let filter = 0; filter < blocks; filter++) {
		for (let channel = 0; channel < channels; channel++) {
			for (let tap = 0; tap < taps; tap++) {
				order[next++] = (channel * blocks + filter) * taps + tap;
			}
		}
	}
	const moved = blocks === 1 ? products : gathered(r, r.reshape(products, [order.length, block]), order);
	const plain = r.emit(
		'ReorderOutput',
		[r.reshape(moved, [blocks, block, channels * taps, 1])],
		{channels: int(block)},
		blockedDomain,
	);
	return r.reshape(plain, shape);
}

/** Rows in another order: the one operator that moves data and is shared out to threads. */
const gathered = (r: Rewriter, rows: string, order: Int32Array<ArrayBuffer>): string =>
	r.emit('Gather', [rows, r.constant(tensor('int32', [order.length], order))]);
