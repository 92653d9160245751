/** Makes the first dimension of every input the symbolic batch `N`, also where a file was exported for one batch size. */
import {FplError} from '../../core/errors.js';
import {int64, type Shape, sizeOf, type Tensor} from '../../core/tensor/tensor.js';
import type {Dim, Graph, Node, ValueInfo} from '../graph.js';
import {InferContext, whereIs} from '../infer/context.js';
import {isStatic, multiply, show, unknownDim} from '../infer/dims.js';
import {Analyst, typesOf} from '../infer.js';
import {specialise} from '../specialise.js';
import type {Note} from './normalise.js';
import {Mixed, type Track, trackOf} from './tracks.js';

/** The name of the batch dimension everywhere in the program. */
export const batchName = 'N';

const advice =
	'Export it again with a dynamic batch: dynamic_shapes=({0: torch.export.Dim("batch")},) for the dynamo exporter, ' +
	'dynamic_axes={"input": {0: "batch"}} for the other';

/** How often a choice may be taken back before the search for a consistent reading is given up. */
const mostChoices = 2000;

/** @throws FplError `MODEL_SHAPE` when the batch cannot be made symbolic. */
export function withSymbolicBatch(graph: Graph, note: Note): Graph {
	const firsts = graph.inputs.map(({name, shape}) => {
		const [first] = shape ?? [];
		if (first === undefined) {
			throw new FplError('MODEL_SHAPE', {
				where: `input «${name}» of «${graph.name}»`,
				expected: 'a first dimension that counts the items of a batch',
				got: show(shape),
			});
		}
		return first;
	});
	const sizes = new Set(firsts.filter(dim => typeof dim === 'number'));
	const [size] = sizes;
	const symbolic = renamed(graph);
	if (size === undefined) {
		checkBatch(symbolic);
		return symbolic;
	}
	if (sizes.size > 1 || firsts.some(dim => typeof dim === 'string') || size < 1) {
		return impossible(graph, 'its inputs differ in their first dimension');
	}
	try {
		const rewritten = rewrite(graph, size);
		checkBatch(rewritten);
		note(`The model was exported for a batch of ${size}; shapes inside were rewritten so that any batch fits.`);
		return rewritten;
	} catch (error) {
		// Operators that the rewriting does not follow are no harm if nothing in the graph is fixed.
		if (error instanceof FplError && fault(symbolic) === undefined) {
			return symbolic;
		}
		throw error;
	}
}

/** The graph with `N` as the first dimension of every input; another dimension of that name gets a longer one. */
function renamed(graph: Graph): Graph {
	const rename = (dim: Dim): Dim => (dim === batchName ? `${batchName}_` : dim);
	const inputs = graph.inputs.map(input => ({
		...input,
		shape: input.shape?.map((dim, axis) => (axis === 0 ? batchName : rename(dim))),
	}));
	return {...graph, inputs, values: new Map()};
}

/** Any sizes for the other symbolic dimensions do, as long as they are plausible. */
function sizesOf(graph: Graph, batch: number): Record<string, number> {
	const names = graph.inputs.flatMap(({shape}) => shape ?? []).filter(dim => typeof dim === 'string');
	return {...Object.fromEntries(names.map(name => [name, 8])), [batchName]: batch};
}

/** Two batch sizes, to see that outputs follow; the first finds graphs that only fit a batch of one. */
function checkBatch(graph: Graph): void {
	for (const batch of [2, 3]) {
		const {outputs} = specialise(graph, sizesOf(graph, batch));
		for (const {name, shape} of outputs) {
			if (shape?.[0] !== batch) {
				throw new FplError('MODEL_SHAPE', {
					where: `output «${name}» of «${graph.name}»`,
					problem: 'its first dimension does not count the items of the batch',
					expected: `${batch} for a batch of ${batch}`,
					got: show(shape),
					fix: `The first dimension of inputs and outputs must be the batch. ${advice}`,
				});
			}
		}
	}
}

