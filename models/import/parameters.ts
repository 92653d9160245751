/**
 * Tells which initializers of an exported graph are weights. The file does not say; this is the rule, in order:
 * 1. Running statistics of batch norms are buffers, never weights.
 * 2. A weight is float32, of rank ≥ 1, in the file's initializers (what was folded from constants is none), all finite, and
 *    no mask (nothing but zeros and numbers ≤ −10⁴).
 * 3. It is read where an operator keeps its weights (kernels, matrices, biases, scales, embeddings), directly or through
 *    nodes that only move elements: then it is a weight whatever its name, since exporters rename transposed matrices.
 * 4. Or it takes part in other differentiable arithmetic (position embeddings, layer scales) and has a name that a person
 *    gave. Exporters store scale factors and such in the same way, but under made-up names (`val_3`, `onnx::Mul_12`).
 * 5. A gradient can flow from it to an output.
 * Registered buffers that take part in arithmetic (fixed sinusoidal encodings) look like weights; `freeze` names them.
 */
import type {Tensor} from '../../core/tensor/tensor.js';
import type {Graph, Node} from '../graph.js';

/** Inputs where an operator keeps weights. */
const weightSlots: Readonly<Record<string, readonly number[]>> = {
	Conv: [1, 2],
	ConvTranspose: [1, 2],
	Gemm: [0, 1, 2],
	MatMul: [0, 1],
	BatchNormalization: [1, 2],
	InstanceNormalization: [1, 2],
	GroupNormalization: [1, 2],
	LayerNormalization: [1, 2],
	LSTM: [1, 2, 3, 7],
	GRU: [1, 2, 3],
	RNN: [1, 2, 3],
	PRelu: [1],
	Gather: [0],
};

const statisticsSlots = [3, 4];

/** Inputs through which no gradient flows although they may be floats. */
const constantSlots: Readonly<Record<string, readonly number[]>> = {
	BatchNormalization: statisticsSlots,
	Clip: [1, 2],
	Dropout: [1, 2],
	Pad: [2],
	OneHot: [0, 1, 2],
};

/** Operators through which no gradient flows at all. */
const barriers = new Set([
	...[
		'Shape',
		'Size',
		'ArgMax',
		'ArgMin',
		'Equal',
		'Greater',
		'Less',
		'GreaterOrEqual',
		'LessOrEqual',
		'IsNaN',
		'IsInf',
	],
	...['Sign', 'Floor', 'Ceil', 'Round', 'ConstantOfShape', 'Range', 'EyeLike', 'OneHot', 'CastLike'],
	...['RandomNormalLike', 'RandomUniformLike', 'Bernoulli'],
]);

/** Operators that only move elements. */
export const movers: ReadonlySet<string> = new Set([
	...[
		'Identity',
		'Transpose',
		'Reshape',
		'Flatten',
		'Squeeze',
		'Unsqueeze',
		'Slice',
		'Split',
		'Concat',
		'Expand',
		'Tile',
	],
	...['Cast'],
]);

/** Names that exporters make up, not people: `val_3`, `onnx::Mul_12`, `/layer/Constant_output_0`, `87`, names of folded operations. */
export const madeUp =
	/^(?:val_\d+|onnx::.*|(?:.*_)?[Cc]onst(?:_fold_opt)?_*\d*|.*Constant(?:_\d+)?(?:_output_\d+)?|_?\d+|(?:c_)?lifted_tensor_\d+|(?:_to_copy|abs|add|alias|arange|cat|clone|cos|detach|div|exp|expand|full(?:_like)?|log|masked_fill|mul|neg|ones(?:_like)?|permute|pow|reshape|rsqrt|scalar_tensor_default|select|sin|slice|sqrt|stack|sub|to|transpose|tril|triu|unsqueeze|view|where|zeros(?:_like)?)(?:_\d+)?)$/u;

/** Nobody calls a constant so. */
const plainWeight = /(?:^|[._])(?:weight|bias)(?:_\w+)?$/u;

