/** Devices, coordinators and networks fail while a plan with stages is executed: the run goes on, and counts nothing twice. */
import test, {type ExecutionContext} from 'ava';
import type {RunId} from '../../core/ids.js';
import type {Ledger} from '../../core/ledger/ledger.js';
import type {RunUpdate} from '../../core/ledger/run-update.js';
import type {JobDocument} from '../../core/plan/job.js';
import type {PlanDocument} from '../../core/plan/plan.js';
import {fileCheckpoints} from '../../fog-broker/server/checkpoints.js';
import {importModel} from '../../models/import/model.js';
import {flatten, layoutOf} from '../../models/layout.js';
import {aFleet, type FleetDeviceHandle, type FleetOptions, type TestFleet} from '../support/a-fleet.js';
import {lossyParties} from '../support/lossy-parties.js';
import {globalBatches, oneMachine, relativeError} from '../support/one-machine.js';

const steps = 40;

const aJob = (changes: Partial<JobDocument> = {}): JobDocument => ({
	version: 1,
	model: 'lenet5',
	data: {dataset: 'digits', limit: 320, partition: {kind: 'iid'}},
	training: {optimizer: {kind: 'sgd', lr: 0.02, momentum: 0.9}, batch: 32, epochs: 4, seed: 3},
	devices: {wait: '30 s'},
	faults: {checkpointInterval: '0 s'},
	...changes,
});

const perStep = {exchange: 'gradients', every: {kind: 'step'}} as const;
type Replicas = PlanDocument['stages'][number]['replicas'];
const on = (...devices: string[]): Replicas => devices.map(device => ({device}));

const plan = (changes: Partial<PlanDocument> & Pick<PlanDocument, 'stages'>): PlanDocument => ({
	version: 1,
	scheme: 'by hand',
	model: 'lenet5',
	synchronisation: perStep,
	...changes,
});

const stackedPlan = (sources: Replicas, trunk: Replicas): PlanDocument =>
	plan({
		stages: [
			{units: [0, 3], replicas: sources},
			{units: [4, 11], replicas: trunk},
		],
	});

interface Scene {
	readonly fleet: TestFleet;
	readonly devices: ReadonlyMap<string, FleetDeviceHandle>;
	readonly stop: () => Promise<void>;
}

interface Played extends Scene {
	readonly ledger: Ledger;
	readonly notes: readonly string[];
	readonly run: RunId;
}

/** Runs a plan to its end; `happens` is called with every update, and once when so many steps are done. */
async function play(
	t: ExecutionContext,
	document: PlanDocument,
	{
		job = aJob(),
		spares = [],
		options = {},
		at = 6,
		fault,
		happens = () => {},
	}: {
		readonly job?: JobDocument;
		readonly spares?: readonly string[];
		readonly options?: FleetOptions;
		/** Steps after which `fault` is called. */
		readonly at?: number;
		readonly fault?: (scene: Scene) => Promise<unknown> | undefined;
		readonly happens?: (update: RunUpdate, scene: Scene) => unknown;
	},
): Promise<Played> {
	const fleet = await aFleet(t, options);
	const stop = await fleet.coordinator();
	const names = [
		...new Set([...document.stages.flatMap(({replicas}) => replicas.map(({device}) => device)), ...spares]),
	];
	const devices = new Map(await Promise.all(names.map(async name => [name, await fleet.device(name)] as const)));
	const scene = {fleet, devices, stop};
	const run = await fleet.submit(job, document);
	const notes: string[] = [];
	let happened = fault === undefined;
	const under: Promise<unknown>[] = [];
	for await (const update of (await fleet.client()).follow(run)) {
		if (update.kind === 'round' && update.record.step >= at && !happened) {
			happened = true;
			under.push(Promise.resolve(fault?.(scene)));
		}
		if (update.kind === 'note') {
			notes.push(update.device === undefined ? update.text : `${update.device} ${update.text}`);
		}
		happens(update, scene);
		if (update.kind === 'ended') {
			break;
		}
	}
	await Promise.all(under);
	t.true(happened, 'the run ended before anything could happen');
	const ledger = await fleet.store.ledger(run);
	t.log(notes.join(' · ') || 'no notes', `${ledger.seconds.toFixed(1)} s`);
	return {...scene, ledger, notes, run};
}

