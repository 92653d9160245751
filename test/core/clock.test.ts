import test from 'ava';
import {ManualClock, systemClock, withDeadline} from '../../core/clock.js';
import {FplError} from '../../core/errors.js';

test('a manual clock stands still until it is advanced', async t => {
	const clock = new ManualClock(1000);
	t.is(clock.now(), 1000);
	await clock.advance(250);
	t.is(clock.now(), 1250);
	t.is(clock.monotonic(), 1250);
});

test('its timers fire in the order of their time, each at its own time', async t => {
	const clock = new ManualClock(0);
	const seen: string[] = [];
	clock.after(30, () => seen.push(`c@${clock.now()}`));
	clock.after(10, () => {
		seen.push(`a@${clock.now()}`);
		clock.after(10, () => seen.push(`b@${clock.now()}`));
	});
	clock.after(31, () => seen.push('late'));
	await clock.advance(30);
	t.deepEqual(seen, ['a@10', 'b@20', 'c@30']);
});

test('a cancelled timer does not fire', async t => {
	const clock = new ManualClock();
	const cancel = clock.after(10, () => t.fail());
	cancel();
	await clock.advance(100);
	t.pass();
});

test('a chain of sleeps takes the sum of its parts', async t => {
	const clock = new ManualClock(0);
	const ends: number[] = [];
	const work = (async () => {
		for (const ms of [5, 10, 20]) {
			await clock.sleep(ms);
			ends.push(clock.now());
		}
	})();
	await clock.advance(100);
	await work;
	t.deepEqual(ends, [5, 15, 35]);
});

for (const [name, clock] of [
	['manual', new ManualClock()],
	['system', systemClock],
] as const) {
	test(`a sleep of the ${name} clock ends at once when its signal aborts, before or during it`, async t => {
		t.timeout(2000);
		const controller = new AbortController();
		const during = clock.sleep(60_000, controller.signal);
		controller.abort();
		await during;
		await clock.sleep(60_000, controller.signal);
		t.pass();
	});
}

test('the system clock sleeps about as long as asked, and its monotonic time goes on', async t => {
	const before = systemClock.monotonic();
	await systemClock.sleep(20);
	const slept = systemClock.monotonic() - before;
	t.true(slept >= 18, `${slept} ms`);
	t.true(Math.abs(systemClock.now() - Date.now()) < 1000);
});

test('the system clock calls back once, and not after it is cancelled', async t => {
	let calls = 0;
	systemClock.after(5, () => {
		calls += 1;
	});
	const cancel = systemClock.after(5, () => t.fail());
	cancel();
	await systemClock.sleep(40);
	t.is(calls, 1);
});

test('a deadline passes a result and an error through', async t => {
	const clock = new ManualClock();
	t.is(await withDeadline(clock, 10, 'it', Promise.resolve(7)), 7);
	await t.throwsAsync(withDeadline(clock, 10, 'it', Promise.reject(new Error('broken'))), {message: 'broken'});
});

test('a missed deadline is a WIRE_TIMEOUT that names what was waited for', async t => {
	const clock = new ManualClock();
	const waiting = withDeadline(clock, 500, 'gradients of cam-1', new Promise(() => {}));
	const failure = t.throwsAsync(waiting, {instanceOf: FplError});
	await clock.advance(500);
	const error = await failure;
	t.is(error.code, 'WIRE_TIMEOUT');
	t.true(error.message.includes('gradients of cam-1'));
	t.true(error.message.includes('500 ms'));
});
