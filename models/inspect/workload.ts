/**
 * What training asks of a device, by class of operators: the forward pass counted per node, times three (a backward pass
 * costs about two forward passes: one for the gradient of the inputs, one for that of the weights).
 */
import type {Work} from '../../core/profile/emulate.js';
import {type OpClass, opClasses} from '../../core/profile/profile.js';
import type {Model} from '../graph.js';
import {costOf, type NodeCost} from './cost.js';

const passes = 3;

/** Sums over the nodes of one class. */
const sumOf = (nodes: readonly NodeCost[], opClass: OpClass, what: (node: NodeCost) => number): number =>
	nodes.reduce((sum, node) => (node.opClass === opClass ? sum + what(node) : sum), 0);

/** Work of training on so many items in so many steps (forward and backward). */
export function trainingWorkload(
	model: Model,
): (items: number, steps: number) => Readonly<Partial<Record<OpClass, Work>>> {
	// Weights are read once per step, activations once per item: two batch sizes tell the one from the other.
	const one = costOf(model, {N: 1}).nodes;
	const two = costOf(model, {N: 2}).nodes;
	const classes = opClasses.map(opClass => {
		const bytes = [one, two].map(nodes => sumOf(nodes, opClass, node => node.bytes)) as [number, number];
		const perItem = bytes[1] - bytes[0];
		return {
			opClass,
			flopsPerItem: sumOf(one, opClass, node => node.flops),
			bytesPerItem: perItem,
			bytesPerStep: Math.max(0, bytes[0] - perItem),
			calls: one.filter(node => node.opClass === opClass).length,
		};
	});
	return (items, steps) =>
		Object.fromEntries(
			classes.map(({opClass, flopsPerItem, bytesPerItem, bytesPerStep, calls}) => [
				opClass,
				{
					flops: passes * flopsPerItem * items,
					bytes: passes * (bytesPerItem * items + bytesPerStep * steps),
					calls: passes * calls * steps,
				},
			]),
		);
}
