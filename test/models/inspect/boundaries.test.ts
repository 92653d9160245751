import test from 'ava';
import {zeros} from '../../../core/tensor/tensor.js';
import type {Model} from '../../../models/graph.js';
import {boundariesOf} from '../../../models/inspect/boundaries.js';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {segmentsOf} from '../../../models/inspect/segments.js';
import {buildModel, zooNames} from '../../../models/zoo/zoo.js';
import {node, sketch} from '../graphs.js';

const w = () => zeros('float32', [4, 4]);

/** The first unit's value skips two segments; the first output is made before the last segment; x is read again. */
const skipping: Model = {
	name: 'skipping',
	graph: sketch({
		inputs: {x: ['N', 4]},
		initializers: {w: w(), v: w()},
		nodes: [
			node('Relu', ['x'], ['s']),
			node('MatMul', ['s', 'w'], ['a']),
			node('MatMul', ['a', 'v'], ['b']),
			node('Add', ['b', 's'], ['c']),
			node('Add', ['c', 'x'], ['y']),
		],
		outputs: ['b', 'y'],
	}),
	parameters: ['w', 'v'],
	buffers: [],
	loss: 'mse',
};

const options = {maxCrossing: 4};
const each = [
	[0, 0],
	[1, 1],
	[2, 2],
	[3, 4],
] as const;

test('values go from the segment that makes them straight to those that read them', t => {
	const boundaries = boundariesOf(segmentsOf(skipping, each, options));
	t.deepEqual(
		boundaries.map(({data, receives, sends, results}) => ({
			data: data.map(({name}) => name),
			receives: receives.map(({name, from}) => [name, from]),
			sends: sends.map(({name, to}) => [name, [...to]]),
			results: results.map(({name}) => name),
		})),
		[
			{data: ['x'], receives: [], sends: [['s', [1, 3]]], results: []},
			{data: [], receives: [['s', 0]], sends: [['a', [2]]], results: []},
			{data: [], receives: [['a', 1]], sends: [['b', [3]]], results: []},
			{
				data: ['x'],
				receives: [
					['b', 2],
					['s', 0],
				],
				sends: [],
				results: ['b', 'y'],
			},
		],
	);
});

test('the last segment answers the outputs of the model, in its order, whoever makes them', t => {
	const segments = segmentsOf(skipping, each, options);
	t.deepEqual(
		segments.at(-1)!.graph.outputs.map(({name}) => name),
		['b', 'y'],
	);
	t.deepEqual(
		segments
			.slice(0, -1)
			.map(({graph, passing}) => [graph.outputs.map(({name}) => name), passing.map(({name}) => name)]),
		[
			[['s'], []],
			[['a'], []],
			[['b'], ['s']],
		],
	);
});

for (const name of zooNames) {
	test(`${name}: every value that a segment receives is sent to it, and the other way round`, t => {
		const model = buildModel(name, name === 'resnet50' || name === 'vgg11' ? {width: 0.1} : {});
		for (const maxCrossing of [1, 2, 3]) {
			const count = unitsOf(model, {maxCrossing}).units.length;
			const step = Math.ceil(count / 5);
			const starts = Array.from({length: Math.ceil(count / step)}, (_, index) => index * step);
			const ranges = starts.map((first, index) => [first, (starts[index + 1] ?? count) - 1] as const);
			const segments = segmentsOf(model, ranges, {maxCrossing});
			const boundaries = boundariesOf(segments);
			const received = boundaries.flatMap(({receives}, to) =>
				receives.map(({name: value, from}) => `${value} ${from} ${to}`),
			);
			const sent = boundaries.flatMap(({sends}, from) =>
				sends.flatMap(({name: value, to}) => to.map(reader => `${value} ${from} ${reader}`)),
			);
			t.deepEqual(received.sort(), sent.sort());
			t.true(boundaries.every(({sends}) => sends.every(({to}) => to.length > 0)));
			for (const {passing, index} of segments) {
				for (const {name: value} of passing) {
					t.true(
						boundaries.some(
							({sends}, from) =>
								from < index && sends.some(sent => sent.name === value && sent.to.some(to => to > index)),
						),
					);
				}
			}
		}
	});
}
