/** Writes graphs as ONNX files. The same graph makes the same bytes. */
import {createHash} from 'node:crypto';
import {closeSync, openSync, renameSync, rmSync, writeSync} from 'node:fs';
import path from 'node:path';
import {FplError} from '../../core/errors.js';
import {bytesOf} from '../../core/tensor/tensor.js';
import type {Dim, Graph, ValueInfo} from '../graph.js';
import {unknownDim} from '../infer/dims.js';
import {writeAttributes} from './attributes.js';
import {dtypeNumbers} from './dtypes.js';
import {type ModelProto, type TensorProto, TensorProtoDataLocation, type ValueInfoProto} from './onnx_pb.js';
import {ModelMessage} from './schema.js';
import {writeTensor} from './tensors.js';

export type Metadata = Readonly<Record<string, string>>;

/** Protobuf messages end at 2 GiB; from here on weights go to a file of their own. */
export const externalAbove = 1.9e9;

/** The lowest IR version whose specification has the opset (ONNX, docs/Versioning.md). */
const irVersionOf = (opset: number): number => (opset <= 14 ? 7 : opset <= 18 ? 8 : opset <= 20 ? 9 : 10);

/** Bytes of all tensors, attributes included. */
function weightOf(graph: Graph): number {
	let bytes = 0;
	for (const {data} of graph.initializers.values()) {
		bytes += data.byteLength;
	}
	for (const {attributes} of graph.nodes) {
		for (const attribute of Object.values(attributes)) {
			bytes += attribute.kind === 'tensor' ? attribute.value.data.byteLength : 0;
		}
	}
	return bytes;
}

function modelProto(graph: Graph, metadata: Metadata, initializer: TensorProto[]): ModelProto {
	return {
		irVersion: irVersionOf(graph.opsets[''] ?? 0),
		producerName: 'fpl',
		opsetImport: Object.keys(graph.opsets)
			.sort()
			.map(domain => ({domain, version: graph.opsets[domain]!})),
		graph: {
			name: graph.name,
			node: graph.nodes.map(({name, op, domain, inputs, outputs, attributes}) => ({
				input: [...inputs],
				output: [...outputs],
				name,
				opType: op,
				attribute: writeAttributes(attributes),
				...(domain === '' ? {} : {domain}),
			})),
			initializer,
			input: graph.inputs.map(writeInfo),
			output: graph.outputs.map(writeInfo),
			valueInfo: writeValues(graph),
		},
		metadataProps: Object.keys(metadata)
			.sort()
			.map(key => ({key, value: metadata[key]!})),
	};
}

/** Inner values of known rank only: outputs are described where they are listed, and a type without shape says little. */
function writeValues(graph: Graph): ValueInfoProto[] {
	const outputs = new Set(graph.outputs.map(({name}) => name));
	return [...graph.values.values()].filter(({name, shape}) => shape !== undefined && !outputs.has(name)).map(writeInfo);
}

const writeDim = (dim: Dim) => (typeof dim === 'number' ? {dimValue: dim} : dim === unknownDim ? {} : {dimParam: dim});

const writeInfo = ({name, dtype, shape}: ValueInfo): ValueInfoProto => ({
	name,
	type: {
		tensorType: {
			elemType: dtypeNumbers[dtype],
			...(shape === undefined ? {} : {shape: {dim: shape.map(writeDim)}}),
		},
	},
});

/**
 * The model as one file's bytes.
 * @throws FplError `MODEL_FILE` when the weights need more than a protobuf message can hold; `writeModel` can then.
 */
export function encodeModel(graph: Graph, metadata: Metadata = {}): Uint8Array {
	const weight = weightOf(graph);
	if (weight > externalAbove) {
		throw new FplError('MODEL_FILE', {
			where: `«${graph.name}»`,
			problem: 'it is too large for one message',
			expected: `at most ${externalAbove} bytes of weights`,
			got: `${weight}`,
			fix: 'Write it to a file with writeModel, which puts the weights beside it',
		});
	}
	const initializers = [...graph.initializers].map(([name, tensor]) => writeTensor(name, tensor));
	return encode(modelProto(graph, metadata, initializers));
}

const encode = (proto: ModelProto): Uint8Array => ModelMessage.encode(proto as Record<string, unknown>).finish();

/** SHA-256 of the encoded model, in hexadecimal: tells whether two graphs are the same. */
export const digestOf = (graph: Graph, metadata: Metadata = {}): string =>
	createHash('sha256').update(encodeModel(graph, metadata)).digest('hex');

export interface WriteOptions {
	/** Bytes of weights above which they go to `<file>.data`. */
	readonly externalAbove?: number;
}

/** External tensors begin at multiples of this, so that they can be mapped into memory. */
const alignment = 64;

/**
 * Writes a model, and beside it `<file>.data` when the weights are large. Files appear whole or not at all.
 * @throws FplError `MODEL_FILE` when the file system refuses.
 */
export function writeModel(file: string, graph: Graph, metadata: Metadata = {}, options: WriteOptions = {}): void {
	try {
		if (weightOf(graph) <= (options.externalAbove ?? externalAbove)) {
			replaceFile(file, write => write(encodeModel(graph, metadata)));
			return;
		}
		const data = `${file}.data`;
		const initializers = replaceFile(data, write => writeExternal(graph, path.basename(data), write));
		replaceFile(file, write => write(encode(modelProto(graph, metadata, initializers))));
	} catch (error) {
		if (error instanceof Error && 'syscall' in error) {
			throw new FplError('MODEL_FILE', {where: file, problem: error.message}, {cause: error});
		}
		throw error;
	}
}

function writeExternal(graph: Graph, location: string, write: (bytes: Uint8Array) => void): TensorProto[] {
	let offset = 0;
	return [...graph.initializers].map(([name, tensor]) => {
		const bytes = bytesOf(tensor);
		const padding = (alignment - (offset % alignment)) % alignment;
		write(new Uint8Array(padding));
		write(bytes);
		const at = offset + padding;
		offset = at + bytes.length;
		const place = {location, offset: `${at}`, length: `${bytes.length}`};
		const {rawData: _, ...rest} = writeTensor(name, tensor);
		return {
			...rest,
			externalData: Object.entries(place).map(([key, value]) => ({key, value})),
			dataLocation: TensorProtoDataLocation.EXTERNAL,
		};
	});
}

function replaceFile<T>(file: string, fill: (write: (bytes: Uint8Array) => void) => T): T {
	const draft = `${file}.${process.pid}.part`;
	try {
		const result = writingTo(draft, fill);
		renameSync(draft, file);
		return result;
	} catch (error) {
		rmSync(draft, {force: true});
		throw error;
	}
}

function writingTo<T>(file: string, fill: (write: (bytes: Uint8Array) => void) => T): T {
	const descriptor = openSync(file, 'w');
	try {
		return fill(bytes => {
			for (let done = 0; done < bytes.length; ) {
				done += writeSync(descriptor, bytes, done, Math.min(bytes.length - done, 2 ** 30));
			}
		});
	} finally {
		closeSync(descriptor);
	}
}
