/** Plans and agents that do not fit are refused with a reason that names the place. */
import test from 'ava';
import type {RunUpdate} from '../../../core/ledger/run-update.js';
import {libraryProfile} from '../../../core/profile/library.js';
import {aFleet} from '../../support/a-fleet.js';
import {aJob, on, plan, play, stackedPlan} from '../../support/stages/a-scene.js';
import {lossyParties} from '../../support/stages/lossy-parties.js';

test.serial('a loss that is not finite ends the run with the step and the device', async t => {
	const training = {...aJob().training, optimizer: {kind: 'sgd', lr: 1e30}} as const;
	const {ledger} = await play(t, stackedPlan(on('cam-1'), on('fog-1')), {job: aJob({training})});
	t.is(ledger.final.state, 'failed');
	t.regex(ledger.final.because!, /no longer a finite number.*step \d+, device «fog-1»/su);
});

test.serial('agents whose model or plan differ refuse each other’s tensors, and the run says so', async t => {
	const network = lossyParties();
	network.misname('cam-1');
	const {ledger, notes} = await play(t, stackedPlan(on('cam-1'), on('fog-1')), {options: {wrap: network.wrap}});
	t.is(ledger.final.state, 'failed');
	t.regex(ledger.final.because!, /no progress/u);
	t.true(
		notes.some(text => /cam-1 .*the model and plan differ: expected digest [0-9a-f]{32}/su.test(text)),
		notes.join(),
	);
});

test.serial('a plan that is edited in mid-run is refused when the run goes on', async t => {
	const fleet = await aFleet(t);
	const stop = await fleet.coordinator();
	await Promise.all(['cam-1', 'fog-1'].map(name => fleet.device(name)));
	const run = await fleet.submit(aJob(), stackedPlan(on('cam-1'), on('fog-1')));
	const client = await fleet.client();
	for await (const update of client.follow(run)) {
		if (update.kind === 'checkpoint' && update.round > 2) {
			break;
		}
	}
	await stop();
	const manifest = await fleet.store.get(run);
	const [first, second] = manifest.plan!.stages;
	const edited = {
		...manifest.plan!,
		stages: [
			{...first!, units: [0, 4] as const},
			{...second!, units: [5, 11] as const},
		],
	};
	await fleet.store.put({...manifest, plan: edited});
	await fleet.coordinator();
	const ends: (RunUpdate & {kind: 'ended'})[] = [];
	for await (const update of client.follow(run)) {
		if (update.kind === 'ended') {
			ends.push(update);
		}
	}
	t.is(ends.length, 1);
	const [end] = ends;
	t.is(end?.state, 'failed');
	t.is(end?.code, 'PLAN_INVALID');
	t.regex(end!.because!, /changed after the run began/u);
});

test.serial('a plan that does not fit its model is refused at once, with the stage named', async t => {
	const fleet = await aFleet(t);
	await fleet.coordinator();
	const cut = (first: readonly [number, number], second: readonly [number, number]) =>
		fleet.submit(
			aJob(),
			plan({
				stages: [
					{units: [...first], replicas: on('cam-1')},
					{units: [...second], replicas: on('fog-1')},
				],
			}),
		);
	await t.throwsAsync(cut([0, 3], [3, 11]), {code: 'PLAN_INVALID', message: /stages\[1\]\.units.*unit 3 would be in/u});
	await t.throwsAsync(cut([0, 3], [5, 11]), {code: 'PLAN_INVALID', message: /unit 4 would be in no stage/u});
	await t.throwsAsync(cut([0, 3], [4, 20]), {code: 'PLAN_INVALID', message: /stages\[1\]\.units.*12 units/u});
	await t.throwsAsync(cut([0, 3], [4, 9]), {code: 'PLAN_INVALID', message: /would be in no stage/u});
});

test.serial(
	'a device whose software does not know a codec of the plan is told so, and the plan falls back',
	async t => {
		const fleet = await aFleet(t);
		await fleet.coordinator();
		await fleet.device('cam-1');
		await fleet.device('fog-1', {}, {codecs: ['fp32']});
		const document = {
			...stackedPlan(on('cam-1'), on('fog-1')),
			links: [{from: 'cam-1', to: 'fog-1', codec: 'int8' as const}],
		};
		const {final, notes} = await fleet.finish(await fleet.submit(aJob(), document));
		// The source takes over the trunk.
		t.is(final.state, 'done', final.because);
		t.true(
			notes.some(
				({device, text}) =>
					device === 'fog-1' && /links\[0\], device «fog-1».*does not know the codec.*got int8/su.test(text),
			),
			JSON.stringify(notes),
		);
	},
);

test.serial(
	'a source that is too small for its stage ends the run before its first step, with the bytes named',
	async t => {
		const fleet = await aFleet(t);
		await fleet.coordinator();
		const small = {...libraryProfile('server-core', 'host'), memoryBytes: 1000};
		await fleet.device('cam-1', {}, {profile: JSON.stringify(small)});
		await fleet.device('fog-1');
		const {final} = await fleet.finish(await fleet.submit(aJob(), stackedPlan(on('cam-1'), on('fog-1'))));
		t.is(final.state, 'failed');
		t.regex(final.because!, /cam-1: .*stages\[0\], device «cam-1».*expected at most 1 kB, its memory/su);
	},
);
