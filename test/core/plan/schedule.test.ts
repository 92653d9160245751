/** Orders of passes, played through with given times: who waits for whom, and for how long. */
import test from 'ava';
import fc from 'fast-check';
import {schedules} from '../../../core/plan/plan.js';
import {passesOf} from '../../../core/plan/schedule.js';

interface Times {
	/** By stage; of the last stage only their sum counts. */
	readonly forward: readonly number[];
	readonly backward: readonly number[];
	/** Of a transfer to a neighbouring stage. */
	readonly transfer: number;
}

/** When the last pass of a step has ended. */
function played(schedule: (typeof schedules)[number], micros: number, {forward, backward, transfer}: Times): number {
	const stages = forward.length;
	const last = stages - 1;
	const numbers = Array.from({length: micros}, (_, micro) => micro);
	const orders = forward.map((_, stage) => [...passesOf(schedule, stage, stages, numbers)]);
	const free = forward.map(() => 0);
	/** When what a pass needs is there. */
	const there = new Map(numbers.map(micro => [`forward 0 ${micro}`, 0]));
	for (let progress = true; progress; ) {
		progress = false;
		for (const [stage, order] of orders.entries()) {
			const pass = order[0];
			const ready = pass && there.get(`${pass.kind === 'backward' ? 'backward' : 'forward'} ${stage} ${pass.micro}`);
			if (!pass || ready === undefined) {
				continue;
			}
			order.shift();
			const {kind, micro} = pass;
			const took = (kind === 'backward' ? 0 : forward[stage]!) + (kind === 'forward' ? 0 : backward[stage]!);
			free[stage] = Math.max(free[stage]!, ready) + took;
			if (kind === 'forward') {
				there.set(`forward ${stage + 1} ${micro}`, free[stage]! + transfer);
			} else {
				there.set(`backward ${stage - 1} ${micro}`, free[stage]! + transfer);
			}
			progress = true;
		}
	}
	if (orders.some(order => order.length > 0)) {
		throw new Error(`the passes wait for each other: ${JSON.stringify(orders)} (last stage ${last})`);
	}
	return Math.max(...free);
}

test('two balanced stages lose a transfer each way per step, not per micro-batch', t => {
	for (const schedule of schedules) {
		const times = {forward: [10, 10], backward: [20, 20], transfer: 8};
		t.is(played(schedule, 8, times), 8 * 30 + 30 + 2 * 8, schedule);
	}
});

test('of four stages the middle ones do not wait for transfers either', t => {
	const times = {forward: [10, 10, 10, 10], backward: [20, 20, 20, 20], transfer: 4};
	t.true(played('1f1b', 16, times) <= (16 + 3) * 30 + 2 * 3 * 4 + 30);
});

test('no order of passes waits for itself, and none is faster than its longest stage', t => {
	const time = fc.integer({min: 1, max: 50});
	fc.assert(
		fc.property(
			fc.constantFrom(...schedules),
			fc.integer({min: 1, max: 12}),
			fc.array(fc.tuple(time, time), {minLength: 1, maxLength: 5}),
			fc.integer({min: 0, max: 60}),
			(schedule, micros, pairs, transfer) => {
				const times = {forward: pairs.map(([a]) => a), backward: pairs.map(([, b]) => b), transfer};
				return played(schedule, micros, times) >= micros * Math.max(...pairs.map(([a, b]) => a + b));
			},
		),
	);
	t.pass();
});

test('1F1B keeps fewer micro-batches than GPipe where there are many', t => {
	const kept = (schedule: (typeof schedules)[number], stage: number) => {
		let most = 0;
		let under = 0;
		for (const {kind} of passesOf(schedule, stage, 3, [...Array.from({length: 16}).keys()])) {
			under += kind === 'forward' ? 1 : kind === 'backward' ? -1 : 0;
			most = Math.max(most, under);
		}
		return most;
	};
	t.deepEqual([kept('gpipe', 0), kept('gpipe', 1), kept('gpipe', 2)], [16, 16, 0]);
	t.deepEqual([kept('1f1b', 0), kept('1f1b', 1), kept('1f1b', 2)], [5, 3, 0]);
});