/** The run is done; every step is in the curve once, and so are the updates in the weights. */
async function exact(t: ExecutionContext, {fleet, ledger, run}: Played, count = steps): Promise<void> {
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.deepEqual(
		ledger.rounds.map(({step}) => step),
		Array.from({length: count}, (_, index) => index + 1),
	);
	t.true(Math.abs(ledger.rounds.at(-1)!.epoch - 4) < 1e-9, ledger.rounds.map(({epoch}) => epoch.toFixed(3)).join(' '));
	const {checkpoint} = await fileCheckpoints(fleet.store.checkpoints(run)).latest();
	const {groups, position} = checkpoint!.progress as {groups: {updates: number}[]; position: {step: number}};
	t.is(position.step, count);
	t.is(Math.max(...groups.map(({updates}) => updates)), count, JSON.stringify(groups));
	t.true(ledger.rounds.at(-1)!.loss < ledger.rounds[0]!.loss, ledger.rounds.map(({loss}) => loss.toFixed(2)).join(' '));
}

/** The weights are those of one machine that nothing ever happened to. */
async function same(t: ExecutionContext, {fleet, run}: Played, shares: readonly number[], job = aJob()): Promise<void> {
	const trained = importModel(await fleet.store.file(run, 'trained.onnx'));
	const machine = await oneMachine(fleet.engine, await fleet.store.file(run, 'model.onnx'), job, shares.length);
	const expected = await globalBatches(machine, shares);
	const error = relativeError(flatten(trained.graph, layoutOf(trained.graph, trained.parameters)), expected.parameters);
	t.true(error <= 1e-4, `relative error ${error}`);
}

const kill = (name: string) => (scene: Scene) => scene.devices.get(name)!.kill();

test.serial('a source that dies leaves its share to the others, and takes it again when it is back', async t => {
	let back = false;
	const played = await play(t, stackedPlan(on('cam-1', 'cam-2'), on('fog-1')), {
		fault: kill('cam-2'),
		happens: (update, {fleet}) => {
			if (update.kind === 'note' && /goes on without it/u.test(update.text) && !back) {
				back = true;
				void fleet.device('cam-2');
			}
		},
	});
	await exact(t, played);
	t.true(played.notes.includes('cam-2 left'));
	t.false(played.notes.some(text => /goes back/u.test(text)));
	t.true(played.ledger.rounds.some(({devices}) => !devices.includes('cam-2')));
});

test.serial(
	'the only device of the trunk dies: a spare goes on from the last checkpoint, with the same result',
	async t => {
		const played = await play(t, stackedPlan(on('cam-1', 'cam-2'), on('fog-1')), {
			spares: ['spare-1'],
			fault: kill('fog-1'),
		});
		await exact(t, played);
		await same(t, played, [1, 1]);
		t.true(played.notes.includes('spare-1 takes over stage 1'));
		t.true(played.ledger.rounds.at(-1)!.devices.includes('spare-1'));
	},
);

test.serial(
	'a replica of the trunk dies: the other does its share, nothing is repeated, the result is the same',
	async t => {
		const played = await play(t, stackedPlan(on('cam-1'), on('fog-1', 'fog-2')), {fault: kill('fog-2')});
		await exact(t, played);
		await same(t, played, [1]);
		t.false(played.notes.some(text => /goes back/u.test(text)));
	},
);

test.serial(
	'the source of a pipeline dies: nobody else has its data, so the run waits for it, with the same result',
	async t => {
		const document = {...stackedPlan(on('cam-1'), on('fog-1')), pipeline: {microBatches: 4}};
		const played = await play(t, document, {
			fault: async scene => {
				await kill('cam-1')(scene);
				await scene.fleet.device('cam-1');
			},
		});
		await exact(t, played);
		await same(t, played, [1]);
	},
);

test.serial(
	'the middle of a pipeline dies and comes back: others do its work meanwhile, with the same result',
	async t => {
		const document = plan({
			stages: [
				{units: [0, 3], replicas: on('cam-1')},
				{units: [4, 8], replicas: on('fog-1')},
				{units: [9, 11], replicas: on('fog-2')},
			],
			pipeline: {microBatches: 4},
		});
		let back = false;
		const played = await play(t, document, {
			fault: kill('fog-1'),
			happens: (update, {fleet}) => {
				if (update.kind === 'note' && /takes over stage 1/u.test(update.text) && !back) {
					back = true;
					void fleet.device('fog-1');
				}
			},
		});
		await exact(t, played);
		await same(t, played, [1]);
		t.true(played.notes.includes('fog-2 takes over stage 1'));
	},
);

