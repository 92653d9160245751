/** Reads ONNX files (IR version 3 and later, opset 13 to 21) into graphs. */
import {readFileSync} from 'node:fs';
import path from 'node:path';
import protobuf from 'protobufjs';
import {fileProblem} from '../../core/atomic-file.js';
import {asFplError, FplError, isFplError} from '../../core/errors.js';
import type {Attribute, Dim, Graph, Node, ValueInfo} from '../graph.js';
import {readAttribute} from './attributes.js';
import {dtypeOf} from './dtypes.js';
import {ExternalData} from './external.js';
import {inlineFunctions} from './functions.js';
import {withinLimit} from './measure.js';
import type {GraphProto, ModelProto, NodeProto, ValueInfoProto} from './onnx_pb.js';
import {ModelMessage, supportedOpsets, toNumber} from './schema.js';
import {readTensor} from './tensors.js';
import {verify} from './verify.js';

/** Messages, strings and 64-bit integers in one file. A transformer of a hundred layers has some ten thousand. */
const mostObjects = 4_000_000;

export interface ModelFile {
	readonly graph: Graph;
	/** `metadata_props`. */
	readonly metadata: Readonly<Record<string, string>>;
	/** Which program wrote the file, for instance `pytorch 2.15`. */
	readonly producer: string;
}

/**
 * Reads and verifies a model.
 * @param source the path of a file, next to which external data are looked for, or the file's bytes.
 * @throws FplError `MODEL_FILE` when it is no readable ONNX file, else as `verify`. Nothing else is thrown, whatever the
 * bytes are, and memory stays in proportion to their number.
 */
export function readModel(source: string | Uint8Array): ModelFile {
	const fromPath = typeof source === 'string';
	const where = fromPath ? source : 'model';
	const external = new ExternalData(fromPath ? path.dirname(source) : undefined);
	try {
		const model = decode(fromPath ? readFile(source) : source, where);
		const fallback = fromPath ? path.basename(source, '.onnx') : 'model';
		const graph = readGraph(model, external, fallback, where);
		verify(graph);
		const metadata = (model.metadataProps ?? []).map(({key = '', value = ''}) => [key, value] as const);
		return {
			graph,
			metadata: Object.fromEntries(metadata),
			producer: [model.producerName, model.producerVersion].filter(Boolean).join(' '),
		};
	} catch (error) {
		throw isFplError(error) ? error : asModelFile(error, where);
	} finally {
		external.close();
	}
}

/** File system faults and running out of an engine limit (string length, array length) are the file's fault. */
const asModelFile = (error: unknown, where: string): FplError =>
	error instanceof RangeError || (error instanceof Error && 'code' in error)
		? new FplError('MODEL_FILE', {where, problem: error.message}, {cause: error})
		: asFplError(error);

function readFile(file: string): Uint8Array {
	try {
		return readFileSync(file);
	} catch (error) {
		throw new FplError(
			'MODEL_FILE',
			{
				where: file,
				problem: fileProblem(error),
				fix: 'Give the path of an .onnx file; in a job it is relative to the job file.',
			},
			{cause: error},
		);
	}
}

