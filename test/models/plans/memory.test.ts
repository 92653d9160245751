/** What a stage keeps for its backward pass: counted unit by unit, as planners do, and by the stage's own programs. */
import test from 'ava';
import {stashOfRange} from '../../../core/cost/stage-counts.js';
import {bytesPerElement, sizeOf} from '../../../core/tensor/tensor.js';
import {compileSegment, partOf} from '../../../models/compile/segment.js';
import type {Model} from '../../../models/graph.js';
import {segmentsOf} from '../../../models/inspect/segments.js';
import {costsOfModel} from '../../../models/plans/costs.js';
import {buildModel} from '../../../models/zoo/zoo.js';

type Range = readonly [number, number];

/** Bytes of one item that the backward program of a segment reads of what the forward one made. */
function keptBy(model: Model, ranges: readonly Range[]): readonly number[] {
	return segmentsOf(model, ranges, {maxCrossing: 1}).map(segment => {
		const part = partOf(model, segment);
		const {graph, inputs} = compileSegment(part, {batch: 1, stash: 'keep'}).backward();
		const read = new Set(graph.nodes.flatMap(node => node.inputs));
		const isOwn = (name: string) => segment.graph.outputs.some(output => output.name === name);
		return inputs
			.filter(
				({name, role}) => read.has(name) && (role.kind === 'stash' || (role.kind === 'activation' && isOwn(name))),
			)
			.reduce((sum, {shape, dtype}) => sum + sizeOf(shape) * bytesPerElement(dtype), 0);
	});
}

for (const name of ['lenet5', 'cnn-small', 'resnet18', 'mobilenetv3-small', 'gru', 'mlp'] as const) {
	test(`of ${name} the units add up to what the programs of its stages keep`, t => {
		const model = buildModel(name, {seed: 1});
		const costs = costsOfModel(model);
		const end = costs.units.length - 1;
		const cuts = costs.separable.flatMap((separable, cut) => (separable ? [cut] : []));
		let [compared, exact] = [0, 0];
		for (const [index, cut] of cuts.entries()) {
			if (index % Math.ceil(cuts.length / 8) !== 0) {
				continue;
			}
			const ranges: Range[] = [
				[0, cut],
				[cut + 1, end],
			];
			const kept = keptBy(model, ranges);
			for (const [stage, range] of ranges.entries()) {
				const [counted, real] = [stashOfRange(costs, range), kept[stage]!];
				// Of a tensor that is only reshaped at the cut, either form may be the one that is kept.
				t.true(Math.abs(counted - real) <= 0.04 * real, `units ${range.join(' to ')}: ${counted}, ${real}`);
				compared++;
				exact += counted === real ? 1 : 0;
			}
		}
		t.true(compared > 1 && exact >= 0.5 * compared, `${exact} of ${compared}`);
	});
}