test.serial('the client whose turn it is dies: another has the turn, and the run does all its steps', async t => {
	const document = plan({
		stages: [
			{
				units: [0, 3],
				replicas: on('cam-1', 'cam-2'),
				turns: 'in-turn',
				synchronisation: {exchange: 'weights', every: {kind: 'epochs', epochs: 1}},
			},
			{units: [4, 11], replicas: on('fog-1')},
		],
	});
	const played = await play(t, document, {at: 3, fault: kill('cam-1')});
	await exact(t, played);
	t.true(played.ledger.rounds.at(-1)!.devices.includes('cam-2'));
	t.false(played.ledger.rounds.at(-1)!.devices.includes('cam-1'));
});

const alignedPlan = plan({
	stages: [
		{
			units: [0, 3],
			replicas: on('cam-1', 'cam-2', 'cam-3'),
			synchronisation: {exchange: 'weights', every: {kind: 'never'}},
		},
		{units: [4, 11], replicas: on('fog-1'), junction: {mode: 'aligned', kind: 'scalar'}},
	],
});
const alignedJob = aJob({training: {...aJob().training, epochs: 4, batch: 32}});

test.serial('a branch dies: it is dropped, training goes on, and it is added when it is back', async t => {
	let back = false;
	const played = await play(t, alignedPlan, {
		job: alignedJob,
		fault: kill('cam-2'),
		happens: (update, {fleet}) => {
			if (update.kind === 'note' && /goes on without it/u.test(update.text) && !back) {
				back = true;
				void fleet.device('cam-2');
			}
		},
	});
	const {ledger, notes} = played;
	t.is(ledger.final.state, 'done', ledger.final.because);
	const first = ledger.rounds[0]!;
	const last = ledger.rounds.at(-1)!;
	t.deepEqual(
		ledger.rounds.map(({step}) => step),
		Array.from({length: last.step}, (_, index) => index + 1),
	);
	t.true(last.loss < first.loss);
	t.true(ledger.rounds.some(({devices}) => !devices.includes('cam-2')));
	t.false(notes.some(text => /goes back/u.test(text)));
});

test.serial(
	'a coordinator that restarts goes on with the same plan and weights, and the result is the same',
	async t => {
		const played = await play(t, stackedPlan(on('cam-1', 'cam-2'), on('fog-1')), {
			fault: async ({stop, fleet}) => {
				await stop();
				await fleet.coordinator();
			},
		});
		await exact(t, played);
		await same(t, played, [1, 1]);
	},
);

test.serial('a coordinator that restarts while a branch is away goes on without it', async t => {
	let restarted = false;
	const {ledger} = await play(t, alignedPlan, {
		job: alignedJob,
		at: 3,
		fault: kill('cam-2'),
		happens: (update, {stop, fleet}) => {
			if (update.kind === 'round' && !update.record.devices.includes('cam-2') && !restarted) {
				restarted = true;
				void stop().then(async () => {
					await fleet.device('cam-2');
					await fleet.coordinator();
				});
			}
		},
	});
	t.true(restarted);
	t.is(ledger.final.state, 'done', ledger.final.because);
	t.true(ledger.rounds.at(-1)!.devices.includes('cam-2'));
});

test.serial('a network that loses, repeats, delays and reorders changes nothing but the time', async t => {
	const faults = {loss: 0.02, duplication: 0.05, reordering: 0.1, reorderMs: 5};
	const job = aJob({training: {...aJob().training, epochs: 1}});
	const played = await play(t, stackedPlan(on('cam-1', 'cam-2'), on('fog-1')), {job, options: {faults}});
	t.is(played.ledger.final.state, 'done', played.ledger.final.because);
	t.is(played.ledger.rounds.length, 10);
	await same(t, played, [1, 1], job);
});

test.serial('a device that hangs is counted out after the deadline of its step, and the others go on', async t => {
	const network = lossyParties();
	const job = aJob({faults: {checkpointInterval: '0 s', roundDeadline: '2 s'}});
	const played = await play(t, stackedPlan(on('cam-1'), on('fog-1', 'fog-2')), {
		job,
		options: {wrap: network.wrap},
		fault: async () => network.silence('fog-2'),
	});
	await exact(t, played);
	await same(t, played, [1]);
	t.true(played.notes.includes('fog-2 does not answer'));
});

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