function decode(bytes: Uint8Array, where: string): ModelProto {
	if (!withinLimit(bytes, ModelMessage, mostObjects)) {
		throw new FplError('MODEL_FILE', {where, problem: `it consists of more than ${mostObjects} parts`});
	}
	try {
		const reader = protobuf.Reader.create(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
		reader.discardUnknown = true;
		return ModelMessage.decode(reader) as unknown as ModelProto;
	} catch (error) {
		throw new FplError(
			'MODEL_FILE',
			{
				where,
				problem: `the bytes are no protobuf message (${error instanceof Error ? error.message : error})`,
				fix: 'Check that the file is complete and is an ONNX model; copy or export it again.',
			},
			{cause: error},
		);
	}
}

function readGraph(model: ModelProto, external: ExternalData, fallback: string, where: string): Graph {
	const {graph} = model;
	if (graph === undefined || graph === null) {
		throw new FplError('MODEL_FILE', {where, problem: 'it contains no graph', expected: 'an ONNX model'});
	}
	const name = readName(graph.name ?? '', where) || fallback;
	const opsets = readOpsets(model, where);
	if ((graph.sparseInitializer ?? []).length > 0) {
		throw new FplError('MODEL_INVALID', {where, problem: 'sparse initializers are not supported'});
	}
	const initializers = new Map(
		(graph.initializer ?? []).map(proto => {
			const tensorName = readName(proto.name ?? '', where);
			if (tensorName === '') {
				throw new FplError('MODEL_INVALID', {where, problem: 'an initializer has no name'});
			}
			return [tensorName, readTensor(proto, external, `initializer «${tensorName}» of ${where}`)];
		}),
	);
	if (initializers.size !== (graph.initializer ?? []).length) {
		throw new FplError('MODEL_INVALID', {where, problem: 'two initializers have the same name'});
	}
	return {
		name,
		nodes: readNodes(inlineFunctions(model, where), external, where),
		// Up to IR version 3 initializers were listed among the inputs too.
		inputs: (graph.input ?? [])
			.filter(({name: input = ''}) => !initializers.has(input))
			.map(info => readInfo(info, where)),
		outputs: (graph.output ?? []).map(info => readInfo(info, where)),
		initializers,
		values: readValues(graph, where),
		opsets,
	};
}

function readOpsets(model: ModelProto, where: string): Readonly<Record<string, number>> {
	const opsets = new Map(
		(model.opsetImport ?? []).map(({domain = '', version = 0}) => [
			domainOf(readName(domain, where)),
			toNumber(version),
		]),
	);
	const main = opsets.get('');
	const {lowest, highest} = supportedOpsets;
	if (main === undefined || main < lowest || main > highest) {
		throw new FplError('MODEL_FILE', {
			where,
			problem: 'its operator set is not supported',
			expected: `opset ${lowest} to ${highest}`,
			got: `${main ?? 'none'}`,
			fix: 'Export it with opset_version=18, or convert it with onnx.version_converter',
		});
	}
	return Object.fromEntries(opsets);
}

const domainOf = (domain: string) => (domain === 'ai.onnx' ? '' : domain);

/** Names are for people; longer ones are an attack or a mistake. */
const longestName = 2000;

function readName(name: string, where: string): string {
	if (name.length > longestName) {
		throw new FplError('MODEL_INVALID', {where, problem: 'a name is too long', got: `${name.slice(0, 60)}…`});
	}
	return name;
}

function readNodes(protos: readonly NodeProto[], external: ExternalData, where: string): Node[] {
	const names = protos.map(proto => nodeName(proto, where));
	const taken = new Set(names);
	const seen = new Set<string>();
	return protos.map((proto, index) => {
		const op = readName(proto.opType ?? '', where);
		let name = names[index]!;
		if (name === '' || seen.has(name)) {
			const stem = name === '' ? op : name;
			for (let suffix = index; name === '' || taken.has(name); suffix += protos.length) {
				name = `${stem}_${suffix}`;
			}
			taken.add(name);
		}
		seen.add(name);
		const at = `node «${name}» (${op}) of ${where}`;
		const attributes: [string, Attribute][] = (proto.attribute ?? []).map(attribute => [
			readName(attribute.name ?? '', at),
			readAttribute(attribute, external, at),
		]);
		return {
			name,
			op,
			domain: domainOf(readName(proto.domain ?? '', at)),
			inputs: (proto.input ?? []).map(input => readName(input, at)),
			outputs: (proto.output ?? []).map(output => readName(output, at)),
			attributes: Object.fromEntries(attributes),
		};
	});
}

/**
 * PyTorch's dynamo exporter names nodes `node_linear_3` and tells apart, as metadata, the module that they come from; we
 * put that in front: `encoder.layers.0.linear1/node_linear_3`. TorchScript does alike by itself.
 */
function nodeName(proto: NodeProto, where: string): string {
	const name = readName(proto.name ?? '', where);
	const scopes = proto.metadataProps?.find(({key}) => key === 'pkg.torch.onnx.name_scopes')?.value ?? '';
	// A Python list, from the model itself down to the operation: the one before the last is the innermost module.
	const module = [...scopes.slice(0, longestName).matchAll(/'([^']*)'/gu)].at(-2)?.[1] ?? '';
	return module === '' || name === '' || name.includes('/') ? name : `${module}/${name}`;
}

/** Types of inner values that are tensors of known rank; what else a file says about them is of no use. */
function readValues(graph: GraphProto, where: string): ReadonlyMap<string, ValueInfo> {
	const values = new Map<string, ValueInfo>();
	for (const info of graph.valueInfo ?? []) {
		if (info.type?.tensorType?.elemType && info.type.tensorType.shape) {
			values.set(info.name ?? '', readInfo(info, where, '?'));
		}
	}
	return values;
}

/** @param unnamed what stands for a dimension without size and name; by default an invented name. */
function readInfo(info: ValueInfoProto, where: string, unnamed?: string): ValueInfo {
	const name = readName(info.name ?? '', where);
	const tensor = info.type?.tensorType;
	if (tensor === undefined || tensor === null) {
		throw new FplError('MODEL_INVALID', {where: `«${name}» of ${where}`, problem: 'it is no tensor, or has no type'});
	}
	const dims = tensor.shape?.dim?.map((dim, axis): Dim => {
		const {dimValue, dimParam = ''} = dim;
		// An absent field reads as 0, which would be a size.
		const size = Object.hasOwn(dim, 'dimValue') ? toNumber(dimValue ?? -1) : -1;
		const symbol = readName(dimParam, where);
		const named = symbol === '' || symbol === '?' ? (unnamed ?? `${name}_${axis}`) : symbol;
		// Exporters of old wrote −1 for a dimension that is not known; a symbol that is a number is that number.
		return size >= 0 && symbol === '' ? size : /^\d{1,9}$/u.test(named) ? Number(named) : named;
	});
	return {
		name,
		dtype: dtypeOf(tensor.elemType ?? 0, `«${name}» of ${where}`),
		shape: tensor.shape === undefined || tensor.shape === null ? undefined : (dims ?? []),
	};
}
