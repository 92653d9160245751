/** AttributeProto to Attribute and back. */
import {FplError} from '../../core/errors.js';
import type {Attribute, Attributes} from '../graph.js';
import type {ExternalData} from './external.js';
import {type AttributeProto, AttributeProtoAttributeType as Type} from './onnx_pb.js';
import {toInt64, toNumber} from './schema.js';
import {readTensor, writeTensor} from './tensors.js';

const utf8 = new TextDecoder();
const encoder = new TextEncoder();

/** Files without the type field (allowed before IR version 2) are told by the field that is set. */
function typeOf(proto: AttributeProto): number {
	const set = (field: keyof AttributeProto) => Object.hasOwn(proto, field);
	if (set('type') && proto.type !== Type.UNDEFINED) {
		return proto.type!;
	}
	return set('f')
		? Type.FLOAT
		: set('i')
			? Type.INT
			: set('s')
				? Type.STRING
				: set('t')
					? Type.TENSOR
					: set('g')
						? Type.GRAPH
						: set('ints')
							? Type.INTS
							: set('floats')
								? Type.FLOATS
								: set('strings')
									? Type.STRINGS
									: Type.UNDEFINED;
}

export function readAttribute(proto: AttributeProto, external: ExternalData, where: string): Attribute {
	const type = typeOf(proto);
	switch (type) {
		case Type.INT:
			return {kind: 'int', value: toNumber(proto.i ?? 0)};
		case Type.FLOAT:
			return {kind: 'float', value: proto.f ?? 0};
		case Type.STRING:
			return {kind: 'string', value: utf8.decode(proto.s ?? new Uint8Array())};
		case Type.TENSOR:
			return {kind: 'tensor', value: readTensor(proto.t ?? {}, external, where)};
		case Type.INTS:
			return {kind: 'ints', value: (proto.ints ?? []).map(toNumber)};
		case Type.FLOATS:
			return {kind: 'floats', value: [...(proto.floats ?? [])]};
		case Type.STRINGS:
			return {kind: 'strings', value: (proto.strings ?? []).map(bytes => utf8.decode(bytes))};
		case Type.GRAPH:
		case Type.GRAPHS:
			throw new FplError('MODEL_OP', {
				where,
				problem: 'it contains a graph of its own: conditions and loops inside models are not supported',
				fix: 'Export the model without control flow, for instance by tracing it',
			});
		default: {
			const name = Object.entries(Type).find(([, value]) => value === type)?.[0] ?? `${type}`;
			throw new FplError('MODEL_INVALID', {where, problem: 'an attribute has a type that is not supported', got: name});
		}
	}
}

export const writeAttributes = (attributes: Attributes): AttributeProto[] =>
	Object.keys(attributes)
		.sort()
		.map(name => ({name, ...writeAttribute(attributes[name]!)}));

function writeAttribute(attribute: Attribute): AttributeProto {
	switch (attribute.kind) {
		case 'int':
			return {i: toInt64(attribute.value), type: Type.INT};
		case 'float':
			return {f: attribute.value, type: Type.FLOAT};
		case 'string':
			return {s: encoder.encode(attribute.value), type: Type.STRING};
		case 'tensor':
			return {t: writeTensor('', attribute.value), type: Type.TENSOR};
		case 'ints':
			return {ints: attribute.value.map(toInt64), type: Type.INTS};
		case 'floats':
			return {floats: [...attribute.value], type: Type.FLOATS};
		case 'strings':
			return {strings: attribute.value.map(text => encoder.encode(text)), type: Type.STRINGS};
		default:
			return attribute satisfies never;
	}
}
