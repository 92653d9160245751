/** What an agent's account says of a meter that comes, goes and comes again. */
import test from 'ava';
import fc from 'fast-check';
import {ManualClock} from '../../core/clock.js';
import type {EnergyMeter, MeterCoverage, MeterReading} from '../../core/energy/meter.js';
import {recordingLogger} from '../../core/log.js';
import {libraryProfile} from '../../core/profile/library.js';
import {Meter} from '../../edge-agent/meter.js';

const profile = libraryProfile('raspberry-pi-4b');
const noBytes = {bytesSent: 0, bytesReceived: 0};
const waiting = (wait: number) => ({compute: 0, send: 0, receive: 0, wait, idle: 0});

/** A meter that reads what the test says. */
function scripted(coverage: MeterCoverage = 'device') {
	let reading: MeterReading = {joules: 0, seconds: 0};
	const meter: EnergyMeter = {
		name: 'scripted',
		description: 'says what it is told',
		coverage,
		method: 'power',
		read: async () => reading,
		close: async () => {},
	};
	return {
		meter,
		/** Seconds that it sees, at a power; or that it does not see, for a reason. */
		see(seconds: number, watts: number, silent?: string) {
			reading = {
				joules: reading.joules + seconds * watts,
				seconds: reading.seconds + seconds,
				...(silent === undefined ? {} : {silent}),
			};
		},
	};
}

const aMeter = (meter?: EnergyMeter, more = {}) => {
	const log = recordingLogger();
	const made = new Meter({
		clock: new ManualClock(),
		log,
		profile,
		emulated: false,
		utilisation: 1,
		...(meter && {meter}),
		...more,
	});
	made.begin();
	return {made, log};
};

const joulesOf = ({phases}: {phases: Readonly<Record<string, {joules: number}>>}) =>
	Object.values(phases).reduce((sum, {joules}) => sum + joules, 0);

test('without a meter everything is modelled', async t => {
	const {made} = aMeter();
	const costs = await made.cost(waiting(10), noBytes);
	t.like(costs, {energySource: 'modelled', meteredSeconds: 0, meterNote: ''});
	t.is(costs.modelledJoules, joulesOf(costs));
	t.true(Math.abs(joulesOf(costs) - 27) < 1e-9);
});

test('what was spent before the account began is nobody’s', async t => {
	const {meter, see} = scripted();
	see(3600, 5);
	const {made} = aMeter(meter);
	see(10, 4);
	const costs = await made.cost(waiting(10), noBytes);
	t.like(costs, {energySource: 'scripted', meteredSeconds: 10, modelledJoules: 0, meterNote: ''});
	t.is(joulesOf(costs), 40);
	// A run later, it begins anew.
	see(3600, 5);
	made.begin();
	see(1, 4);
	t.is(joulesOf(await made.cost(waiting(1), noBytes)), 4);
});

test('a meter that stops answering is modelled for, told once, and used again without counting the gap twice', async t => {
	const {meter, see} = scripted();
	const {made, log} = aMeter(meter);
	const cost = async (seconds: number) => made.cost(waiting(seconds), noBytes);
	see(10, 4);
	t.is((await cost(10)).meterNote, '');

	see(4, 4, 'the file is gone');
	const broken = await cost(10);
	t.is(broken.energySource, 'scripted');
	t.true(Math.abs(broken.meteredSeconds - 4.1) < 1e-9);
	t.true(Math.abs(joulesOf(broken) - (4 * 4 + 5.9 * 2.7)) < 1e-9);
	t.true(Math.abs(broken.modelledJoules - 5.9 * 2.7) < 1e-9);
	t.regex(broken.meterNote, /^The energy meter scripted does not answer: the file is gone\. Energy is modelled/u);

	see(0, 0, 'the file is gone');
	const silent = await cost(10);
	t.like(silent, {energySource: 'modelled', meteredSeconds: 0, meterNote: ''});
	t.true(Math.abs(joulesOf(silent) - 27) < 1e-9);

	see(7, 4);
	const back = await cost(10);
	t.true(Math.abs(back.meteredSeconds - 7) < 1e-9);
	t.true(Math.abs(joulesOf(back) - (28 + 3 * 2.7)) < 1e-9);
	t.regex(back.meterNote, /^The energy meter scripted answers again; energy was modelled for 18\.9 s\.$/u);

	see(10, 4);
	t.like(await cost(10), {energySource: 'scripted', meteredSeconds: 10, modelledJoules: 0, meterNote: ''});
	t.is(log.lines.filter(({severity}) => severity === 'warn').length, 2);
});

test('a gap that is over before it is asked about is told too, and a flapping meter is told of only so often', async t => {
	const {meter, see} = scripted();
	const {made} = aMeter(meter);
	see(5, 4);
	t.regex((await made.cost(waiting(10), noBytes)).meterNote, /did not answer for 4\.9 s/u);
	let told = 0;
	for (let turn = 0; turn < 100; turn++) {
		see(0.5, 4, turn % 2 === 0 ? 'gone' : undefined);
		told += (await made.cost(waiting(1), noBytes)).meterNote === '' ? 0 : 1;
	}
	t.is(told, 19);
});

