/**
 * Follows the batch through a graph whose shapes are all fixed: which axis of a value counts the items. Every rule also
 * makes sure that the operator treats the items apart from each other; where it cannot tell, it gives up, so that a graph
 * is never changed into one that computes something else.
 */
import type {Shape} from '../../core/tensor/tensor.js';
import type {Node} from '../graph.js';
import type {InferContext} from '../infer/context.js';

/** Axis `axis` has the size before · batch · after: items are counted between other indices that were merged with them. */
export interface Track {
	readonly axis: number;
	readonly before: number;
	readonly after: number;
}

/** Thrown where the items do not stay apart, or nobody can tell. */
export class Mixed extends Error {}

/** What a rule sees of its node: shapes at the exported batch size, and the tracks of the inputs. */
export interface Step {
	readonly node: Node;
	readonly context: InferContext;
	readonly tracks: readonly (Track | undefined)[];
	readonly shapes: readonly Shape[];
	/** Shape of output 0. */
	readonly result: Shape;
}

type Rule = (step: Step) => Track | undefined;

const mixed = (reason: string): never => {
	throw new Mixed(reason);
};

const same = (a: Track, b: Track): boolean => a.axis === b.axis && a.before === b.before && a.after === b.after;

const moved = (track: Track, axis: number): Track => ({...track, axis});

/** The axis as counted in the (broadcast) result. */
const aligned = (track: Track, shape: Shape, result: Shape): Track =>
	moved(track, track.axis + result.length - shape.length);

/** Inputs are broadcast together: the tracked ones must agree, the others be stretched along that axis. */
const elementwise: Rule = ({tracks, shapes, result}) => {
	const found = tracks.flatMap((track, index) => (track === undefined ? [] : [aligned(track, shapes[index]!, result)]));
	const [first] = found;
	if (first === undefined) {
		return undefined;
	}
	if (!found.every(track => same(track, first))) {
		mixed('its inputs count the items along different axes');
	}
	for (const [index, shape] of shapes.entries()) {
		const size = tracks[index] === undefined ? (shape[first.axis - (result.length - shape.length)] ?? 1) : 1;
		if (size !== 1) {
			mixed('a constant has one entry per item of the batch');
		}
	}
	return first;
};

/** Only input 0 may carry the batch; it goes through where it is. */
const through: Rule = ({tracks}) => {
	onlyFirst(tracks);
	return tracks[0];
};

const onlyFirst = (tracks: Step['tracks']): void => {
	if (tracks.slice(1).some(track => track !== undefined)) {
		mixed('an input that should be a constant depends on the batch');
	}
};

const plainly = (track: Track, axis: number): void => {
	if (track.axis !== axis || track.before !== 1 || track.after !== 1) {
		mixed(`the items are not counted along axis ${axis}`);
	}
};

/** Convolutions, poolings, batch norms: the batch is axis 0. */
const batchFirst: Rule = ({tracks}) => {
	onlyFirst(tracks);
	if (tracks[0] !== undefined) {
		plainly(tracks[0], 0);
	}
	return tracks[0];
};

/** Works along `axis`, which must not be the batch's. */
const along =
	(byDefault: number): Rule =>
	({context, tracks, shapes}) => {
		onlyFirst(tracks);
		const axis = context.axis(context.int('axis', byDefault), shapes[0]!.length);
		return tracks[0]?.axis === axis ? mixed('it works along the batch') : tracks[0];
	};

const normalised: Rule = ({context, tracks, shapes}) => {
	onlyFirst(tracks);
	const axis = context.axis(context.int('axis', -1), shapes[0]!.length);
	return tracks[0] !== undefined && tracks[0].axis >= axis ? mixed('it normalises over the batch') : tracks[0];
};

/** Axis after those in `gone` were removed. */
const without = (track: Track, gone: readonly number[]): Track =>
	gone.includes(track.axis)
		? mixed('it takes the batch axis away')
		: moved(track, track.axis - gone.filter(axis => axis < track.axis).length);

