/** What every energy meter promises, see core/energy/meter.ts; each meter's bench says how to feed it. */
import type {ExecutionContext, TestFn} from 'ava';
import type {ManualClock} from '../../core/clock.js';
import type {EnergyMeter} from '../../core/energy/meter.js';

/** A meter with what is behind it in the hands of the test. */
export interface MeterBench {
	readonly meter: EnergyMeter;
	readonly clock: ManualClock;
	/** Time in which the device draws that, and at the end of which the hardware tells it; zero: it tells at once. */
	pass(watts: number, ms: number): Promise<void>;
	/** It stops answering, until time passes with a power again. */
	fail(): Promise<void>;
	/** It says what cannot be, by name; until time passes with a power again. */
	readonly nonsense: Readonly<Record<string, () => Promise<void>>>;
	/** Time between two messages of the hardware, ms. */
	readonly paceMs: number;
	/** For how long the last word counts when nothing is heard. */
	readonly holdMs: number;
	/** Largest error of a joule figure beside what the pace explains: the steps of a counter. */
	readonly resolutionJoules?: number;
}

/** Lets time pass under a power, told at the hardware's pace. */
async function spend({pass, meter, paceMs}: MeterBench, watts: number, paces: number): Promise<void> {
	for (let pace = 0; pace < paces; pace++) {
		await pass(watts, paceMs);
		await meter.read();
	}
}

/** Lets time pass in which nothing is told. */
async function wait({clock, meter, paceMs}: MeterBench, ms: number): Promise<void> {
	for (let left = ms; left > 0; left -= paceMs) {
		await clock.advance(Math.min(paceMs, left));
		await meter.read();
	}
}

export function meterContract(test: TestFn, name: string, open: (t: ExecutionContext) => Promise<MeterBench>): void {
	const titled = (title: string, body: (t: ExecutionContext, bench: MeterBench) => Promise<void>) =>
		test(`${name}: ${title}`, async t => {
			const bench = await open(t);
			try {
				await body(t, bench);
			} finally {
				await bench.meter.close();
			}
		});
	const near = (t: ExecutionContext, bench: MeterBench, actual: number, expected: number, slack: number) => {
		const most = slack + (bench.resolutionJoules ?? 0) + 1e-6;
		t.true(Math.abs(actual - expected) <= most, `${actual} J instead of ${expected} J ± ${most} J`);
	};

	titled('has a name and a description, and begins at zero', async (t, {meter}) => {
		t.regex(meter.name, /^[a-z0-9:]{3,64}$/u);
		t.true(meter.description.length > 10);
		t.like(await meter.read(), {joules: 0, seconds: 0});
	});

	titled('a steady power is its energy over all the time that it was heard', async (t, bench) => {
		await bench.pass(6, 0);
		await bench.meter.read();
		await spend(bench, 6, 40);
		const {joules, seconds, silent} = await bench.meter.read();
		const passed = (40 * bench.paceMs) / 1000;
		t.is(silent, undefined);
		near(t, bench, joules, 6 * passed, 0);
		t.true(Math.abs(seconds - passed) < 1e-6, `${seconds} s`);
	});

	titled('a power that changes is wrong by no more than a step between two readings', async (t, bench) => {
		await bench.pass(3, 0);
		await bench.meter.read();
		await spend(bench, 3, 20);
		await spend(bench, 9, 20);
		const {joules} = await bench.meter.read();
		near(t, bench, joules, ((3 + 9) * 20 * bench.paceMs) / 1000, (6 * bench.paceMs) / 1000);
	});

	titled('neither number falls, and no more time is seen than passes', async (t, bench) => {
		const began = bench.clock.monotonic();
		await bench.pass(4, 0);
		let last = await bench.meter.read();
		for (const watts of [4, 9, 0, 2, 8000, 1]) {
			await spend(bench, watts, 3);
			// In between, too: what is taken to go on may turn out less.
			await bench.clock.advance(bench.paceMs / 2);
			const reading = await bench.meter.read();
			t.true(reading.joules >= last.joules && reading.seconds >= last.seconds);
			t.true(reading.seconds <= (bench.clock.monotonic() - began) / 1000 + 1e-9);
			last = reading;
		}
	});

	titled('a silence is told with its reason, and what lies in it is never counted', async (t, bench) => {
		await bench.pass(6, 0);
		await bench.meter.read();
		await spend(bench, 6, 20);
		await bench.fail();
		await wait(bench, bench.holdMs + 20 * bench.paceMs);
		const during = await bench.meter.read();
		t.truthy(during.silent);
		t.true(during.silent!.length > 8 && !during.silent!.endsWith('.'), during.silent);
		near(t, bench, during.joules, (6 * (20 * bench.paceMs + bench.holdMs)) / 1000, 0);
		await spend(bench, 6, 20);
		const {joules, seconds, silent} = await bench.meter.read();
		t.is(silent, undefined);
		// What is held was seen; the way from the silence to the first word after it was not.
		const [pace, most] = [bench.paceMs / 1000, (40 * bench.paceMs + bench.holdMs) / 1000];
		t.true(seconds <= most + 1e-6 && seconds >= most - pace - 1e-6, `${seconds} s instead of ${most} s − ${pace} s`);
		near(t, bench, joules, 6 * seconds, 6 * pace);
	});

	titled('what cannot be is refused, not counted', async (t, bench) => {
		for (const [what, say] of Object.entries(bench.nonsense)) {
			await bench.pass(6, 0);
			await bench.meter.read();
			await spend(bench, 6, 5);
			const before = await bench.meter.read();
			await say();
			await bench.clock.advance(bench.paceMs);
			const {joules, seconds, silent} = await bench.meter.read();
			t.truthy(silent, what);
			near(t, bench, joules, before.joules, 6 * (bench.holdMs / 1000));
			t.true(Number.isFinite(joules) && seconds - before.seconds <= bench.holdMs / 1000, what);
		}
		t.true(Object.keys(bench.nonsense).length > 0);
	});

	titled('a closed meter is not asked again, and closing twice is fine', async (t, bench) => {
		await bench.pass(6, 0);
		await spend(bench, 6, 10);
		await bench.meter.close();
		await bench.meter.close();
		const before = await bench.meter.read();
		await wait(bench, bench.holdMs + 5 * bench.paceMs);
		await spend(bench, 6, 5);
		const after = await bench.meter.read();
		near(t, bench, after.joules, before.joules, (6 * bench.holdMs) / 1000);
	});
}
