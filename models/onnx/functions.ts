/** Inlining of model-local functions, as PyTorch's dynamo exporter may write them. */
import {FplError} from '../../core/errors.js';
import type {AttributeProto, FunctionProto, ModelProto, NodeProto} from './onnx_pb.js';
import {toNumber} from './schema.js';

/** Calls inside calls; also what stops a function that calls itself. */
const deepest = 16;
/** Nodes after inlining: functions that call each other twice would double the graph at every level. */
const mostNodes = 100_000;

const keyOf = (domain = '', name = '', overload = '') =>
	[domain === 'ai.onnx' ? '' : domain, name, overload].join('\n');

/** The nodes of the graph with every call of a local function replaced by the function's body. */
export function inlineFunctions(model: ModelProto, where: string): readonly NodeProto[] {
	const nodes = model.graph?.node ?? [];
	const functions = new Map((model.functions ?? []).map(f => [keyOf(f.domain, f.name, f.overload), f]));
	if (functions.size === 0) {
		return nodes;
	}
	checkOpsets(model, where);
	const result: NodeProto[] = [];
	let calls = 0;
	const emit = (node: NodeProto, depth: number) => {
		const called = functions.get(keyOf(node.domain, node.opType, node.overload));
		if (called === undefined) {
			result.push(node);
		} else {
			calls += 1;
			for (const inner of bodyOf(called, node, `${node.name || called.name}/${calls}`)) {
				emit(inner, depth + 1);
			}
		}
		if (depth > deepest || result.length > mostNodes || calls > mostNodes) {
			throw new FplError('MODEL_FILE', {where, problem: 'its local functions call each other too deeply or too often'});
		}
	};
	for (const node of nodes) {
		emit(node, 0);
	}
	return result;
}

/** A function may be written for another operator set than the graph; the versions mean different things. */
function checkOpsets(model: ModelProto, where: string): void {
	const versions = new Map((model.opsetImport ?? []).map(({domain = '', version = 0}) => [domain, toNumber(version)]));
	for (const {name = '', opsetImport = []} of model.functions ?? []) {
		for (const {domain = '', version = 0} of opsetImport) {
			const expected = versions.get(domain);
			if (expected !== undefined && expected !== toNumber(version)) {
				throw new FplError('MODEL_FILE', {
					where: `function «${name}» of ${where}`,
					problem: `it is written for another opset than the graph (domain «${domain}»)`,
					expected: `${expected}`,
					got: `${toNumber(version)}`,
				});
			}
		}
	}
}

/** The body with the caller's values in place of the formal ones; inner values get a prefix of their own. */
function bodyOf(called: FunctionProto, call: NodeProto, prefix: string): readonly NodeProto[] {
	const names = new Map<string, string>([['', '']]);
	for (const [index, formal] of (called.input ?? []).entries()) {
		names.set(formal, call.input?.[index] ?? '');
	}
	for (const [index, formal] of (called.output ?? []).entries()) {
		const actual = call.output?.[index] ?? '';
		// An output that the caller does not want still needs a name inside the body.
		names.set(formal, actual === '' ? `${prefix}/${formal}` : actual);
	}
	const rename = (name: string) => names.get(name) ?? `${prefix}/${name}`;
	return (called.node ?? []).map(node => ({
		...node,
		name: `${prefix}/${node.name ?? node.opType ?? ''}`,
		input: (node.input ?? []).map(rename),
		output: (node.output ?? []).map(rename),
		attribute: (node.attribute ?? []).flatMap(attribute => resolve(attribute, called, call)),
	}));
}

/** `@name` attributes take the caller's value, else the function's default, else are absent. */
function resolve(attribute: AttributeProto, called: FunctionProto, call: NodeProto): AttributeProto[] {
	const {refAttrName = ''} = attribute;
	if (refAttrName === '') {
		return [attribute];
	}
	const value =
		call.attribute?.find(({name}) => name === refAttrName) ??
		called.attributeProto?.find(({name}) => name === refAttrName);
	return value === undefined ? [] : [{...value, name: attribute.name ?? ''}];
}
