/** Makes a trainable model of an ONNX file from anywhere, and writes our own so that nothing need be guessed. */
import path from 'node:path';
import {FplError} from '../../core/errors.js';
import type {Graph, Loss, Model} from '../graph.js';
import {prune} from '../infer/fold/prune.js';
import {simplify} from '../infer/fold/simplify.js';
import {analyse, infer} from '../infer.js';
import {type ModelFile, readModel} from '../onnx/read.js';
import {verify} from '../onnx/verify.js';
import {encodeModel, type Metadata, writeModel} from '../onnx/write.js';
import {batchName, isSymbolicOnlyInBatch, withFittedTypes, withSymbolicBatch} from './batch.js';
import {withoutShapeArithmetic} from './generalise.js';
import {type Note, stripHead, toInference, withoutZeroStates} from './normalise.js';
import {type Roles, rolesOf} from './parameters.js';
import {untie} from './untie.js';

export interface ImportOptions {
	/** Initializers that shall not be trained, for instance fixed position encodings. */
	readonly freeze?: readonly string[];
	/** Initializers that several layers share on purpose; see `untie.ts` for what is taken for chance. */
	readonly tied?: readonly string[];
	/** Told what was changed or assumed, in sentences. */
	readonly note?: Note;
	/** By default the file's name, or the graph's. */
	readonly name?: string;
}

const keys = {parameters: 'fpl.parameters', buffers: 'fpl.buffers', loss: 'fpl.loss', name: 'fpl.name'} as const;

const losses = ['softmax-cross-entropy', 'mse', 'bce'] as const satisfies readonly Loss[];

/**
 * Makes a model of a graph, a file or a file's bytes. Files that `exportModel` wrote say what is trained; for others see
 * `parameters.ts`. The first dimension of every input becomes the symbolic batch `N`, a final softmax or sigmoid is
 * taken off, and what can be computed in advance is.
 * @throws FplError `MODEL_FILE`, `MODEL_INVALID`, `MODEL_OP`, `MODEL_SHAPE`; the latter also where the exported graph is
 * fixed to one batch size in a way that cannot be undone.
 */
export function importModel(source: string | Uint8Array | Graph, options: ImportOptions = {}): Model {
	const file: ModelFile =
		typeof source === 'string' || source instanceof Uint8Array
			? readModel(source)
			: {graph: source, metadata: {}, producer: ''};
	const fallback = typeof source === 'string' ? path.basename(source, '.onnx') : file.graph.name;
	const name = options.name ?? file.metadata[keys.name] ?? fallback;
	const graph = {...file.graph, name};
	const model =
		keys.parameters in file.metadata ? asWritten(graph, file.metadata) : guessed(graph, file.metadata, options);
	verify(model.graph);
	return model;
}

/** A file that says itself what is trained. */
function asWritten(graph: Graph, metadata: Metadata): Model {
	const parameters = listed(graph, metadata, keys.parameters);
	const buffers = listed(graph, metadata, keys.buffers);
	return {
		name: graph.name,
		graph: infer(graph),
		parameters,
		buffers,
		loss: lossIn(graph, metadata) ?? defaultLoss(graph),
	};
}

function guessed(graph: Graph, metadata: Metadata, options: ImportOptions): Model {
	const note = options.note ?? (() => undefined);
	const original = new Set(graph.initializers.keys());
	const declared = lossIn(graph, metadata);
	const untied = untie(withoutZeroStates(toInference(graph)), new Set(options.tied), note);
	for (const name of untied.initializers.keys()) {
		original.add(name);
	}
	const stripped = declared === undefined ? stripHead(untied, note) : {graph: untied, loss: declared};
	const symbolic = withSymbolicBatch(folded(stripped.graph), note);
	const free = isSymbolicOnlyInBatch(symbolic) ? withoutShapeArithmetic(symbolic, batchName) : symbolic;
	const result = infer(withFittedTypes(infer(folded(free))));
	checkNames(result, options.freeze ?? []);
	const roles = rolesOf(result, original, new Set(options.freeze));
	if (roles.parameters.length === 0) {
		note('The model has nothing to train: no float32 weights were found among its initializers.');
	}
	if (roles.byName.length > 0) {
		note(`Trained by their names (freeze those that shall stay fixed): ${roles.byName.slice(0, 20).join(', ')}.`);
	}
	return {name: graph.name, graph: result, ...inOrder(result, roles), loss: stripped.loss ?? defaultLoss(result)};
}

