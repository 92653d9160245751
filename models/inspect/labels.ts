/** Names of units for people, from the names of their weights, or their operators. */
import type {Node} from '../graph.js';
import {scopeOf} from '../onnx/scope.js';

/** `block1.conv1.weight` → `block1.conv1`; made-up names (`onnx::Conv_12`, `val_3`) tell nothing. */
function moduleOf(parameter: string): readonly string[] | undefined {
	const parts = parameter.split('.');
	return parts.length < 2 || /[:/]/u.test(parameter) ? undefined : parts.slice(0, -1);
}

/** The part that all paths have in front. */
function common(paths: readonly (readonly string[])[]): readonly string[] {
	const [first = [], ...rest] = paths;
	const length = first.findIndex((part, index) => rest.some(path => path[index] !== part));
	return length < 0 ? first : first.slice(0, length);
}

/** What people call a layer; norms and scales beside them go without saying. */
const layers = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'LSTM', 'GRU', 'RNN', 'Gather']);

/** Those of them that also occur without a weight, where they are no layers. */
const weightless = new Set(['MatMul', 'Gather']);

function labelOf(nodes: readonly Node[], parameters: ReadonlySet<string>): string {
	const modulesOf = (some: readonly Node[]) =>
		some.flatMap(({inputs}) => inputs.filter(name => parameters.has(name)).map(moduleOf));
	const own = nodes.filter(
		({op, inputs}) => layers.has(op) && (!weightless.has(op) || inputs.some(name => parameters.has(name))),
	);
	const candidates = [
		modulesOf(own),
		own.map(({name}) => scopeOf(name)?.module.split('.')),
		own.length === 0 ? modulesOf(nodes) : [],
	];
	const paths = candidates.map(list => list.filter(path => path !== undefined)).find(({length}) => length > 0) ?? [];
	const shared = common(paths).join('.');
	if (shared !== '') {
		return shared;
	}
	const [first, last] = [paths[0]?.join('.'), paths.at(-1)?.join('.')];
	if (first !== undefined && last !== undefined) {
		return first === last ? first : `${first}…${last}`;
	}
	const ops = [...new Set((own.length > 0 ? own : nodes).map(({op}) => op.toLowerCase()))];
	return ops.length > 3 ? `${ops.slice(0, 2).join('+')}+…` : ops.join('+');
}

/** One label per group of nodes; a number tells equal ones apart. */
export function labelsOf(groups: readonly (readonly Node[])[], parameters: ReadonlySet<string>): readonly string[] {
	const seen = new Map<string, number>();
	return groups.map(nodes => {
		const label = labelOf(nodes, parameters);
		const count = (seen.get(label) ?? 0) + 1;
		seen.set(label, count);
		return count === 1 ? label : `${label} ${count}`;
	});
}