const flows = ({op, domain}: Node, slot: number): boolean =>
	domain !== '' || (!barriers.has(op) && !(constantSlots[op]?.includes(slot) ?? false));

const isMask = (values: Float32Array): boolean =>
	values.some(value => value <= -1e4) && values.every(value => value === 0 || value <= -1e4);

const isCandidate = (tensor: Tensor | undefined): tensor is Tensor<'float32'> =>
	tensor?.dtype === 'float32' &&
	tensor.shape.length > 0 &&
	tensor.data.length > 0 &&
	tensor.data.every(Number.isFinite) &&
	!isMask(tensor.data);

interface Use {
	readonly node: Node;
	readonly slot: number;
}

function usesOf(nodes: readonly Node[]): ReadonlyMap<string, readonly Use[]> {
	const uses = new Map<string, Use[]>();
	for (const node of nodes) {
		for (const [slot, name] of node.inputs.entries()) {
			const list = uses.get(name);
			if (list === undefined) {
				uses.set(name, [{node, slot}]);
			} else {
				list.push({node, slot});
			}
		}
	}
	return uses;
}

/** Values from which a gradient can flow to an output. */
function live(graph: Graph): ReadonlySet<string> {
	const values = new Set(graph.outputs.map(({name}) => name));
	for (const node of graph.nodes.toReversed()) {
		if (node.outputs.some(name => values.has(name))) {
			for (const [slot, name] of node.inputs.entries()) {
				if (flows(node, slot)) {
					values.add(name);
				}
			}
		}
	}
	return values;
}

export interface Roles {
	readonly parameters: readonly string[];
	readonly buffers: readonly string[];
	/** The parameters that rule 4 found, as far as their names leave doubts. */
	readonly byName: readonly string[];
}

/**
 * @param original initializers that the file has; others were made by folding.
 * @param frozen initializers that the user does not want to train.
 */
export function rolesOf(graph: Graph, original: ReadonlySet<string>, frozen: ReadonlySet<string>): Roles {
	const uses = usesOf(graph.nodes);
	const reachable = live(graph);
	/** Whether some use, here or behind nodes that move elements, satisfies the test. */
	const used = (name: string, test: (use: Use) => boolean): boolean => {
		const seen = new Set([name]);
		// A set may grow while it is walked, so this visits everything that is reached.
		for (const value of seen) {
			for (const use of uses.get(value) ?? []) {
				if (test(use)) {
					return true;
				}
				if (use.node.domain === '' && movers.has(use.node.op)) {
					for (const output of use.node.outputs) {
						seen.add(output);
					}
				}
			}
		}
		return false;
	};
	const isWeightUse = ({node, slot}: Use) => node.domain !== '' || (weightSlots[node.op]?.includes(slot) ?? false);
	const isArithmetic = ({node, slot}: Use) => !movers.has(node.op) && flows(node, slot);

	const parameters = new Set<string>();
	const buffers = new Set<string>();
	const byName = new Set<string>();
	for (const node of graph.nodes) {
		for (const [slot, name] of node.inputs.entries()) {
			const tensor = graph.initializers.get(name);
			if (node.domain === '' && node.op === 'BatchNormalization' && statisticsSlots.includes(slot)) {
				if (tensor?.dtype === 'float32') {
					buffers.add(name);
				}
				continue;
			}
			if (!original.has(name) || frozen.has(name) || !reachable.has(name) || !isCandidate(tensor)) {
				continue;
			}
			if (used(name, isWeightUse)) {
				parameters.add(name);
			} else if (!madeUp.test(name) && used(name, isArithmetic)) {
				parameters.add(name);
				if (!plainWeight.test(name)) {
					byName.add(name);
				}
			}
		}
	}
	return {
		parameters: [...parameters].filter(name => !buffers.has(name)),
		buffers: [...buffers],
		byName: [...byName].filter(name => !buffers.has(name)),
	};
}
