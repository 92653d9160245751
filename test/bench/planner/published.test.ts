/** The planner's pipelines on published profiles of boards, and on ones of the same form that always are here. */
import test from 'ava';
import {type Comparison, comparePublished, readPublished} from '../../../bench/planner/published.js';
import type {PipeEdge} from '../../../core/profile/pipeedge.js';
import {seededRandom} from '../../../core/random.js';
import {problemOfPipeEdge} from '../../../planners/pipeedge-problem.js';
import {cheapest} from '../../support/planning/cheapest.js';
import {pipelineOptimum} from '../../support/planning/pipeline-optimum.js';

interface Form {
	readonly layers: number;
	/** Boards of each type. */
	readonly boards: number;
	/** Seconds of a layer on the faster boards. */
	readonly seconds: (layer: number) => number;
	readonly slower: number;
}

/** Boards of two types; layers of blocks that repeat, as those of a transformer. */
const standIn = ({layers, boards, seconds, slower}: Form): PipeEdge => ({
	model: {
		name: 'stand-in',
		layers,
		memoryBytes: Array.from({length: layers}, () => 8e6),
		elementsIn: 150_528,
		elementsOut: Array.from({length: layers}, (_, layer) => (layer % 4 === 1 ? 302_592 : 151_296)),
	},
	batch: 8,
	bytesPerElement: 4,
	types: [
		{name: 'slow', bandwidthBytesPerSecond: 1.25e8, memoryBytes: 2 ** 31, factor: slower},
		{name: 'fast', bandwidthBytesPerSecond: 1.25e8, memoryBytes: 2 ** 33, factor: 1},
	].map(({factor, ...type}) => ({
		...type,
		secondsPerLayer: Array.from({length: layers}, (_, layer) => factor * seconds(layer)),
	})),
	devices: Array.from({length: 2 * boards}, (_, index) => ({
		id: `board-${index}`,
		type: index < boards ? 'slow' : 'fast',
	})),
});

const isOptimum = ({planned, optimum}: Comparison): boolean => Math.abs(planned / optimum.seconds - 1) < 1e-9;

test('what is said to be the best pipeline is so among all pipelines', t => {
	let [pipelines, evaluated] = [0, 0];
	for (let seed = 1; seed <= 5; seed++) {
		const random = seededRandom(seed);
		const seconds = Array.from({length: 6}, () => 0.02 + 0.3 * random.next());
		const slower = 1 + 2 * random.next();
		const profile = standIn({layers: 6, boards: 2, seconds: layer => seconds[layer]!, slower});
		const problem = problemOfPipeEdge(profile, {passes: 'training', microBatches: 1 + seed});
		const optimum = pipelineOptimum(problem);
		const {values, plans} = cheapest(problem, {everything: true});
		t.true(Math.abs(values.get('time')! / optimum.seconds - 1) < 1e-12, `seed ${seed}`);
		t.is(optimum.pipelines, plans);
		pipelines += optimum.pipelines;
		evaluated += optimum.evaluated;
	}
	t.true(evaluated < pipelines / 3, `${evaluated} of ${pipelines}`);
});

test('the planner’s pipeline is the best one on stand-ins', t => {
	const seconds = (layer: number) => [0.27, 0.065, 0.28, 0.24][layer % 4]!;
	for (const [layers, boards, microBatches] of [
		[12, 3, 4],
		[12, 3, 8],
		[16, 4, 16],
	] as const) {
		const compared = comparePublished(standIn({layers, boards, seconds, slower: 1.25}), microBatches, 2000);
		t.true(isOptimum(compared), JSON.stringify(compared));
	}
});

/** Pipelines of 1 to 8 stages of four boards of each of two types, through 48 layers. */
const pipelines = 5_236_351_218;

test('so it is for ViT-Base on four boards of each of two types, as published', async t => {
	const published = await readPublished();
	if (!published) {
		t.log('left out: the published profiles are not here (FPL_DATA_DIR)');
		t.pass();
		return;
	}
	// With 8 it is among the plans that are built, improved and shaken; to prove that would take long.
	for (const [microBatches, exactPlans] of [
		[8, 0],
		[16, 2000],
		[64, 2000],
	] as const) {
		const compared = comparePublished(published, microBatches, exactPlans);
		t.true(isOptimum(compared), JSON.stringify(compared));
		t.is(compared.optimum.pipelines, pipelines);
	}
});
