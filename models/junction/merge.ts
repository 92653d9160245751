/** The nodes of a junction, for each kind. */
import {FplError} from '../../core/errors.js';
import {float32, int64, type Shape, scalar, sizeOf, type Tensor, tensor} from '../../core/tensor/tensor.js';
import {type Attributes, int, type Node} from '../graph.js';
import {type JunctionKind, maxDenseElements, ofBranch} from './kinds.js';

/** A tensor that crosses the cut in every branch, and becomes one. */
export interface Boundary {
	/** Its name in the model: that of the merged tensor too, so that the trunk need not change. */
	readonly name: string;
	/** Of one item. */
	readonly shape: Shape;
}

export interface Merge {
	readonly nodes: readonly Node[];
	/** Trained tensors of one branch by their names without it; all branches begin alike. */
	readonly weights: ReadonlyMap<string, Tensor<'float32'>>;
	readonly constants: ReadonlyMap<string, Tensor>;
}

export interface MergeOptions {
	readonly kind: Exclude<JunctionKind, 'concat'>;
	readonly boundary: Boundary;
	readonly branches: readonly string[];
	/** What names of nodes, values and weights begin with. */
	readonly prefix: string;
	/** For messages. */
	readonly where: string;
}

export const makeNode = (
	op: string,
	inputs: readonly string[],
	output: string,
	{name = output, attributes = {}}: {readonly name?: string; readonly attributes?: Attributes} = {},
): Node => ({name, op, domain: '', inputs, outputs: [output], attributes});

/** A chain of Add (ONNX Runtime runs a Sum of many on one thread only) that ends in `output`. */
function sum(values: readonly string[], output: string, prefix: string): Node[] {
	const [first, ...rest] = values as [string, ...string[]];
	if (rest.length === 0) {
		return [makeNode('Identity', [first], output, {name: `${prefix}.sum`})];
	}
	let total = first;
	return rest.map((value, index) => {
		const last = index === rest.length - 1;
		const next = last ? output : `${prefix}.sum${index + 2}`;
		const node = makeNode('Add', [total, value], next, {name: last ? `${prefix}.sum` : next});
		total = next;
		return node;
	});
}

/** `diagonal` on the diagonal of a matrix of `size` rows, then shaped. */
function scaledIdentity(size: number, diagonal: number, shape: Shape): Tensor<'float32'> {
	const data = new Float32Array(size * size);
	for (let row = 0; row < size; row++) {
		data[row * size + row] = diagonal;
	}
	return tensor('float32', shape, data);
}

/** The nodes that turn the branches' tensors `<name>@<branch>` into `<name>`. @throws FplError `MODEL_CUT` */
export function merge(options: MergeOptions): Merge {
	const {kind, boundary, branches, prefix, where} = options;
	const {name, shape} = boundary;
	const share = 1 / branches.length;
	const values = branches.map(branch => ofBranch(name, branch));
	const weight = `${prefix}.weight`;
	const none = new Map<string, never>();
	/** Each branch's tensor with its weight, and the sum of them. */
	const weighted = (
		op: 'Mul' | 'Conv' | 'MatMul',
		initial: Tensor<'float32'>,
		{from = values, to = name}: {readonly from?: readonly string[]; readonly to?: string} = {},
	): Merge => {
		const products = branches.map(branch => ofBranch(`${prefix}.weighted`, branch));
		return {
			nodes: [
				...branches.map((branch, index) => makeNode(op, [from[index]!, ofBranch(weight, branch)], products[index]!)),
				...sum(products, to, prefix),
			],
			weights: new Map([[weight, initial]]),
			constants: none,
		};
	};
	const refuse = (problem: string, expected: string, fix: string) =>
		new FplError('MODEL_CUT', {where, problem, expected, got: `«${name}» of [N, ${shape.join(', ')}]`, fix});

	switch (kind) {
		case 'sum':
			return {nodes: sum(values, name, prefix), weights: none, constants: none};
		case 'max':
			return {nodes: [makeNode('Max', values, name, {name: `${prefix}.max`})], weights: none, constants: none};
		case 'mean': {
			const [total, factor] = [`${prefix}.total`, `${prefix}.share`];
			return {
				nodes: [...sum(values, total, prefix), makeNode('Mul', [total, factor], name, {name: `${prefix}.mean`})],
				weights: none,
				constants: new Map([[factor, scalar(share)]]),
			};
		}
		case 'scalar':
			return weighted('Mul', float32([1], [share]));
		case 'per-unit':
			return weighted('Mul', tensor('float32', shape, new Float32Array(sizeOf(shape)).fill(share)));
		case 'conv1x1': {
			if (shape.length !== 2 && shape.length !== 3) {
				throw refuse(
					'a 1×1 convolution joins activations with channels',
					'[N, C, L] or [N, C, H, W]',
					'Cut among the convolutions, or choose another junction («per-unit», «dense»).',
				);
			}
			const channels = shape[0]!;
			return weighted('Conv', scaledIdentity(channels, share, [channels, channels, ...shape.slice(1).map(() => 1)]));
		}
		case 'dense': {
			const elements = sizeOf(shape);
			if (elements > maxDenseElements) {
				throw refuse(
					`a matrix of ${elements} × ${elements} per branch is too large`,
					`at most ${maxDenseElements} elements per item`,
					'Cut where the activation is narrower, or choose «conv1x1», «per-unit» or «scalar».',
				);
			}
			const matrix = scaledIdentity(elements, share, [elements, elements]);
			if (shape.length === 1) {
				return weighted('MatMul', matrix);
			}
			const flat = branches.map(branch => ofBranch(`${prefix}.flat`, branch));
			const [joined, target] = [`${prefix}.joined`, `${prefix}.shape`];
			const {nodes, weights} = weighted('MatMul', matrix, {from: flat, to: joined});
			return {
				nodes: [
					...values.map((value, index) => makeNode('Flatten', [value], flat[index]!, {attributes: {axis: int(1)}})),
					...nodes,
					makeNode('Reshape', [joined, target], name, {name: `${prefix}.reshape`}),
				],
				weights,
				constants: new Map([[target, int64([shape.length + 1], [0, ...shape])]]),
			};
		}
		default:
			return kind satisfies never;
	}
}
