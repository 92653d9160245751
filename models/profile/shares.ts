/** From the times of single nodes to those of units: the profiler's own part is taken off, the whole is kept. */
import {systemClock} from '../../core/clock.js';
import type {Shape} from '../../core/tensor/tensor.js';
import {dropoutMask} from '../compile/dropout.js';
import type {Graph} from '../graph.js';
import type {Unit} from '../inspect/cuts.js';
import type {Owners} from './owners.js';
import type {NodeTime} from './trace.js';

/** The profiler adds about this to every node at most, seconds. */
const mostPerNode = 5e-6;
/** What is left of a node in any case. */
const leastLeft = 0.1;

const total = (times: readonly number[]): number => times.reduce((sum, time) => sum + time, 0);

export interface Shares {
	/** Seconds by unit; they add up to the whole pass. */
	readonly units: readonly number[];
	/** What the nodes' own times had to be multiplied by for that: near 1 on a machine that does nothing else. */
	readonly stretch: number;
}

/**
 * Divides a pass among units.
 * @param nodes in the order of execution; those that belong to no unit count for the next one that does.
 * @param besides seconds by unit that no node accounts for.
 * @param whole seconds of the pass without its overhead.
 */
export function sharesOf(
	nodes: readonly NodeTime[],
	owners: Owners,
	besides: readonly number[],
	whole: number,
): Shares {
	const target = Math.max(whole - total(besides), whole * 0.05, 1e-9);
	const left = (tax: number) => nodes.map(({seconds}) => Math.max(seconds - tax, seconds * leastLeft));
	let [low, high] = [0, total(left(0)) > target ? mostPerNode : 0];
	for (let step = 0; step < 30 && high > low; step++) {
		const middle = (low + high) / 2;
		[low, high] = total(left(middle)) > target ? [middle, high] : [low, middle];
	}
	const own = left(high);
	const units = [...besides];
	let homeless = 0;
	let latest = 0;
	for (const [index, {node}] of nodes.entries()) {
		const unit = owners.of(node);
		homeless += own[index]!;
		if (unit !== undefined) {
			units[unit]! += homeless;
			homeless = 0;
			latest = unit;
		}
	}
	units[latest]! += homeless;
	const sum = total(units);
	const stretch = sum > 0 ? (target + total(besides)) / sum : 1;
	return {units: units.map(time => time * stretch), stretch};
}

/** Seconds by unit for drawing dropout masks, which happens outside of the graph. @param graph static. */
export function maskSeconds(graph: Graph, units: readonly Unit[]): readonly number[] {
	const shapes = new Map(
		graph.nodes.flatMap(({name, op, domain, outputs}) =>
			op === 'Dropout' && domain === '' ? [[name, graph.values.get(outputs[0]!)?.shape as Shape | undefined]] : [],
		),
	);
	return units.map(({nodes}) =>
		total(
			nodes.map(node => {
				const shape = shapes.get(node);
				const times = Array.from({length: shape === undefined ? 0 : 3}, () => {
					const began = systemClock.monotonic();
					dropoutMask({seed: 1, update: 1, node, ratio: 0.5, shape: shape!});
					return (systemClock.monotonic() - began) / 1000;
				});
				return times.length === 0 ? 0 : Math.min(...times);
			}),
		),
	);
}