function fault(graph: Graph): FplError | undefined {
	try {
		checkBatch(graph);
		return undefined;
	} catch (error) {
		if (error instanceof FplError) {
			return error;
		}
		throw error;
	}
}

export const isSymbolicOnlyInBatch = ({inputs}: Graph): boolean =>
	inputs.every(({shape}) => shape?.every(dim => typeof dim === 'number' || dim === batchName) ?? false);

/** A dimension that is `a` for a batch of 2 and `b` for one of 3. */
const fittedDim = (a: Dim, b: Dim): Dim =>
	a === b
		? a
		: typeof a === 'number' && typeof b === 'number' && 3 * a === 2 * b && a % 2 === 0
			? multiply(a / 2, batchName)
			: unknownDim;

/**
 * Types of values whose shape inference cannot follow while the batch is a symbol (shapes computed from shapes), from what
 * they are for two batches. Nothing changes where other dimensions are symbolic too.
 */
export function withFittedTypes(graph: Graph): Graph {
	if (!isSymbolicOnlyInBatch(graph)) {
		return graph;
	}
	const [two, three] = [2, 3].map(batch => typesOf(specialise(graph, {[batchName]: batch}))) as [Types, Types];
	const completed = (info: ValueInfo): ValueInfo => {
		const [a, b] = [two(info.name)?.shape, three(info.name)?.shape];
		const open = info.shape === undefined || info.shape.includes(unknownDim);
		return !open || a === undefined || a.length !== b?.length
			? info
			: {...info, shape: a.map((dim, axis) => fittedDim(dim, b[axis]!))};
	};
	const values = new Map([...graph.values].map(([name, info]) => [name, completed(info)]));
	return {...graph, values, outputs: graph.outputs.map(completed)};
}

type Types = ReturnType<typeof typesOf>;

/** A way of going on from a node: the node itself, perhaps with another target shape, and where its output counts items. */
interface Choice {
	readonly node: Node;
	readonly target: Tensor | undefined;
	readonly track: Track | undefined;
}

/**
 * Follows the batch from the inputs through all nodes and makes constant target shapes fit any batch. Where a reshape can
 * be read in two ways, the likelier is tried first, and taken back when a later node contradicts it.
 */
function rewrite(graph: Graph, batch: number): Graph {
	const analyst = new Analyst({...graph, values: new Map()});
	for (const node of graph.nodes) {
		analyst.visit(node);
	}
	const shapeOf = (name: string): Shape => {
		const shape = analyst.types.get(name)?.shape;
		return isStatic(shape) ? shape : impossible(graph, `the shape of «${name}» is not known`);
	};
	const tracks = new Map<string, Track>(graph.inputs.map(({name}) => [name, {axis: 0, before: 1, after: 1}]));
	const context = (node: Node) =>
		new InferContext(
			node,
			{type: name => analyst.types.get(name), known: name => analyst.known.get(name)},
			graph.opsets[node.domain] ?? 1,
			graph.name,
		);
	const stack: {readonly choices: readonly Choice[]; taken: number}[] = [];
	let tried = 0;
	const choicesAt = (node: Node): readonly Choice[] => {
		const inputs = node.inputs.map(name => tracks.get(name));
		const shapes = node.inputs.map(name => (name === '' ? [] : shapeOf(name)));
		const result = shapeOf(node.outputs.find(name => name !== '') ?? '');
		if (inputs[0] !== undefined && (node.op === 'Reshape' || node.op === 'Expand')) {
			const known = analyst.known.get(node.inputs[1] ?? '') !== undefined && inputs[1] === undefined;
			return !known
				? []
				: node.op === 'Reshape'
					? reshapes(node, inputs[0], shapes[0]!, result, batch)
					: [expansion(node, inputs[0], shapes[0]!, result)];
		}
		const track = trackOf({node, context: context(node), tracks: inputs, shapes, result});
		return [{node, target: undefined, track}];
	};
	for (let at = 0; at < graph.nodes.length || !endsWell(graph, tracks); ) {
		const node = graph.nodes[at];
		let choices: readonly Choice[] = [];
		let reason = 'it does not count the items of the batch along its first axis';
		try {
			choices = node === undefined ? [] : choicesAt(node);
			reason = 'no target shape fits';
		} catch (error) {
			if (!(error instanceof Mixed)) {
				throw error;
			}
			reason = error.message;
		}
		stack.push({choices, taken: -1});
		// Go back to the last node that has another choice; that is this one, when all is well.
		let open = stack.length - 1;
		while (open >= 0 && stack[open]!.taken + 1 >= stack[open]!.choices.length) {
			open -= 1;
		}
		tried += 1;
		if (open < 0 || tried > mostChoices + graph.nodes.length) {
			return impossible(graph, node === undefined ? `an output: ${reason}` : `${whereIs(node, graph.name)}: ${reason}`);
		}
		stack.length = open + 1;
		const entry = stack[open]!;
		entry.taken += 1;
		apply(graph.nodes[open]!, entry.choices[entry.taken]!, tracks);
		at = open + 1;
	}
	return assembled(
		graph,
		stack.map(({choices, taken}) => choices[taken]!),
	);
}

