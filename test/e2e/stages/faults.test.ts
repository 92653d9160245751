/** Devices, coordinators and networks fail while a plan with stages is executed: the run goes on, and counts nothing twice. */
import test from 'ava';
import {importModel} from '../../../models/import/model.js';
import {flatten, layoutOf} from '../../../models/layout.js';
import {relativeError} from '../../support/one-machine.js';
import {aJob, exact, kill, on, plan, play, same, stackedPlan} from '../../support/stages/a-scene.js';
import {lossyParties} from '../../support/stages/lossy-parties.js';

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

test.serial(
	'a client that dies between two averages takes its part of the mean with it, and no step is repeated',
	async t => {
		const document = plan({
			stages: [
				{
					units: [0, 3],
					replicas: on('cam-1', 'cam-2'),
					synchronisation: {exchange: 'weights', every: {kind: 'steps', steps: 4}},
				},
				{units: [4, 11], replicas: on('fog-1')},
			],
		});
		const played = await play(t, document, {fault: kill('cam-2')});
		await exact(t, played);
		t.false(played.notes.some(text => /goes back/u.test(text)));
		t.deepEqual(played.ledger.rounds.at(-1)!.devices.toSorted(), ['cam-1', 'fog-1']);
	},
);

test.serial('a source with weights of its own dies: the others go on, and its weights wait for it', async t => {
	const document = plan({
		stages: [
			{
				units: [0, 3],
				replicas: on('cam-1', 'cam-2'),
				synchronisation: {exchange: 'weights', every: {kind: 'never'}},
			},
			{units: [4, 11], replicas: on('fog-1')},
		],
	});
	let back = false;
	const job = aJob({training: {...aJob().training, epochs: 4}});
	const played = await play(t, document, {
		job,
		fault: kill('cam-2'),
		until: ({record}) => back && record.devices.includes('cam-2'),
		happens: (update, {fleet}) => {
			if (update.kind === 'note' && /goes on without it/u.test(update.text) && !back) {
				back = true;
				void fleet.device('cam-2');
			}
		},
	});
	await exact(t, played, 40);
	t.true(played.ledger.rounds.at(-1)!.devices.includes('cam-2'));
	t.false(played.notes.some(text => /goes back/u.test(text)));
	for (const device of ['cam-1', 'cam-2']) {
		t.true((await played.fleet.store.file(played.run, `trained@${device}.onnx`)).length > 1000);
	}
});

test.serial(
	'a source with weights of its own that is away at the end leaves a model as it was when it was last saved',
	async t => {
		const document = plan({
			stages: [
				{
					units: [0, 3],
					replicas: on('cam-1', 'cam-2'),
					synchronisation: {exchange: 'weights', every: {kind: 'never'}},
				},
				{units: [4, 11], replicas: on('fog-1')},
			],
		});
		let [saved, steps] = [0, 0];
		const {fleet, run, ledger, notes} = await play(t, document, {
			fault: kill('cam-2'),
			happens: update => {
				saved = update.kind === 'checkpoint' ? update.round : saved;
				steps = update.kind === 'note' && update.device === 'cam-2' && steps === 0 ? saved : steps;
			},
		});
		t.is(ledger.final.state, 'done', ledger.final.because);
		const found = notes.map(text => /^cam-2 is away at the end: .* after step (\d+)$/u.exec(text)?.[1]).filter(Boolean);
		t.is(found.length, 1);
		t.true(Number(found[0]) >= Math.max(1, steps) && Number(found[0]) < ledger.rounds.length, `${found[0]}, ${steps}`);
		const weightsOf = async (name: string) => {
			const {graph, parameters} = importModel(await fleet.store.file(run, name));
			return (which: RegExp) =>
				flatten(
					graph,
					layoutOf(
						graph,
						parameters.filter(parameter => which.test(parameter)),
					),
				);
		};
		const [before, here, away] = await Promise.all(
			['model.onnx', 'trained@cam-1.onnx', 'trained@cam-2.onnx'].map(weightsOf),
		);
		// The branch is neither that of its neighbour nor what it began with; the trunk is the last one.
		t.true(relativeError(away!(/^conv/u), before!(/^conv/u)) > 1e-3);
		t.true(relativeError(away!(/^conv/u), here!(/^conv/u)) > 1e-3);
		t.is(relativeError(away!(/^fc/u), here!(/^fc/u)), 0);
		t.true(ledger.notes.some(({text}) => text.startsWith('cam-2 is away at the end')));
	},
);

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
		until: ({record}) => restarted && record.devices.includes('cam-2'),
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