const reduced: Rule = ({context, tracks, shapes}) => {
	const [track] = tracks;
	const {length: rank} = shapes[0]!;
	const named = context.has(1) ? context.numbers(1) : (context.ints('axes') ?? []);
	if (track === undefined || (named.length === 0 && context.int('noop_with_empty_axes', 0) !== 0)) {
		return track;
	}
	const axes = named.length === 0 ? [...shapes[0]!.keys()] : context.axes(named, rank);
	const left = without(track, axes);
	return context.int('keepdims', 1) !== 0 ? track : left;
};

const searched: Rule = ({context, tracks: [track], shapes}) => {
	const axis = context.axis(context.int('axis', 0), shapes[0]!.length);
	const left = track && without(track, [axis]);
	return context.int('keepdims', 1) !== 0 ? track : left;
};

const transposed: Rule = ({context, tracks: [track], shapes}) => {
	const permutation = context.ints('perm') ?? [...shapes[0]!.keys()].reverse();
	return (
		track &&
		moved(
			track,
			permutation.findIndex(axis => context.axis(axis, shapes[0]!.length) === track.axis),
		)
	);
};

const squeezed: Rule = ({context, tracks: [track], shapes}) => {
	const {length: rank} = shapes[0]!;
	const all = [...shapes[0]!.keys()].filter(axis => shapes[0]![axis] === 1);
	return track && without(track, context.has(1) ? context.axes(context.numbers(1), rank) : all);
};

const unsqueezed: Rule = ({context, tracks: [track], result}) => {
	let axis = track?.axis ?? 0;
	for (const added of context.axes(context.numbers(1), result.length)) {
		axis += added <= axis ? 1 : 0;
	}
	return track && moved(track, axis);
};

const concatenated: Rule = ({context, tracks, shapes}) => {
	const [first] = tracks;
	const axis = context.axis(context.int('axis', 0), shapes[0]!.length);
	if (tracks.every(track => track === undefined)) {
		return undefined;
	}
	if (first === undefined || first.axis === axis || !tracks.every(track => track !== undefined && same(track, first))) {
		return mixed('it joins values with and without a batch, or along the batch');
	}
	return first;
};

const sliced: Rule = ({tracks, shapes, result}) => {
	onlyFirst(tracks);
	const [track] = tracks;
	return track !== undefined && shapes[0]![track.axis] !== result[track.axis] ? mixed('it cuts the batch') : track;
};

const gathered: Rule = ({context, tracks: [data, indices], shapes}) => {
	const axis = context.axis(context.int('axis', 0), shapes[0]!.length);
	if (data !== undefined && indices !== undefined) {
		return mixed('data and indices both depend on the batch');
	}
	if (indices !== undefined) {
		return moved(indices, axis + indices.axis);
	}
	if (data === undefined || data.axis < axis) {
		return data;
	}
	return data.axis === axis ? mixed('it picks items of the batch') : moved(data, data.axis + shapes[1]!.length - 1);
};

/** The batch may run through the rows of the left matrix, the columns of the right one, or the stack of both. */
const multiplied: Rule = ({tracks: [a, b], shapes: [left, right], result}) => {
	if (left!.length < 2 || right!.length < 2) {
		return a === undefined && b === undefined ? undefined : mixed('it multiplies vectors');
	}
	const onLeft = a && aligned(a, left!, result);
	const onRight = b && aligned(b, right!, result);
	const [row, column] = [result.length - 2, result.length - 1];
	if (onLeft !== undefined && onRight !== undefined) {
		const stacked = same(onLeft, onRight) && onLeft.axis < row;
		return stacked ? onLeft : mixed('it multiplies items of the batch with each other');
	}
	const track = onLeft ?? onRight;
	if (track === undefined || track.axis === (onLeft !== undefined ? row : column)) {
		return track;
	}
	const other = onLeft !== undefined ? right! : left!;
	const stretched = (other[track.axis - (result.length - other.length)] ?? 1) === 1;
	return track.axis < row && stretched ? track : mixed('it sums over the batch');
};

