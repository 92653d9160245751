/**
 * Which unit of a model a node of a compiled program works for. Compilers name what they emit after the node that it
 * stands for (`grad/conv1/MatMul_3`, `blocked/grad/conv1/ConvTranspose_4/Gather_5`), and the runtime's optimiser keeps
 * names or puts «fused» before them.
 */
import type {Graph} from '../graph.js';
import type {Unit} from '../inspect/cuts.js';

/** What compilers put before a name. */
const scopes = /^(?:fused |blocked\/plain |blocked\/|grad\/)/u;

export class Owners {
	/** Node, or the value that it makes → index of the unit. */
	readonly #known = new Map<string, number>();

	/** @param graph of the model whose units these are. */
	constructor(graph: Graph, units: readonly Unit[]) {
		const made = new Map(graph.nodes.map(({name, outputs}) => [name, outputs]));
		for (const {index, nodes} of units) {
			for (const node of nodes) {
				for (const value of made.get(node) ?? []) {
					this.#known.set(value, index);
				}
			}
		}
		// Where a value has the name of another unit's node, it is the node that is meant.
		for (const {index, nodes} of units) {
			for (const node of nodes) {
				this.#known.set(node, index);
			}
		}
		this.#known.delete('');
	}

	/** Index of the unit; undefined for what belongs to none, such as constants that the runtime prepares. */
	of(node: string): number | undefined {
		let rest = node;
		for (let scope = scopes.exec(rest); scope !== null; scope = scopes.exec(rest)) {
			rest = rest.slice(scope[0].length);
		}
		// Names in models have slashes of their own: the longest beginning that is known is meant.
		for (let end = rest.length; end > 0; end = rest.lastIndexOf('/', end - 1)) {
			const unit = this.#known.get(rest.slice(0, end));
			if (unit !== undefined) {
				return unit;
			}
		}
		return undefined;
	}
}