const endsWell = (graph: Graph, tracks: ReadonlyMap<string, Track>): boolean =>
	graph.outputs.every(({name}) => {
		const track = tracks.get(name);
		return track?.axis === 0 && track.before === 1 && track.after === 1;
	});

/** Recurrent layers have several outputs with the batch in several places; other operators have it in the same. */
function apply(original: Node, {track}: Choice, tracks: Map<string, Track>): void {
	const recurrent = ['LSTM', 'GRU', 'RNN'].includes(original.op);
	for (const [index, name] of original.outputs.entries()) {
		if (track === undefined || name === '') {
			tracks.delete(name);
		} else {
			tracks.set(name, recurrent && index > 0 && track.axis === 2 ? {...track, axis: 1} : track);
		}
	}
}

function assembled(graph: Graph, choices: readonly Choice[]): Graph {
	const initializers = new Map(graph.initializers);
	const nodes = choices.map(({node, target}) => {
		if (target === undefined) {
			return node;
		}
		let name = `${node.outputs[0]}.shape`;
		while (initializers.has(name)) {
			name += '_';
		}
		initializers.set(name, target);
		const {allowzero: _, ...attributes} = node.attributes;
		return {...node, inputs: [node.inputs[0]!, name], attributes};
	});
	return renamed({...graph, nodes, initializers});
}

/** Every way to read a reshape, the likeliest first: an axis of its own, an outer, then an inner part of another axis. */
function reshapes(node: Node, track: Track, from: Shape, to: Shape, batch: number): readonly Choice[] {
	const ahead = sizeOf(from.slice(0, track.axis)) * track.before;
	const found: {readonly track: Track; readonly rank: number}[] = [];
	let prefix = 1;
	for (const [axis, size] of to.entries()) {
		const before = ahead / prefix;
		const after = size / (before * batch);
		if (Number.isInteger(before) && Number.isInteger(after) && after >= 1) {
			const rank = before === 1 ? (after === 1 ? 0 : 1) : 2;
			found.push({track: {axis, before, after}, rank});
		}
		prefix *= size;
	}
	return found
		.sort((a, b) => a.rank - b.rank)
		.map(({track: result}) => ({
			node,
			track: result,
			target: int64([to.length], to.with(result.axis, -1)),
		}));
}

/** An expansion leaves the batch axis as it is: 1 in the target. */
function expansion(node: Node, track: Track, from: Shape, to: Shape): Choice {
	const axis = track.axis + to.length - from.length;
	return {node, track: {...track, axis}, target: int64([to.length], to.with(axis, 1))};
}

function impossible(graph: Graph, reason: string): never {
	throw new FplError('MODEL_SHAPE', {
		where: `«${graph.name}»`,
		problem: `it is fixed to one batch size, and that cannot be undone (${reason})`,
		fix: advice,
	});
}
