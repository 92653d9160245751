/** A long run holds no more at its end than near its beginning. FPL_TEST_ROUNDS: how long it is, 500 rounds where not given. */
import v8 from 'node:v8';
import {runInNewContext} from 'node:vm';
import test from 'ava';
import type {Transport} from '../../core/wire/transport.js';
import {aFleet} from '../support/a-fleet.js';
import {delegate} from '../support/delegate.js';

const early = 150;
/** Rounds between two looks at the memory in use. */
const between = 150;
const all = Math.max(200, Number(process.env['FPL_TEST_ROUNDS'] ?? 500));

test(`after ${all} rounds (FPL_TEST_ROUNDS) there are no more timers, subscriptions, listeners and ports than after ${early}`, async t => {
	const open = {subscriptions: 0, listeners: 0};
	const fleet = await aFleet(t, {
		deadlineMs: 150_000 + 100 * all,
		wrap: (_party, transport): Transport => ({
			...delegate(transport, {
				async subscribe(filter, handler, options) {
					const subscription = await transport.subscribe(filter, handler, options);
					open.subscriptions += 1;
					return {
						async unsubscribe() {
							open.subscriptions -= 1;
							await subscription.unsubscribe();
						},
					};
				},
			}),
			get status() {
				return transport.status;
			},
			onStatus(listener) {
				open.listeners += 1;
				const cancel = transport.onStatus(listener);
				return () => {
					open.listeners -= 1;
					cancel();
				};
			},
		}),
	});
	await fleet.coordinator();
	await fleet.device('dev-1');
	const run = await fleet.submit({
		version: 1,
		model: 'mlp',
		scheme: {kind: 'd-sgd'},
		data: {dataset: 'digits', limit: all},
		training: {optimizer: {kind: 'sgd', lr: 0.01}, batch: 1, epochs: 1, seed: 5},
		devices: {only: ['dev-1'], minimum: 1, wait: '20 s'},
	});
	const counts = () => {
		const resources = process.getActiveResourcesInfo();
		return {
			...open,
			timers: resources.filter(kind => kind === 'Timeout').length,
			others: resources.filter(kind => kind !== 'Timeout' && kind !== 'Immediate').length,
		};
	};
	let first: ReturnType<typeof counts> | undefined;
	let late: ReturnType<typeof counts> | undefined;
	const heap: number[] = [];
	v8.setFlagsFromString('--expose-gc');
	const collect: () => void = runInNewContext('gc');
	for await (const update of (await fleet.client()).follow(run)) {
		if (update.kind === 'round' && update.record.round >= early) {
			first ??= counts();
			late = counts();
			if (update.record.round >= early + heap.length * between) {
				collect();
				heap.push(process.memoryUsage().heapUsed / 1e6);
			}
		}
	}
	const ledger = await fleet.store.ledger(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.is(ledger.rounds.at(-1)?.round, all - 1);
	t.log(`after ${early} rounds`, first, `after ${all}`, late);
	t.log(`MB in use, every ${between} rounds: ${heap.map(size => size.toFixed(1)).join(', ')}`);
	t.true(heap.length > 2);
	// What grows is the curve, which is thinned before it is long.
	t.true(heap.at(-1)! <= heap[0]! + Math.min(20, 14 * (all / 700)), `${heap[0]} → ${heap.at(-1)} MB`);
	t.is(late!.subscriptions, first!.subscriptions);
	t.is(late!.listeners, first!.listeners);
	// A few come and go with every round.
	t.true(late!.timers <= first!.timers + 8, `${first!.timers} → ${late!.timers}`);
	t.true(late!.others <= first!.others + 8, `${first!.others} → ${late!.others}`);
});
