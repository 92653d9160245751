/** The planner's pipelines on published profiles of boards, and on ones of the same form that always are here. */
import test from 'ava';
import {type Comparison, comparePublished, readPublished} from '../../../bench/planner/published.js';
import type {PipeEdge} from '../../../core/profile/pipeedge.js';

/** Four boards of each of two types; layers of blocks that repeat, as those of a transformer. */
const standIn: PipeEdge = {
	model: {
		name: 'stand-in',
		layers: 16,
		memoryBytes: Array.from({length: 16}, () => 8e6),
		elementsIn: 150_528,
		elementsOut: Array.from({length: 16}, (_, layer) => (layer % 4 === 1 ? 302_592 : 151_296)),
	},
	batch: 8,
	bytesPerElement: 4,
	types: [
		{name: 'slow', bandwidthBytesPerSecond: 1.25e8, memoryBytes: 2 ** 31, factor: 1.25},
		{name: 'fast', bandwidthBytesPerSecond: 1.25e8, memoryBytes: 2 ** 33, factor: 1},
	].map(({factor, ...type}) => ({
		...type,
		secondsPerLayer: Array.from({length: 16}, (_, layer) => factor * [0.27, 0.065, 0.28, 0.24][layer % 4]!),
	})),
	devices: Array.from({length: 8}, (_, index) => ({id: `board-${index}`, type: index < 4 ? 'slow' : 'fast'})),
};

const holds = ({planned, optimum, bound}: Comparison): boolean => planned <= optimum * (1 + 1e-9) && planned >= bound;

test('the pipeline is as fast as the best that dynamic programming finds, and no faster than its bound', t => {
	for (const microBatches of [4]) {
		const compared = comparePublished(standIn, microBatches, 2000);
		t.true(holds(compared), JSON.stringify(compared));
	}
});

test('so it is for ViT-Base on four boards of each of two types, as published', async t => {
	const published = await readPublished();
	if (!published) {
		t.log('left out: the published profiles are not here (FPL_DATA_DIR)');
		t.pass();
		return;
	}
	const compared = comparePublished(published, 16, 0);
	t.true(holds(compared), JSON.stringify(compared));
});
