/** What a run learns from reports, and when it says so. */
import test from 'ava';
import {ManualClock} from '../../../../core/clock.js';
import {parseValue} from '../../../../core/config/config.js';
import {deviceId} from '../../../../core/ids.js';
import {dSgd} from '../../../../core/plan/builders/data-parallel.js';
import {jobSchema} from '../../../../core/plan/job.js';
import {libraryProfile} from '../../../../core/profile/library.js';
import {megabitsPerSecond} from '../../../../core/units.js';
import {coordinatorId} from '../../../../core/wire/topics.js';
import type {FleetDevice} from '../../../../fog-broker/fleet.js';
import {Learner} from '../../../../fog-broker/run/replan/learner.js';
import {sampleBodies} from '../../../core/wire/samples.js';
import {aPrediction} from '../../../support/predictions/a-prediction.js';

const rate = megabitsPerSecond(40);

/** A device that sends a megabyte at 40 Mbit/s in every step, or so it says. */
function aLearner(slowness: Map<string, number>, assumed: ReadonlyMap<string, number> = new Map()) {
	const prediction = aPrediction();
	const {device, phases} = prediction.ledger.devices[0]!;
	const base = libraryProfile('raspberry-pi-4b', device);
	const profile = {...base, link: {...base.link, upBytesPerSecond: rate, downBytesPerSecond: rate}};
	const member: FleetDevice = {
		device: deviceId(device),
		profile,
		emulated: false,
		engines: [],
		datasets: [],
		holdings: [],
		codecs: undefined,
		softwareVersion: 'test',
		run: undefined,
		since: 0,
	};
	const news: string[] = [];
	const clock = new ManualClock();
	const job = parseValue(jobSchema, {version: 1, model: 'lenet5', data: {dataset: 'digits'}}, 'job', 'JOB_INVALID');
	const learner = new Learner({
		context: {clock, fleet: {find: () => member}},
		job,
		plan: dSgd('lenet5', [device]),
		prediction: {
			...prediction,
			stepSeconds: 0.3,
			links: [
				{
					device,
					upBytesPerSecond: rate / (assumed.get(`${device}/up`) ?? 1),
					downBytesPerSecond: rate,
				},
			],
		},
		assumed,
		memory: {slowness},
		betweenLooksMs: 100,
		sendings: () => [],
		onNews: (name, text, recalled) => news.push(`${name}${recalled ? ' (recalled)' : ''}: ${text}`),
	});
	const seconds = phases.compute.seconds / prediction.steps;
	let round = 0;
	/** Steps in which its uplink is so many times as slow as it says. */
	const play = async (times: number, steps: number, full = true) => {
		for (let step = 0; step < steps; step++) {
			await clock.advance(300);
			const sending = {to: coordinatorId, wireBytes: 1e6, linkBytes: 1e6, seconds: (times * 1e6) / rate, transfers: 1};
			const {phases: some, ...report} = sampleBodies.roundReport;
			learner.reported(
				device,
				{...report, round: round++, phases: {...some, compute: {seconds, joules: 0}}, sendings: [sending]},
				full,
			);
		}
		return news.splice(0);
	};
	return {device, play};
}

test('a slow link is told once, and once more when it is as it should be again', async t => {
	const slowness = new Map<string, number>();
	const {device, play} = aLearner(slowness);
	t.deepEqual(await play(1, 10), []);
	t.deepEqual(await play(5, 3), [], 'not at once');
	t.deepEqual(await play(5, 20), [`${device}/up: ${device} sends at 8 Mbit/s, where its profile says 40 Mbit/s`]);
	t.is(Math.round(slowness.get(`${device}/up`)!), 5);
	t.deepEqual(await play(1, 20), [`${device}/up: ${device} sends as fast as its profile says again (40 Mbit/s)`]);
	t.is(slowness.get(`${device}/up`), 1);
});

test('what was known when the plan was made is no news, what was not is told again after a restart', async t => {
	const {device} = aLearner(new Map());
	const known = new Map([[`${device}/up`, 5]]);
	t.deepEqual(await aLearner(new Map(known), known).play(5, 20), []);
	t.deepEqual(await aLearner(new Map(known)).play(5, 20), [
		`${device}/up (recalled): ${device} sends at 8 Mbit/s, where its profile says 40 Mbit/s`,
	]);
});

test('while some devices do the work of others nothing is learned', async t => {
	const {play} = aLearner(new Map());
	t.deepEqual(await play(5, 20, false), []);
});

test('links are judged when all have reported, not by who reports first', t => {
	const prediction = aPrediction();
	const cams = ['cam-1', 'cam-2', 'cam-3'];
	const clock = new ManualClock();
	const news: string[] = [];
	const learner = new Learner({
		context: {clock, fleet: {find: () => undefined}},
		job: parseValue(jobSchema, {version: 1, model: 'lenet5', data: {dataset: 'digits'}}, 'job', 'JOB_INVALID'),
		plan: dSgd('lenet5', [...cams, 'fog-1']),
		prediction: {
			...prediction,
			stepSeconds: 0.3,
			links: [...cams, 'fog-1'].map(device => ({device, upBytesPerSecond: rate, downBytesPerSecond: 10 * rate})),
		},
		assumed: new Map(),
		memory: {slowness: new Map()},
		betweenLooksMs: 0,
		sendings: () => [],
		onNews: name => news.push(name),
	});
	// Messages come down to the fog node one after the other, fifty times as slowly as it says.
	const wireBytes = 100_000;
	for (let round = 0; round < 10; round++) {
		for (const [place, cam] of cams.entries()) {
			const seconds = wireBytes / rate + ((place + 1) * wireBytes) / (rate / 5);
			const sending = {to: deviceId('fog-1'), wireBytes, linkBytes: wireBytes, seconds, transfers: 1};
			learner.reported(cam, {...sampleBodies.roundReport, round, sendings: [sending]}, true);
		}
	}
	t.deepEqual(news, ['fog-1/down']);
});
