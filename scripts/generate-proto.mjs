// Turns .proto files into TypeScript: the schema as a JSON descriptor that protobufjs loads without parsing, an interface
// per message and a constant per enumeration. `--check` writes nothing and fails when a generated file is out of date.
import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import protobuf from 'protobufjs';

/** [schema, generated file], relative to the root of the project. */
const pairs = [
	['models/onnx/onnx.proto', 'models/onnx/onnx_pb.ts'],
	['core/wire/messages.proto', 'core/wire/messages_pb.ts'],
];

const root = path.resolve(import.meta.dirname, '..');

const scalarTypes = {
	double: 'number',
	float: 'number',
	int32: 'number',
	uint32: 'number',
	sint32: 'number',
	fixed32: 'number',
	sfixed32: 'number',
	int64: 'Int64',
	uint64: 'Int64',
	sint64: 'Int64',
	fixed64: 'Int64',
	sfixed64: 'Int64',
	bool: 'boolean',
	string: 'string',
	bytes: 'Uint8Array',
};

/** Nested names are joined: `TensorProto.DataType` becomes `TensorProtoDataType`. */
const typeName = (type, packageName) => type.fullName.slice(1).replace(`${packageName}.`, '').replaceAll('.', '');

function fieldType(field, packageName) {
	const {resolvedType} = field.resolve();
	const scalar =
		resolvedType === null
			? scalarTypes[field.type]
			: resolvedType instanceof protobuf.Enum
				? 'number'
				: typeName(resolvedType, packageName);
	if (field.map) {
		return `Record<string, ${scalar}>`;
	}
	return field.repeated ? `${scalar}[]` : scalar;
}

function declarations(namespace, packageName) {
	const lines = [];
	for (const item of namespace.nestedArray) {
		if (item instanceof protobuf.Enum) {
			const values = Object.entries(item.values).map(([key, value]) => `\t${key}: ${value},\n`);
			lines.push(`export const ${typeName(item, packageName)} = {\n${values.join('')}} as const;\n`);
			continue;
		}
		if (item instanceof protobuf.Type) {
			const fields = item.fieldsArray.map(field => `\t${field.name}?: ${fieldType(field, packageName)};\n`);
			lines.push(`export interface ${typeName(item, packageName)} {\n${fields.join('')}}\n`);
		}
		if (item instanceof protobuf.Namespace) {
			lines.push(...declarations(item, packageName));
		}
	}
	return lines;
}

/** The snake-case names are of no use once the schema is parsed, and protobufjs' own types do not know the key. */
const withoutProtoNames = (key, value) => (key === 'protoName' ? undefined : value);

/** The generated file's text. Field names are in camel case, as protobufjs prefers. */
export function generate(protoFile) {
	const schema = new protobuf.Root();
	const {package: packageName} = protobuf.parse(readFileSync(path.join(root, protoFile), 'utf8'), schema);
	const lines = declarations(schema, packageName ?? '');
	const longs = lines.some(line => line.includes('Int64'))
		? '/** A 64-bit integer: decoders make the object, encoders take either. */\n' +
			'export type Int64 = number | {low: number; high: number; unsigned: boolean};\n\n'
		: '';
	return (
		`// Generated from ${protoFile} by scripts/generate-proto.mjs. Do not edit.\n` +
		'// biome-ignore-all format: generated\n// biome-ignore-all lint: generated\n// biome-ignore-all assist: generated\n' +
		"import type {INamespace} from 'protobufjs';\n\n" +
		longs +
		`${lines.join('\n')}\nexport const descriptor: INamespace = ${JSON.stringify(schema.toJSON(), withoutProtoNames, '\t')};\n`
	);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const check = process.argv.includes('--check');
	for (const [protoFile, out] of pairs) {
		const text = generate(protoFile);
		if (!check) {
			writeFileSync(path.join(root, out), text);
		} else if (readFileSync(path.join(root, out), 'utf8') !== text) {
			console.error(`${out} is out of date: run node scripts/generate-proto.mjs`);
			process.exitCode = 1;
		}
	}
}
