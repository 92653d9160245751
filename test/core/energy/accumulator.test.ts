/** Integration and unwrapping hold for any sequence of samples. */
import test from 'ava';
import fc from 'fast-check';
import {Accumulator, maxWatts} from '../../../core/energy/accumulator.js';
import {Unwrapper} from '../../../core/energy/unwrapper.js';

const near = (a: number, b: number, scale = 1) =>
	Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b), scale);
const maxGapMs = 5000;
const watts = fc.double({min: 0, max: maxWatts, noNaN: true});
const steps = fc.array(fc.record({ms: fc.integer({min: 0, max: maxGapMs}), watts}), {minLength: 1, maxLength: 60});

test('power is integrated by trapezoids, whatever the times between its samples', t => {
	t.notThrows(() =>
		fc.assert(
			fc.property(steps, samples => {
				const sum = new Accumulator({maxGapMs});
				let [at, joules, last] = [0, 0, samples[0]!.watts];
				sum.power(at, last);
				for (const {ms, watts: now} of samples) {
					at += ms;
					joules += ((last + now) / 2) * (ms / 1000);
					last = now;
					sum.power(at, now);
				}
				const reading = sum.reading(at);
				return near(reading.joules, joules, 1e6) && near(reading.seconds, at / 1000);
			}),
		),
	);
});

test('a power that grows in a straight line is integrated without error', t => {
	const sum = new Accumulator({maxGapMs});
	for (const at of [0, 100, 1100, 1101, 4000, 9000, 10_000]) {
		sum.power(at, 2 + at / 1000);
	}
	// ∫ (2 + t) dt from 0 to 10 s.
	t.true(near(sum.reading(10_000).joules, 70));
});

type Event =
	| {readonly kind: 'power'; readonly ms: number; readonly watts: number}
	| {readonly kind: 'counter'; readonly ms: number; readonly joules: number}
	| {readonly kind: 'lost' | 'look'; readonly ms: number};

const ms = fc.integer({min: 0, max: 3 * maxGapMs});
const anything = fc.double({min: -1e5, max: 1e6});
const events: fc.Arbitrary<Event[]> = fc.array(
	fc.oneof(
		fc.record({kind: fc.constant('power' as const), ms, watts: anything}),
		fc.record({kind: fc.constant('counter' as const), ms, joules: anything}),
		fc.record({kind: fc.constantFrom('lost' as const, 'look' as const), ms}),
	),
	{maxLength: 80},
);

/** Samples of any value, absurd ones among them, which are refused. */
function play(sum: Accumulator, event: Event, at: number): void {
	try {
		switch (event.kind) {
			case 'power':
				sum.power(at, event.watts);
				break;
			case 'counter':
				sum.counter(at, event.joules);
				break;
			case 'lost':
				sum.lost(at);
				break;
			case 'look':
				break;
			default:
				event satisfies never;
		}
	} catch {
		sum.lost(at);
	}
}

test('whatever a meter says: nothing falls, no more time is seen than passes, and no more than 10 kW is counted', t => {
	t.notThrows(() =>
		fc.assert(
			fc.property(events, fc.constantFrom(0, 2000, maxGapMs), (all, holdMs) => {
				const sum = new Accumulator({maxGapMs, holdMs});
				let at = 0;
				let last = sum.reading(0);
				return all.every(event => {
					at += event.ms;
					play(sum, event, at);
					const now = sum.reading(at);
					const fine =
						now.joules >= last.joules &&
						now.seconds >= last.seconds &&
						now.seconds <= at / 1000 + 1e-9 &&
						now.joules <= (maxWatts * at) / 1000 + 1e-6;
					last = now;
					return fine;
				});
			}),
			{numRuns: 500},
		),
	);
});

test('samples further apart than the bound are not bridged, and what is held is no more than allowed', t => {
	const [asked, listening] = [new Accumulator({maxGapMs}), new Accumulator({maxGapMs, holdMs: 2000})];
	for (const sum of [asked, listening]) {
		sum.power(0, 6);
		sum.power(1000, 6);
		sum.power(1000 + maxGapMs + 1, 6);
		sum.power(2000 + maxGapMs + 1, 6);
	}
	t.like(asked.reading(2000 + maxGapMs + 1), {joules: 12, seconds: 2});
	t.like(listening.reading(2000 + maxGapMs + 1), {joules: 24, seconds: 4});
	t.like(listening.reading(60_000), {joules: 36, seconds: 6});
});

test('a counter counts its differences; readings that follow each other at once wait for the next', t => {
	const sum = new Accumulator({maxGapMs, minCounterMs: 5});
	sum.counter(0, 100);
	sum.counter(1000, 106);
	// One step of a counter within a millisecond would be 60 kW.
	sum.counter(1001, 166);
	t.like(sum.reading(1001), {joules: 6, seconds: 1});
	sum.counter(2000, 166);
	t.like(sum.reading(2000), {joules: 66, seconds: 2});
});

test('a counter that falls or leaps is refused once, and counts from there', t => {
	const sum = new Accumulator({maxGapMs});
	sum.counter(0, 1000);
	sum.counter(1000, 1006);
	sum.counter(2000, 3);
	sum.counter(3000, 9);
	t.like(sum.reading(3000), {joules: 12, seconds: 2});
	t.throws(() => sum.counter(4000, 20_000), {message: /19991 J in 1000 ms, more than 10000 W/u});
	sum.counter(5000, 20_006);
	t.like(sum.reading(5000), {joules: 18, seconds: 3});
	t.throws(() => sum.counter(6000, Number.NaN), {message: /NaN J/u});
});

test('a counter that wraps goes on, as long as it turns less than once between two readings', t => {
	t.notThrows(() =>
		fc.assert(
			fc.property(
				fc.integer({min: 1000, max: 1_000_000}),
				fc.nat(1_000_000),
				fc.array(fc.double({min: 0, max: 0.99, noNaN: true}), {maxLength: 50}),
				(range, start, parts) => {
					const counter = new Unwrapper(range);
					let truth = 0;
					counter.next(start % range);
					return parts.every(part => {
						truth += Math.floor(part * range);
						return counter.next(((start % range) + truth) % range) === truth;
					});
				},
			),
		),
	);
});
