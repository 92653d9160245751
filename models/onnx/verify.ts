/**
 * What a legal graph is: a table of rules. Run after a file is read, after a cut and after differentiation, so that engines
 * and planners need not doubt a graph.
 */
import {type ErrorCode, FplError} from '../../core/errors.js';
import {dtypes, sizeOf} from '../../core/tensor/tensor.js';
import type {Graph, ValueInfo} from '../graph.js';
import {whereIs} from '../infer/context.js';
import {isStatic, show} from '../infer/dims.js';
import {analyse} from '../infer.js';
import {supportedOpsets} from './schema.js';

export interface Violation {
	readonly code: ErrorCode;
	readonly where: string;
	readonly problem: string;
}

type Rule = (graph: Graph) => Iterable<Violation>;

const invalid = (where: string, problem: string): Violation => ({code: 'MODEL_INVALID', where, problem});

/** Each rule by what it demands. Later ones rely on earlier ones. */
const rules = {
	'the operator set is one that we know': function* ({name, opsets}) {
		const version = opsets[''];
		const {lowest, highest} = supportedOpsets;
		if (version === undefined || version < lowest || version > highest) {
			yield invalid(`«${name}»`, `opset ${version} is not between ${lowest} and ${highest}`);
		}
	},
	'there is an output': function* ({name, outputs}) {
		if (outputs.length === 0) {
			yield invalid(`«${name}»`, 'it has no output');
		}
	},
	'node names are given and unique': function* ({name, nodes}) {
		const seen = new Set(['']);
		for (const node of nodes) {
			if (seen.has(node.name)) {
				yield invalid(whereIs(node, name), 'its name is empty or taken');
			}
			seen.add(node.name);
		}
	},
	'every value has exactly one producer': function* ({name, nodes, inputs, initializers}) {
		const made = new Set(['', ...initializers.keys()]);
		if (initializers.has('')) {
			yield invalid(`«${name}»`, 'an initializer has no name');
		}
		for (const input of inputs) {
			if (made.has(input.name)) {
				yield invalid(`input «${input.name}» of «${name}»`, 'its name is empty or taken');
			}
			made.add(input.name);
		}
		for (const node of nodes) {
			for (const output of node.outputs) {
				if (output !== '' && made.has(output)) {
					yield invalid(whereIs(node, name), `its output «${output}» is made elsewhere too`);
				}
				made.add(output);
			}
		}
	},
	'nodes come after what they read': function* ({name, nodes, inputs, initializers}) {
		const made = new Set(['', ...initializers.keys(), ...inputs.map(input => input.name)]);
		for (const node of nodes) {
			for (const input of node.inputs) {
				if (!made.has(input)) {
					yield invalid(whereIs(node, name), `nothing before it makes its input «${input}»`);
				}
			}
			for (const output of node.outputs) {
				made.add(output);
			}
		}
	},
	'every output is made once and listed once': function* ({name, nodes, inputs, initializers, outputs}) {
		const made = new Set([...initializers.keys(), ...inputs.map(input => input.name)]);
		for (const node of nodes) {
			for (const output of node.outputs) {
				made.add(output);
			}
		}
		const seen = new Set(['']);
		for (const output of outputs) {
			if (!made.has(output.name) || seen.has(output.name)) {
				yield invalid(`output «${output.name}» of «${name}»`, 'nothing makes it, or it is listed twice');
			}
			seen.add(output.name);
		}
	},
	'declared types are types': function* ({name, inputs}) {
		for (const input of inputs) {
			if (!dtypes.includes(input.dtype) || !usable(input)) {
				yield invalid(`input «${input.name}» of «${name}»`, `${input.dtype}${show(input.shape)} is no usable type`);
			}
		}
	},
	'initializers hold what their shape says': function* ({name, initializers}) {
		for (const [key, tensor] of initializers) {
			if (sizeOf(tensor.shape) !== tensor.data.length) {
				yield invalid(
					`initializer «${key}» of «${name}»`,
					`${show(tensor.shape)} is not ${tensor.data.length} elements`,
				);
			}
		}
	},
} as const satisfies Readonly<Record<string, Rule>>;

const usable = ({shape}: ValueInfo) =>
	shape === undefined ||
	(shape.length <= 32 &&
		shape.every(dim => (typeof dim === 'number' ? Number.isSafeInteger(dim) && dim >= 0 : dim !== '')) &&
		Number.isSafeInteger(shape.reduce<number>((size, dim) => (typeof dim === 'number' ? size * dim : size), 1)));

export const ruleNames = Object.keys(rules) as readonly (keyof typeof rules)[];

/** All violations of the structural rules, the rule's name with each. Rules after the first broken one are not asked. */
export function violations(graph: Graph): readonly (Violation & {readonly rule: string})[] {
	for (const rule of ruleNames) {
		const found = [...rules[rule](graph)];
		if (found.length > 0) {
			return found.map(violation => ({...violation, rule}));
		}
	}
	return [];
}

export interface VerifyOptions {
	/** Every value must have a static shape, as after `specialise`. */
	readonly static?: boolean;
}

/**
 * Checks structure, operators, attributes, types and shapes.
 * @throws FplError `MODEL_INVALID`, `MODEL_OP` or `MODEL_SHAPE` for the first thing that is wrong.
 */
export function verify(graph: Graph, options: VerifyOptions = {}): void {
	const [first, ...others] = violations(graph);
	if (first !== undefined) {
		const more = others.length === 0 ? '' : ` (and ${others.length} more of the kind)`;
		throw new FplError(first.code, {where: first.where, problem: `${first.problem}${more}`, expected: first.rule});
	}
	const {types} = analyse(graph);
	if (options.static !== true) {
		return;
	}
	for (const info of types.values()) {
		if (!isStatic(info.shape)) {
			throw new FplError('MODEL_SHAPE', {
				where: `value «${info.name}» of «${graph.name}»`,
				expected: 'a static shape',
				got: show(info.shape),
			});
		}
	}
}
