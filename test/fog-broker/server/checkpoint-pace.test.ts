/** How checkpoints keep out of the way of what they are for. */
import test from 'ava';
import {ManualClock} from '../../../core/clock.js';
import {CheckpointPace} from '../../../fog-broker/server/checkpoint-pace.js';

test('checkpoints that are quick come as often as the job says', async t => {
	const clock = new ManualClock();
	const pace = new CheckpointPace(clock, 2000);
	t.is(pace.pauseMs, 2000);
	pace.begin();
	await clock.advance(150);
	pace.finish();
	t.is(pace.pauseMs, 2000);
});

test('after a slow checkpoint the next one waits ten times as long as it took, and less again when they are quicker', async t => {
	const clock = new ManualClock();
	const pace = new CheckpointPace(clock, 2000);
	pace.begin();
	await clock.advance(700);
	pace.finish();
	t.is(pace.pauseMs, 7000);
	pace.begin();
	await clock.advance(300);
	pace.finish();
	t.is(pace.pauseMs, 3000);
});

test('whatever the interval and however long they take, checkpoints take at most an eleventh of the time', async t => {
	const clock = new ManualClock();
	const pace = new CheckpointPace(clock, 500);
	const began = clock.monotonic();
	let busy = 0;
	for (const took of [40, 900, 2500, 10, 60_000, 1]) {
		pace.begin();
		await clock.advance(took);
		pace.finish();
		busy += took;
		await clock.advance(pace.pauseMs);
	}
	t.true(busy / (clock.monotonic() - began) <= 1 / 11);
});

test('a checkpoint that something else held up says nothing of how long one takes', async t => {
	const clock = new ManualClock();
	const pace = new CheckpointPace(clock, 2000);
	pace.begin();
	await clock.advance(30_000);
	pace.interrupt();
	pace.finish();
	t.is(pace.pauseMs, 2000);
});

test('an interval of nothing asks for one checkpoint after the other, and gets that', async t => {
	const clock = new ManualClock();
	const pace = new CheckpointPace(clock, 0);
	pace.begin();
	await clock.advance(5000);
	pace.finish();
	t.is(pace.pauseMs, 0);
});
