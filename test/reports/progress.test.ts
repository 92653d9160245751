import test from 'ava';
import type {RunUpdate} from '../../core/ledger/run-update.js';
import {textWidth} from '../../reports/format.js';
import {
	advance,
	bar,
	noProgress,
	type ProgressState,
	progressJson,
	progressLine,
	progressPanel,
} from '../../reports/progress.js';
import {aLedger} from '../support/a-ledger.js';

const ledger = aLedger({devices: 3, rounds: 10});

const roundUpdate = (round: number): RunUpdate => ({
	kind: 'round',
	record: ledger.rounds[round]!,
	rounds: 10,
	epochs: 3,
	devices: ledger.devices.map(({device, emulated, phases, bytesSent, joules, items}) => ({
		device,
		emulated,
		computeSeconds: phases.compute.seconds,
		bytes: bytesSent,
		joules,
		items,
	})),
});

const after = (...updates: RunUpdate[]): ProgressState => updates.reduce(advance, noProgress);

test('the panel of a running round', t => {
	const state = after({kind: 'gathering', expected: undefined, minimum: 2}, roundUpdate(3), roundUpdate(4), {
		kind: 'note',
		device: 'cam-3',
		text: 'missed the deadline',
	});
	t.deepEqual(progressPanel({...state, headline: 'training'}, {width: 80}), [
		'██████████░░░░░░░░░░ 50 % training, 10 s left',
		'round 5/10, epoch 1.5, loss 0.2375, accuracy 93.3 %, step 117 ms, 1.49 MB,',
		'29.2 J',
		'device   computing    bytes  energy  items',
		'cam-1 ~     3.77 s  2.48 MB  59.9 J  7 500',
		'cam-2 ~     1.51 s  2.48 MB  63.2 J  7 500',
		'cam-3 ~     8.93 s  2.48 MB  60.9 J  7 500',
		'fog-1       300 ms  7.43 MB   108 J      0',
		'! cam-3: missed the deadline',
	]);
});

test('before the first round the panel says what is waited for', t => {
	t.deepEqual(progressPanel(noProgress, {width: 80}), ['starting']);
	t.deepEqual(progressPanel(after({kind: 'gathering', expected: undefined, minimum: 1}), {width: 80}), [
		'waiting for at least 1 device',
	]);
	t.deepEqual(progressPanel(after({kind: 'gathering', expected: ['cam-1', 'cam-2'], minimum: 1}), {width: 80}), [
		'waiting for cam-1 and cam-2',
	]);
});

test('no line is wider than the terminal, and the panel has a bounded height', t => {
	const many: RunUpdate = {
		...(roundUpdate(1) as Extract<RunUpdate, {kind: 'round'}>),
		devices: Array.from({length: 100}, (_, index) => ({
			device: `a-device-with-a-long-name-${index}`,
			emulated: true,
			computeSeconds: index,
			bytes: index * 1e6,
			joules: index,
			items: index,
		})),
	};
	const notes = Array.from(
		{length: 50},
		(_, index): RunUpdate => ({kind: 'note', text: `note ${index} ${'x'.repeat(300)}`}),
	);
	for (const width of [20, 40, 60, 200]) {
		const lines = progressPanel(after(many, ...notes), {width, devices: 5});
		t.true(
			lines.every(line => textWidth(line) <= width),
			lines.join('\n'),
		);
		t.true(lines.length <= 5 + 12, String(lines.length));
		t.true(lines.some(line => line.startsWith('and 95 more')));
		t.true(lines.at(-1)!.startsWith('! note 49'));
	}
});

test('a run that was stopped promises no time left', t => {
	const [headline] = progressPanel(after(roundUpdate(4), {kind: 'ended', state: 'interrupted', because: 'a client'}), {
		width: 100,
	});
	t.is(headline, '██████████░░░░░░░░░░ 50 % interrupted: a client');
});

test('the step time is that of the steps in the round', t => {
	t.regex(progressLine(after(roundUpdate(0)), roundUpdate(0))!, /step 117 ms/u);
	// Two rounds of twelve steps, of which only the second was told: 1.4 s / 12.
	t.regex(progressLine(after(roundUpdate(0), roundUpdate(2)), roundUpdate(2))!, /step 117 ms/u);
});

test('a log gets a line per round, evaluation, note and end, and none for checkpoints', t => {
	const lines = (
		[
			roundUpdate(9),
			{kind: 'evaluated', round: 9, accuracy: 0.9731, testLoss: 0.08},
			{kind: 'checkpoint', round: 9},
			{kind: 'note', text: 'a checkpoint was slow'},
			{kind: 'ended', state: 'failed', because: 'the loss is NaN'},
		] satisfies RunUpdate[]
	).map(update => progressLine(after(update), update));
	t.deepEqual(lines.slice(1), [
		'after round 10: test accuracy 97.3 %, test loss 0.08000',
		undefined,
		'a checkpoint was slow',
		'failed: the loss is NaN',
	]);
	t.regex(lines[0]!, /^round 10\/10, epoch 3, loss 0\.\d+, accuracy 97\.\d %/u);
});

test('a later round without an accuracy keeps the last one', t => {
	const state = after(roundUpdate(4), roundUpdate(5));
	t.is(ledger.rounds[5]!.accuracy, undefined);
	t.is(state.accuracy, ledger.rounds[4]!.accuracy);
	t.is(after(roundUpdate(5), {kind: 'evaluated', round: 5, accuracy: 0.5, testLoss: 1}).accuracy, 0.5);
});

test('a loss that is no number is a dash, and terminal escapes stay out', t => {
	const wild = roundUpdate(2) as Extract<RunUpdate, {kind: 'round'}>;
	const lines = progressPanel(
		after(
			{...wild, record: {...wild.record, loss: Number.NaN, seconds: Number.NaN}},
			{kind: 'note', text: '\u001b[2Jgone'},
		),
		{width: 100},
	);
	t.false(/NaN|undefined|Infinity|\p{Cc}/u.test(lines.join('')), lines.join('\n'));
	t.true(lines[1]!.includes('loss –'));
});

test('JSON lines parse back to the update, with a time and without the plan', t => {
	const line = progressJson(roundUpdate(1), 0);
	t.false(line.includes('\n'));
	t.deepEqual(JSON.parse(line), {time: '1970-01-01T00:00:00.000Z', ...roundUpdate(1)});
	const planned = {kind: 'planned', plan: {long: true}, attempt: 1, resumedFrom: undefined} as unknown as RunUpdate;
	t.deepEqual(JSON.parse(progressJson(planned, 0)), {time: '1970-01-01T00:00:00.000Z', kind: 'planned', attempt: 1});
	t.is(advance(noProgress, planned).headline, 'training');
	t.is(
		advance(noProgress, {...planned, attempt: 2, resumedFrom: 4} as RunUpdate).headline,
		'training, attempt 2, resumed after round 4',
	);
});

test('a bar is as full as the run', t => {
	t.is(bar(0, 4), '░░░░');
	t.is(bar(0.5, 4), '██░░');
	t.is(bar(2, 4, true), '####');
	t.is(bar(-1, 4, true), '----');
});

test('a finished run is full', t => {
	t.true(progressPanel(after(roundUpdate(9), {kind: 'ended', state: 'done'}), {width: 60})[0]!.includes('100 % done'));
});