test('the radio is added to what the processor’s counter says, and counts as modelled', async t => {
	const {meter, see} = scripted('processor');
	const {made} = aMeter(meter);
	see(10, 4);
	const costs = await made.cost({...waiting(9), send: 1}, {bytesSent: 1e8, bytesReceived: 0});
	t.true(costs.radioJoules > 0.3);
	t.true(Math.abs(joulesOf(costs) - 40 - costs.radioJoules) < 1e-9);
	t.true(Math.abs(costs.modelledJoules - costs.radioJoules) < 1e-9);
});

test('whatever is seen of whichever times: seconds and joules add up, and nothing is negative', async t => {
	const turn = fc.record({
		seconds: fc.double({min: 0, max: 100, noNaN: true}),
		part: fc.double({min: 0, max: 1, noNaN: true}),
		watts: fc.double({min: 0, max: 20, noNaN: true}),
	});
	await t.notThrowsAsync(() =>
		fc.assert(
			fc.asyncProperty(fc.array(turn, {maxLength: 30}), async turns => {
				const {meter, see} = scripted();
				const {made} = aMeter(meter);
				let [metered, elapsed, seen, joules, modelled, counted] = [0, 0, 0, 0, 0, 0];
				for (const {seconds, part, watts} of turns) {
					see(seconds * part, watts);
					const costs = await made.cost(waiting(seconds), noBytes);
					elapsed += seconds;
					seen += seconds * part;
					counted += seconds * part * watts;
					metered += costs.meteredSeconds;
					joules += joulesOf(costs);
					modelled += costs.modelledJoules;
					if (!(costs.meteredSeconds >= 0 && costs.meteredSeconds <= seconds && costs.modelledJoules >= 0)) {
						return false;
					}
				}
				// A tenth of a second may be on its way, and the model of what is not seen is 2.7 W.
				return (
					Math.abs(metered - seen) <= 0.1 + 1e-9 * elapsed &&
					Math.abs(joules - modelled - counted) <= 1e-6 &&
					Math.abs(modelled - 2.7 * (elapsed - metered)) <= 1e-6
				);
			}),
		),
	);
});

test('the battery is asked for what is left, but not at every step', async t => {
	const clock = new ManualClock();
	let asked = 0;
	const {made} = aMeter(undefined, {
		clock,
		batteryLeft: async () => {
			asked++;
			return 36_000 - asked;
		},
	});
	t.is((await made.cost(waiting(1), noBytes)).batteryJoules, 35_999);
	t.is((await made.cost(waiting(1), noBytes)).batteryJoules, 35_999);
	await clock.advance(5000);
	t.is((await made.cost(waiting(1), noBytes)).batteryJoules, 35_998);
});

test('an emulated device computes for as long as it says: what the host takes longer, or sleeps longer, is waiting', async t => {
	const work = {matmul: {flops: 1e9, bytes: 0, calls: 0}};
	const wanted = 1e9 / profile.speeds.matmul;
	const {signal} = new AbortController();
	const never = aMeter(undefined, {clock: new ManualClock()});
	t.is(await never.made.stretch(work, 2 * wanted, signal), 0, 'nothing is emulated');
	for (const [measured, lateMs, surplus] of [
		[wanted / 4, 0, 0],
		[wanted / 4, 30, 0.03],
		[wanted + 0.5, 0, 0.5],
	] as const) {
		const clock = new ManualClock();
		const late = Object.assign(Object.create(clock) as ManualClock, {
			monotonic: () => clock.monotonic(),
			sleep: (ms: number) => clock.sleep(ms + lateMs),
		});
		const {made} = aMeter(undefined, {clock: late, emulated: true});
		const stretched = made.stretch(work, measured, signal);
		await clock.advance(1000 * wanted + 100);
		t.true(Math.abs((await stretched) - surplus) < 1e-9, `${await stretched}, where ${surplus} was expected`);
	}
});

test('an emulated device encodes one thing after the other, each for as long as it takes it', async t => {
	const clock = new ManualClock();
	const {made} = aMeter(undefined, {clock, emulated: true});
	// A Raspberry Pi 4B copies 4 GB/s: 10 ms each.
	const bytes = 4e7;
	const done: number[] = [];
	const began = clock.monotonic();
	for (const measured of [0, 0.002]) {
		void made.stretchCoding(bytes, measured).then(() => done.push(clock.monotonic() - began));
	}
	await clock.advance(50);
	t.deepEqual(done, [10, 20]);
	// It has been idle since: what took 4 ms here takes 6 ms more.
	void made.stretchCoding(bytes, 0.004).then(() => done.push(clock.monotonic() - began));
	await clock.advance(50);
	t.is(done[2], 56);
});

test('a device that is not emulated encodes as fast as it does, and one slower than what it plays says so', async t => {
	const clock = new ManualClock();
	await aMeter(undefined, {clock}).made.stretchCoding(4e9, 0);
	const {made, log} = aMeter(undefined, {clock, emulated: true});
	await made.stretchCoding(4e6, 0.5);
	t.true(log.lines.some(({text}) => /more slowly/u.test(text)));
});
