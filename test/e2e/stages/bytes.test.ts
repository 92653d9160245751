/** What crosses a cut costs what its encoded tensors are long, and little besides. */
import test from 'ava';
import type {CodecSpec} from '../../../core/codec/spec.js';
import type {JobDocument} from '../../../core/plan/job.js';
import type {Transport} from '../../../core/wire/transport.js';
import {payloadBytes} from '../../../core/wire/transports/common.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {planFleet, planOf, runPlan} from '../../support/plans/plan-runs.js';

/** Bytes of one element, and of what a codec tells of a whole tensor. */
const codecs = [
	{codec: {kind: 'fp32'}, perElement: 4},
	{codec: {kind: 'fp16'}, perElement: 2},
	{codec: {kind: 'int8', per: 'tensor', rounding: 'nearest'}, perElement: 1},
] as const satisfies ReadonlyArray<{readonly codec: CodecSpec; readonly perElement: number}>;

test.serial('tensors of 64 KiB and more take at most 1 % more bytes on the wire than their elements do', async t => {
	/** By sender and receiver. */
	const sent = new Map<string, number>();
	const counting = (transport: Transport): Transport =>
		new Proxy(transport, {
			get(target, key) {
				if (key === 'publish') {
					return (topic: string, payload: Parameters<Transport['publish']>[1], ...rest: [never]) => {
						const way = /tensor\/.*$/u.exec(topic)?.[0] ?? '';
						sent.set(way, (sent.get(way) ?? 0) + payloadBytes(payload) + topic.length + 6);
						return target.publish(topic, payload, ...rest);
					};
				}
				const value: unknown = Reflect.get(target, key, target);
				return typeof value === 'function' ? value.bind(target) : value;
			},
		});
	const fleet = await planFleet(t, {wrap: (_, transport) => counting(transport)});
	const model = buildModel('lenet5', {seed: 1});
	// 6 × 14 × 14 elements of each of 64 items in each of two micro-batches: 294 KiB as fp32, 74 KiB as int8.
	const [batch, micros, steps, elements] = [128, 2, 4, 6 * 14 * 14];
	const job: JobDocument = {
		version: 1,
		model: 'lenet5',
		data: {dataset: 'digits', limit: batch * steps},
		training: {optimizer: {kind: 'sgd', lr: 0.01}, batch, epochs: 1, seed: 1},
		faults: {checkpointInterval: '1 h'},
	};
	const base = planOf(model, {kind: 'pipeline', microBatches: micros, cuts: 3}, {owners: 1});
	for (const {codec, perElement} of codecs) {
		sent.clear();
		const {ledger} = await runPlan(t, fleet, model, job, {...base, links: [{from: '*', to: '*', codec}]});
		t.is(ledger.rounds.length, steps);
		for (const [from, to, besides] of [
			// Labels go along with the activations; those of few classes take a byte.
			['src-1', 'fog-1', batch],
			['fog-1', 'src-1', 0],
		] as const) {
			const [, measured] = [...sent].find(([way]) => way.endsWith(`${from}/${to}`)) ?? [];
			const expected = steps * (batch * elements * perElement + besides);
			const ratio = (measured ?? 0) / expected;
			t.log(
				`${codec.kind}, ${from} → ${to}: ${measured} bytes, ${((ratio - 1) * 100).toFixed(2)} % more than ${expected}`,
			);
			t.true(ratio > 1 && ratio <= 1.01, `${codec.kind}, ${from} → ${to}: ${ratio}`);
		}
	}
});
