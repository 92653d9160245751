/** What transfers tell of the links that they take. */
import test from 'ava';
import {Sendings} from '../../../../core/wire/link/sendings.js';
import type {TransferStats} from '../../../../core/wire/tensor-link.js';
import {alice, bob, settle, setup, transferOf} from './pair.js';

const sinks = {chunk: () => {}, done: () => {}, abort: () => {}};

test('of each peer the transfer is told that went fastest for its size, and each once', async t => {
	let next: TransferStats;
	const {sender} = await setup();
	const sendings = new Sendings({...sender, send: async () => next});
	const send = async (to: typeof bob, wireBytes: number, seconds: number, repeats = 0) => {
		next = {bytes: wireBytes, wireBytes, linkBytes: wireBytes, seconds, repeats};
		t.is(await sendings.link.send(to, transferOf(new Uint8Array(1)), {stallMs: 1000}), next);
	};
	await send(bob, 100_000, 2);
	await send(bob, 50_000, 0.5);
	await send(bob, 200_000, 3);
	await send(alice, 20_000, 1);
	t.deepEqual(sendings.read(), [
		{to: bob, wireBytes: 50_000, linkBytes: 50_000, seconds: 0.5, transfers: 3},
		{to: alice, wireBytes: 20_000, linkBytes: 20_000, seconds: 1, transfers: 1},
	]);
	t.deepEqual(sendings.read(), []);
	await send(bob, 1000, 0.001);
	await send(bob, 100_000, 0.1, 1);
	t.deepEqual(sendings.read(), [], 'what is small, or was sent twice, says nothing of rates');
});

test('a transfer takes as long as it is under way, not as long as it waits for those before it', async t => {
	const delayMs = 20;
	const {clock, sender, receiver} = await setup({delayMs});
	receiver.onTransfer(() => sinks);
	const first = sender.send(bob, transferOf(new Uint8Array(40_000), 'first'), {stallMs: 5000});
	const second = sender.send(bob, transferOf(new Uint8Array(900), 'second'), {stallMs: 5000});
	const [long, short] = await settle(clock, Promise.all([first, second]));
	t.true(long.seconds >= 0.08, `${long.seconds}`);
	t.true(short.seconds <= 0.06, `${short.seconds}`);
	t.true(short.linkBytes >= short.wireBytes && short.linkBytes < long.linkBytes);
});

test('what is sent to others meanwhile is counted', async t => {
	const {clock, sender, receiver} = await setup({delayMs: 20});
	receiver.onTransfer(() => sinks);
	const toBob = sender.send(bob, transferOf(new Uint8Array(40_000), 'to bob'), {stallMs: 5000});
	const toAlice = sender.send(alice, transferOf(new Uint8Array(8000), 'to alice'), {stallMs: 5000});
	toAlice.catch(() => {});
	const stats = await settle(clock, toBob);
	t.true(stats.linkBytes >= stats.wireBytes + 8000, `${stats.linkBytes}`);
	await sender.close();
	await t.throwsAsync(toAlice);
});
