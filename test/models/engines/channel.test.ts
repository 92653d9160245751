import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {float32, int64} from '../../../core/tensor/tensor.js';
import type {Batch} from '../../../models/engines/engine.js';
import {Channel} from '../../../models/engines/remote/channel.js';
import {Loans} from '../../../models/engines/remote/loans.js';
import type {Oddness} from '../../support/odd-worker.js';

const channelTo = (how: Oddness) =>
	new Channel('onnxruntime', new URL('../../support/odd-worker.js', import.meta.url), {how});

for (const how of ['exits', 'throws'] as const) {
	test(`when the worker ${how}, every waiting call is rejected, and every later one`, async t => {
		const channel = channelTo(how);
		const calls = [channel.call({kind: 'describe'}), channel.call({kind: 'close', handle: 1})];
		for (const result of await Promise.allSettled(calls)) {
			t.true(result.status === 'rejected' && isFplError(result.reason, 'ENGINE_FAILED'));
		}
		const error = await t.throwsAsync(channel.call({kind: 'describe'}));
		t.true(isFplError(error, 'ENGINE_FAILED'));
		await channel.close();
	});
}

test('a worker that cannot start says why, and ends when it is told to', async t => {
	const channel = channelTo('cannot start');
	const error = await t.throwsAsync(channel.call({kind: 'describe'}));
	t.true(isFplError(error, 'ENGINE_UNAVAILABLE'));
	const asked = performance.now();
	await channel.close();
	t.true(performance.now() - asked < 60_000);
});

test('closing rejects what waits at once and lets the call under way end', async t => {
	const channel = channelTo('answers late');
	const waiting = t.throwsAsync(channel.call({kind: 'describe'}));
	await channel.close();
	t.true(isFplError(await waiting, 'WIRE_CLOSED'));
	t.true(isFplError(await t.throwsAsync(channel.call({kind: 'describe'})), 'WIRE_CLOSED'));
	await channel.close();
});

test('closing gives up on a worker that does not end', async t => {
	const channel = channelTo('never answers');
	const waiting = t.throwsAsync(channel.call({kind: 'describe'}));
	const started = performance.now();
	await channel.close();
	t.true(performance.now() - started < 60_000);
	t.true(isFplError(await waiting, 'WIRE_CLOSED'));
});

test('more calls than a bound are refused', async t => {
	const channel = channelTo('never answers');
	const calls = Array.from({length: 1024}, () => channel.call({kind: 'describe'}));
	t.true(isFplError(await t.throwsAsync(channel.call({kind: 'describe'})), 'ENGINE_FAILED'));
	const closing = channel.close();
	for (const result of await Promise.allSettled(calls)) {
		t.true(result.status === 'rejected' && isFplError(result.reason, 'WIRE_CLOSED'));
	}
	await closing;
});

test('a lent batch is a copy in memory that is used again', t => {
	const batch: Batch = {
		inputs: {a: float32([3], [1, 2, 3]), b: int64([1], [7])},
		targets: int64([2], [4, 5]),
	};
	const loans = new Loans();
	const first = loans.lend(batch);
	t.deepEqual(first.batch, batch);
	t.is(first.batch.inputs['a']!.data.buffer, first.loan);
	loans.giveBack(first.loan);
	const smaller = loans.lend({...batch, inputs: {a: float32([1], [9])}});
	t.is(smaller.loan, first.loan);
	t.deepEqual([...smaller.batch.inputs['a']!.data], [9]);
	t.not(loans.lend(batch).loan, first.loan);
});
