/**
 * Branches put together along the channels. The linear layer that follows gets N times the inputs; its weight is kept in N
 * slices, one per branch, which are put together when it is used.
 */
import {FplError} from '../../core/errors.js';
import {type Shape, type Tensor, tensor} from '../../core/tensor/tensor.js';
import {type Graph, int, type Node} from '../graph.js';
import {ofBranch} from './kinds.js';
import {type Boundary, type Merge, makeNode} from './merge.js';

export interface ConcatOptions {
	readonly boundary: Boundary;
	readonly branches: readonly string[];
	/** Nodes after the cut. */
	readonly trunk: readonly Node[];
	readonly outputs: Graph['outputs'];
	/** Trained tensors by name. */
	readonly parameters: ReadonlyMap<string, Tensor<'float32'>>;
	readonly prefix: string;
	readonly where: string;
}

interface Layer {
	readonly weight: string;
	/** Axis of the activation at the cut along which branches are put together. */
	readonly axis: number;
	/** Axis of the weight that counts inputs. */
	readonly weightAxis: number;
}

const intOf = ({attributes}: Node, name: string, fallback: number): number => {
	const attribute = attributes[name];
	return attribute?.kind === 'int' ? attribute.value : fallback;
};

/** Linear, and channel by channel: what is put together before it might as well be put together after it. */
const keepsChannelsApart = (node: Node): boolean =>
	node.domain === '' &&
	(['Identity', 'Dropout', 'AveragePool', 'GlobalAveragePool'].includes(node.op) ||
		(node.op === 'Flatten' && intOf(node, 'axis', 1) === 1));

/** The first layer after the cut. @throws FplError `MODEL_CUT` where it cannot be widened. */
function layerAfter({boundary, trunk, outputs, parameters, where}: ConcatOptions): Layer {
	const refuse = (problem: string, got?: string) =>
		new FplError('MODEL_CUT', {
			where,
			problem,
			expected: 'a Conv (one group), Gemm or MatMul with a trained weight as the only reader of the tensor at the cut',
			...(got === undefined ? {} : {got}),
			fix: 'Cut directly before such a layer, or choose another junction («conv1x1», «per-unit», «scalar»).',
		});
	let value = boundary.name;
	let flat = boundary.shape.length === 1;
	let passed = 0;
	for (;;) {
		const readers = trunk.filter(({inputs}) => inputs.includes(value));
		const [node] = readers;
		if (node === undefined || readers.length > 1 || outputs.some(({name}) => name === value)) {
			throw refuse('the tensor at the cut is read in several places', `${readers.length} readers of «${value}»`);
		}
		if (keepsChannelsApart(node) && node.inputs[0] === value) {
			flat ||= node.op === 'Flatten';
			passed++;
			value = node.outputs[0]!;
			continue;
		}
		const weight = node.inputs[1] ?? '';
		const linear = node.domain === '' && ['Conv', 'Gemm', 'MatMul'].includes(node.op) && node.inputs[0] === value;
		if (!linear || !parameters.has(weight)) {
			throw refuse('the first layer after the cut is not linear', `«${node.name}» (${node.op})`);
		}
		if (trunk.filter(({inputs}) => inputs.includes(weight)).length > 1) {
			throw refuse('the weight of the first layer after the cut is used elsewhere too', `«${weight}»`);
		}
		const rank = parameters.get(weight)!.shape.length;
		switch (node.op) {
			case 'Conv':
				if (intOf(node, 'group', 1) !== 1) {
					throw refuse('a convolution in groups has no input that all branches share', `«${node.name}»`);
				}
				return {weight, axis: 1, weightAxis: 1};
			case 'Gemm':
				if (intOf(node, 'transA', 0) !== 0) {
					throw refuse('the first layer after the cut reads its input transposed', `«${node.name}»`);
				}
				return {weight, axis: 1, weightAxis: intOf(node, 'transB', 0) === 0 ? 0 : 1};
			default:
				if (rank !== 2 || (!flat && passed > 0)) {
					throw refuse('the first layer after the cut multiplies more than features', `«${node.name}»`);
				}
				return {weight, axis: flat ? 1 : boundary.shape.length, weightAxis: 0};
		}
	}
}

const scaled = (t: Tensor<'float32'>, factor: number): Tensor<'float32'> =>
	tensor(
		'float32',
		t.shape as Shape,
		t.data.map(value => value * factor),
	);

/** @throws FplError `MODEL_CUT` when what follows the cut is no linear layer that can be widened. */
export function concatenate(options: ConcatOptions): Merge {
	const {boundary, branches, parameters, prefix} = options;
	const {weight, axis, weightAxis} = layerAfter(options);
	const each = (name: string) => branches.map(branch => ofBranch(name, branch));
	return {
		nodes: [
			makeNode('Concat', each(boundary.name), boundary.name, {
				name: `${prefix}.concat`,
				attributes: {axis: int(axis)},
			}),
			makeNode('Concat', each(weight), weight, {name: `${prefix}.weight`, attributes: {axis: int(weightAxis)}}),
		],
		weights: new Map([[weight, scaled(parameters.get(weight)!, 1 / branches.length)]]),
		constants: new Map(),
	};
}
