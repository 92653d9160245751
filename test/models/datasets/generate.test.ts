import {performance} from 'node:perf_hooks';
import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {seededRandom} from '../../../core/random.js';
import {type DigitsOptions, drawDigits} from '../../../models/datasets/generate/digits.js';
import {
	type MachineClass,
	machineClasses,
	machineWindow,
	sampleRate,
} from '../../../models/datasets/generate/machine.js';
import {paint, splitOf} from '../../../models/datasets/generate/painters.js';
import {drawSequences, tokenSteps, tokenVocabulary} from '../../../models/datasets/generate/tokens.js';
import {type DatasetSpec, openDataset} from '../../../models/datasets/open.js';

/** The same drawing, made anew in this thread. */
const drawnHere = (kind: 'digits' | 'vibration' | 'vibration-frames' | 'tokens', counts: DigitsOptions) =>
	splitOf(paint(kind === 'vibration-frames' ? {kind: 'vibration', form: 'frames', ...counts} : {kind, ...counts}));

const open = (spec: DatasetSpec) => openDataset(spec, {environment: {}});

for (const kind of ['digits', 'vibration', 'vibration-frames', 'tokens'] as const) {
	test(`${kind}: the seed decides every item, and classes are balanced`, async t => {
		const [a, b, c] = [
			await open({kind, seed: 5, train: 53, test: 11}),
			drawnHere(kind, {seed: 5, train: 53, test: 11}),
			await open({kind, seed: 6, train: 53, test: 11}),
		];
		t.deepEqual([a.train.items, a.test.items], [53, 11]);
		const all = [...Array(11).keys()];
		t.deepEqual(a.train.batch(all), b.train.batch(all));
		t.deepEqual(a.test.batch(all), b.test.batch(all));
		t.notDeepEqual(a.train.batch(all), c.train.batch(all));
		t.notDeepEqual(a.train.batch(all).inputs, a.test.batch(all).inputs);
		const classes = a.train.target.kind === 'classes' ? a.train.target.classes : 0;
		const counts = Array.from(
			{length: classes},
			(_, number) => a.train.labels!.filter(label => label === number).length,
		);
		t.true(Math.max(...counts) - Math.min(...counts) <= 1, counts.join());
	});
}

test('impossible numbers of items are refused', async t => {
	for (const spec of [
		{kind: 'digits', train: 0},
		{kind: 'vibration', test: 1e9},
		{kind: 'tokens', train: 1.5},
	] as const) {
		t.true(isFplError(await t.throwsAsync(open(spec)), 'CONFIG_VALUE'));
	}
});

test('ten thousand digits are drawn quickly, light on dark and within the picture', t => {
	const start = performance.now();
	const {pixels, labels} = drawDigits(10_000, seededRandom(1));
	const ms = performance.now() - start;
	t.log(`${Math.round(ms)} ms`);
	// About 450 ms on an idle core; the bound leaves room for a busy machine.
	t.true(ms < 10_000);
	t.is(labels.length, 10_000);
	const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
	t.true(mean > 15 && mean < 60, `mean ${mean}`);
	const rim = (index: number) => index % 28 === 0 || index % 28 === 27 || index < 28 || index >= 27 * 28;
	const atRim = pixels.reduce((sum, value, index) => sum + (rim(index % 784) ? value : 0), 0);
	t.true(atRim / pixels.reduce((sum, value) => sum + value, 0) < 0.05);
});

/** Mean power of windows of one class at a frequency, in one channel, over many windows. */
function power(kind: MachineClass, channel: number, frequencies: (speed: number) => number): number {
	const random = seededRandom(9);
	const window = new Float32Array(1024);
	let total = 0;
	const windows = 60;
	for (let count = 0; count < windows; count++) {
		machineWindow(kind, random, window);
		const signal = window.subarray(channel * 256, (channel + 1) * 256);
		// The shaft's speed varies by ±15 %: take the strongest line in that range.
		let best = 0;
		for (let speed = 22; speed <= 32; speed += 1) {
			let [re, im] = [0, 0];
			for (const [index, value] of signal.entries()) {
				const angle = (2 * Math.PI * frequencies(speed) * index) / sampleRate;
				re += value * Math.cos(angle);
				im += value * Math.sin(angle);
			}
			best = Math.max(best, (re * re + im * im) / 256 ** 2);
		}
		total += best / windows;
	}
	return total;
}

test('each fault shows at its frequencies, in its sensor', t => {
	const once = (speed: number) => speed;
	const twice = (speed: number) => 2 * speed;
	const half = (speed: number) => 0.5 * speed;
	const resonance = (speed: number) => 640 + (speed - 27) * 16;
	const strongest = (channel: number, frequency: (speed: number) => number) => {
		const powers = machineClasses.map(kind => power(kind, channel, frequency));
		return machineClasses[powers.indexOf(Math.max(...powers))];
	};
	t.is(strongest(0, once), 'imbalance');
	t.is(strongest(1, twice), 'misalignment');
	t.is(strongest(3, half), 'looseness');
	t.is(strongest(0, resonance), 'outer-race');
	// The free end hardly hears the bearing at the drive end.
	const heard = (channel: number) => power('outer-race', channel, resonance) - power('healthy', channel, resonance);
	t.log({driveEnd: heard(0), freeEnd: heard(2)});
	t.true(heard(0) > 10 * heard(2));
});

test('token sequences hold each marker once, and counts tell nothing of the class', t => {
	const {ids, labels} = drawSequences(500, seededRandom(2));
	const sums = new Array<number>(5).fill(0);
	for (let item = 0; item < 500; item++) {
		const sequence = [...ids.subarray(item * tokenSteps, (item + 1) * tokenSteps)].map(Number);
		t.true(sequence.every(id => id >= 0 && id < tokenVocabulary));
		t.deepEqual(sequence.filter(id => id < 3).sort(), [0, 1, 2]);
		sums[labels[item]!]! += sequence.filter(id => id >= 3).reduce((a, b) => a + b, 0) / 29 / 100;
	}
	t.true(Math.max(...sums) / Math.min(...sums) < 1.2, sums.join());
});
