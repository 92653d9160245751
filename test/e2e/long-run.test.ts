/** A long run holds no more at its end than near its beginning. */
import test from 'ava';
import type {Transport} from '../../core/wire/transport.js';
import {aFleet} from '../support/a-fleet.js';
import {delegate} from '../support/delegate.js';

const rounds = {early: 150, all: 1000};

test('after a thousand rounds there are no more timers, subscriptions, listeners and ports than after a hundred and fifty', async t => {
	const open = {subscriptions: 0, listeners: 0};
	const fleet = await aFleet(t, {
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
		data: {dataset: 'digits', limit: rounds.all},
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
	let early: ReturnType<typeof counts> | undefined;
	let late: ReturnType<typeof counts> | undefined;
	const heap: number[] = [];
	for await (const update of (await fleet.client()).follow(run)) {
		if (update.kind === 'round' && update.record.round >= rounds.early) {
			early ??= counts();
			late = counts();
			heap.push(process.memoryUsage().heapUsed / 1e6);
		}
	}
	const ledger = await fleet.store.ledger(run);
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.is(ledger.rounds.length, rounds.all);
	t.log('early', early, 'late', late, `heap ${heap[0]?.toFixed(0)} MB, then ${heap.at(-1)?.toFixed(0)} MB`);
	t.true(heap.length > 2);
	t.is(late!.subscriptions, early!.subscriptions);
	t.is(late!.listeners, early!.listeners);
	// A few come and go with every round.
	t.true(late!.timers <= early!.timers + 8, `${early!.timers} → ${late!.timers}`);
	t.true(late!.others <= early!.others + 8, `${early!.others} → ${late!.others}`);
});
