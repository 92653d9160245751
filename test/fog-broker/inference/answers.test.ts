import test from 'ava';
import fc from 'fast-check';
import {rowsOfPart, type SourceAnswers, sizeOfBatch} from '../../../core/plan/inference.js';
import {type Plan, planSchema} from '../../../core/plan/plan.js';
import {Answers} from '../../../fog-broker/inference/answers.js';

const aPlan = (shares: readonly number[]): Plan =>
	planSchema.parse({
		version: 1,
		scheme: 'test',
		model: 'm',
		stages: [{units: 'all', replicas: shares.map((share, index) => ({device: `cam-${index}`, share}))}],
		synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
	});

/** What sources report of an interval, when the prediction of item n is n. */
function reported(
	plan: Plan,
	order: {items: number; batch: number; interval: number},
	interval: number,
): SourceAnswers[] {
	const first = interval * order.interval;
	const last = Math.min(Math.ceil(order.items / order.batch), first + order.interval);
	const batches = Array.from({length: last - first}, (_, index) => first + index);
	return plan.stages[0]!.replicas.map((_, replica) => {
		const rows = batches.map(batch => rowsOfPart(plan, {stage: 0, replica}, sizeOfBatch(order, batch)));
		const predictions = rows.flatMap(({start, count}, index) =>
			Array.from({length: count}, (_, row) => batches[index]! * order.batch + start + row),
		);
		return {
			replica,
			latencyMs: rows.map(({count}, index) => (count > 0 ? 10 * batches[index]! + replica : -1)),
			hits: predictions.filter(item => item % 2 === 0).length,
			items: predictions.length,
			predictions,
		};
	});
}

test('every item has its prediction, whatever the shares, batches and intervals', t => {
	fc.assert(
		fc.property(
			fc.record({
				items: fc.integer({min: 1, max: 60}),
				batch: fc.integer({min: 1, max: 20}),
				interval: fc.integer({min: 1, max: 7}),
			}),
			fc.array(fc.integer({min: 1, max: 9}), {minLength: 1, maxLength: 4}),
			(order, shares) => {
				const plan = aPlan(shares);
				const answers = new Answers({...order, inFlight: 2}, 1);
				while (!answers.done) {
					answers.add(plan, reported(plan, order, answers.intervals));
				}
				const figures = answers.figures(2);
				const lines = answers.predictionsCsv(true)!.trimEnd().split('\n').slice(1);
				return (
					figures.items === order.items &&
					figures.itemsPerSecond === order.items / 2 &&
					figures.accuracy === Math.ceil(order.items / 2) / order.items &&
					lines.length === order.items &&
					lines.every((line, item) => line === `${item},${item}`)
				);
			},
		),
	);
	t.pass();
});

test('a batch takes as long as its slowest source', t => {
	const order = {items: 40, batch: 10, interval: 4};
	const plan = aPlan([1, 1, 1]);
	const answers = new Answers({...order, inFlight: 1}, 0);
	answers.add(plan, reported(plan, order, 0));
	t.deepEqual(answers.figures(1).latencyMs, {p50: 12, p95: 32, p99: 32, max: 32});
	t.is(answers.predictionsCsv(true), undefined);
});

test('values have a column each; what is missing is empty', t => {
	const plan = aPlan([1]);
	const answers = new Answers({items: 2, batch: 2, interval: 1, inFlight: 1}, 2);
	answers.add(plan, [{replica: 0, latencyMs: [1], hits: null, items: 2, predictions: [0.5, null, -1, 2]}]);
	t.is(answers.predictionsCsv(false), 'item,value_0,value_1\n0,0.5,\n1,-1,2\n');
	t.is(answers.figures(1).accuracy, undefined);
	t.true(answers.done);
});