/** Constants folded, idle and dead nodes gone; what the file declares about inner values and outputs is inferred anew. */
function folded(graph: Graph): Graph {
	const outputs = graph.outputs.map(output => ({...output, shape: undefined}));
	const fresh = {...graph, outputs, values: new Map()};
	return prune(simplify(fresh, analyse(fresh)));
}

/** Sorted by first use. */
function inOrder(graph: Graph, {parameters, buffers}: Roles): Pick<Roles, 'parameters' | 'buffers'> {
	const order = new Map<string, number>();
	for (const name of graph.nodes.flatMap(({inputs}) => inputs)) {
		order.set(name, order.get(name) ?? order.size);
	}
	const sorted = (names: readonly string[]) => names.toSorted((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
	return {parameters: sorted(parameters), buffers: sorted(buffers)};
}

function checkNames(graph: Graph, names: readonly string[]): void {
	for (const name of names) {
		if (!graph.initializers.has(name)) {
			throw new FplError('MODEL_INVALID', {
				where: `«${graph.name}»`,
				problem: `there is no initializer «${name}» to freeze`,
				expected: [...graph.initializers.keys()].slice(0, 12).join(', '),
			});
		}
	}
}

function listed(graph: Graph, metadata: Metadata, key: string): readonly string[] {
	const problem = (got: string) =>
		new FplError('MODEL_INVALID', {
			where: `metadata «${key}» of «${graph.name}»`,
			expected: 'a JSON list of float32 initializers, each once',
			got,
		});
	const text = metadata[key] ?? '[]';
	let names: unknown;
	try {
		names = JSON.parse(text);
	} catch {
		throw problem(text.slice(0, 60));
	}
	if (!Array.isArray(names) || new Set(names).size !== names.length) {
		throw problem(text.slice(0, 60));
	}
	return names.map(name => {
		if (typeof name !== 'string' || graph.initializers.get(name)?.dtype !== 'float32') {
			throw problem(String(name).slice(0, 60));
		}
		return name;
	});
}

function lossIn(graph: Graph, metadata: Metadata): Loss | undefined {
	const text = metadata[keys.loss];
	const loss = losses.find(name => name === text);
	if (text !== undefined && loss === undefined) {
		throw new FplError('MODEL_INVALID', {
			where: `metadata «${keys.loss}» of «${graph.name}»`,
			expected: losses.join(', '),
			got: text.slice(0, 60),
		});
	}
	return loss;
}

/** One number per item looks like regression, several like classes. */
function defaultLoss({outputs: [output]}: Graph): Loss {
	const {shape} = output ?? {};
	return shape !== undefined && (shape.length < 2 || shape[1] === 1) ? 'mse' : 'softmax-cross-entropy';
}

const metadataOf = (model: Model): Metadata => ({
	[keys.name]: model.name,
	[keys.parameters]: JSON.stringify(model.parameters),
	[keys.buffers]: JSON.stringify(model.buffers),
	[keys.loss]: model.loss,
});

/** The model as an ONNX file that any runtime executes and `importModel` reads back as it was. */
export const exportModel = (model: Model): Uint8Array => encodeModel(model.graph, metadataOf(model));

/** The same, to a file; weights above 1.9 GB go to a file beside it. @throws FplError `MODEL_FILE`. */
export const exportModelTo = (file: string, model: Model): void => writeModel(file, model.graph, metadataOf(model));