const dense: Rule = ({context, tracks: [a, ...others], shapes}) => {
	if (others.some(track => track !== undefined)) {
		mixed('a weight depends on the batch');
	}
	if (a === undefined) {
		return undefined;
	}
	const rows = context.int('transA', 0) !== 0 ? 1 : 0;
	const bias = shapes[2];
	if (a.axis !== rows || (bias !== undefined && bias.length === 2 && bias[0] !== 1)) {
		mixed('it sums over the batch, or has a bias per item');
	}
	return moved(a, 0);
};

/** X only; initial states that are not zero would be constants with an entry per item. */
const recurrent: Rule = ({context, tracks, node}) => {
	const [x] = tracks;
	const layout = context.int('layout', 0);
	if (x === undefined || node.inputs.slice(4, 7).some(name => name !== '')) {
		return x === undefined ? undefined : mixed('it has initial states');
	}
	plainly(x, layout === 0 ? 1 : 0);
	return moved(x, layout === 0 ? 2 : 0);
};

const flattened: Rule = ({context, tracks: [track], shapes: [shape]}) => {
	if (track === undefined) {
		return undefined;
	}
	const given = context.int('axis', 1);
	const axis = given === shape!.length ? given : context.axis(given, shape!.length);
	const product = (from: number, to: number) => shape!.slice(from, to).reduce((size, dim) => size * dim, 1);
	const [start, end] = track.axis < axis ? [0, axis] : [axis, shape!.length];
	return {
		axis: track.axis < axis ? 0 : 1,
		before: product(start, track.axis) * track.before,
		after: track.after * product(track.axis + 1, end),
	};
};

const table: Readonly<Record<string, Rule>> = {
	...Object.fromEntries(
		[
			...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Mod', 'Min', 'Max', 'Sum', 'Mean', 'PRelu', 'Where'],
			...['Equal', 'Greater', 'Less', 'GreaterOrEqual', 'LessOrEqual', 'And', 'Or', 'Xor'],
		].map(op => [op, elementwise]),
	),
	...Object.fromEntries(
		[
			...[
				'Identity',
				'Neg',
				'Abs',
				'Sign',
				'Relu',
				'Floor',
				'Ceil',
				'Round',
				'Sqrt',
				'Reciprocal',
				'Exp',
				'Log',
				'Sin',
			],
			...[
				'Cos',
				'Tanh',
				'Sigmoid',
				'Erf',
				'Softplus',
				'Softsign',
				'HardSwish',
				'HardSigmoid',
				'LeakyRelu',
				'Elu',
				'Selu',
			],
			...['Celu', 'ThresholdedRelu', 'Gelu', 'Mish', 'Clip', 'Dropout', 'Cast', 'Not', 'IsNaN', 'IsInf'],
		].map(op => [op, through]),
	),
	...Object.fromEntries(
		[
			...['Conv', 'ConvTranspose', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'LRN'],
			...['BatchNormalization', 'InstanceNormalization', 'GroupNormalization', 'DepthToSpace', 'SpaceToDepth'],
		].map(op => [op, batchFirst]),
	),
	...Object.fromEntries(
		[
			...['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceL1', 'ReduceL2'],
			...['ReduceSumSquare', 'ReduceLogSum', 'ReduceLogSumExp'],
		].map(op => [op, reduced]),
	),
	Softmax: along(-1),
	LogSoftmax: along(-1),
	ArgMax: searched,
	ArgMin: searched,
	LayerNormalization: normalised,
	Transpose: transposed,
	Squeeze: squeezed,
	Unsqueeze: unsqueezed,
	Flatten: flattened,
	Concat: concatenated,
	Split: along(0),
	Slice: sliced,
	Pad: sliced,
	Tile: sliced,
	Gather: gathered,
	MatMul: multiplied,
	Gemm: dense,
	LSTM: recurrent,
	GRU: recurrent,
	RNN: recurrent,
};

/** Where output 0 of the node counts the items. @throws Mixed where they do not stay apart. */
export function trackOf(step: Step): Track | undefined {
	if (step.tracks.every(track => track === undefined)) {
		return undefined;
	}
	const {domain, op} = step.node;
	const rule = domain === '' && Object.hasOwn(table, op) ? table[op] : undefined;
	return rule === undefined ? mixed('nobody knows how it treats the batch') : rule(step);
}
