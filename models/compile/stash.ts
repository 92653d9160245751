/** Which values of a forward pass must be kept for the backward pass that follows it elsewhere in time. */
import type {Emitter} from '../autodiff/emitter.js';
import type {Node} from '../graph.js';

/** Operators that only rename elements: their input is kept instead of their output. */
const free = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity']);

export interface StashQuery {
	/** The first nodes of the emitter are the forward pass. */
	readonly forwardNodes: number;
	/** What the backward pass computes. */
	readonly results: readonly string[];
	/** Values that the backward pass is fed anyway. */
	readonly fed: ReadonlySet<string>;
	/** Of these: parameters and buffers. What depends on them alone is computed again instead of kept. */
	readonly weights: readonly string[];
}

/** In the order in which the backward pass meets them, the last first. */
export function stashOf(emitter: Emitter, {forwardNodes, results, fed, weights}: StashQuery): readonly string[] {
	const {producers, ofWeights} = survey(emitter, forwardNodes, weights);
	const kept = new Set<string>();
	const visit = (first: string): void => {
		const open = [first];
		for (let value = open.pop(); value !== undefined; value = open.pop()) {
			const producer = producers.get(value);
			if (producer === undefined || fed.has(value) || kept.has(value)) {
				continue;
			}
			if (free.has(producer.op) || ofWeights.has(value)) {
				open.push(...producer.inputs);
			} else {
				kept.add(value);
			}
		}
	};
	const needed = new Set(results);
	results.forEach(visit);
	for (const node of emitter.allNodes.slice(forwardNodes).toReversed()) {
		if (node.outputs.some(output => needed.has(output))) {
			for (const input of node.inputs) {
				needed.add(input);
				visit(input);
			}
		}
	}
	return [...kept];
}

function survey(emitter: Emitter, forwardNodes: number, weights: readonly string[]) {
	const producers = new Map<string, Node>();
	const ofWeights = new Set(weights);
	const known = (name: string) => name === '' || ofWeights.has(name) || emitter.known(name) !== undefined;
	for (const node of emitter.allNodes.slice(0, forwardNodes)) {
		const derived = node.inputs.every(known);
		for (const output of node.outputs) {
			producers.set(output, node);
			if (derived) {
				ofWeights.add(output);
			}
		}
	}
	return {producers, ofWeights};
}
