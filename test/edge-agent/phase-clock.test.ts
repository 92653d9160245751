import test from 'ava';
import {ManualClock} from '../../core/clock.js';
import {PhaseClock} from '../../edge-agent/phase-clock.js';

test('every moment belongs to one phase, the first that is under way, and waiting where none is', async t => {
	const clock = new ManualClock();
	const phases = new PhaseClock(clock);
	await clock.advance(1000);
	const sending = phases.during('send', () => clock.sleep(3000));
	await clock.advance(1000);
	const computing = phases.during('compute', () => clock.sleep(1000));
	await clock.advance(1000);
	await computing;
	await clock.advance(1000);
	await sending;
	t.deepEqual(phases.read(), {compute: 1, send: 2, receive: 0, wait: 1, idle: 0});
	t.deepEqual(phases.read(), {compute: 0, send: 0, receive: 0, wait: 0, idle: 0});
});

test('what is just being spent can be moved to another phase, and never more than there is', async t => {
	const clock = new ManualClock();
	const phases = new PhaseClock(clock);
	const waiting = phases.during('wait', async () => {
		await clock.sleep(2000);
		phases.move('wait', 'receive', 1.5);
	});
	await clock.advance(2000);
	await waiting;
	phases.move('wait', 'receive', 10);
	t.deepEqual(phases.read(), {compute: 0, send: 0, receive: 2, wait: 0, idle: 0});
});
