/** Runs of one stage, whose replicas all have the whole model: made ready to be driven round by round. */
import {FplError} from '../../core/errors.js';
import type {Job} from '../../core/plan/job.js';
import type {Plan} from '../../core/plan/plan.js';
import {bind} from '../../models/datasets/bind.js';
import type {Trainer} from '../../models/engines/engine.js';
import type {Setting, TrainingRun} from '../run/conduct.js';
import {Evaluator} from '../run/evaluator.js';
import {viewed} from '../run/preparation.js';
import type {Checkpoint} from '../server/checkpoints.js';
import {RunDriver} from './driver.js';
import type {Progress} from './parts.js';
import {initialRun, type RunSettings} from './state.js';

const devicesOf = (plan: Plan): string[] => plan.stages[0]!.replicas.map(({device}) => device);

const membersOf = ({members}: Progress) => new Map(members.map(({device, items, cursor}) => [device, {items, cursor}]));

function settingsOf({training, devices, faults}: Job, plan: Plan): RunSettings {
	const {every} = plan.synchronisation;
	return {
		sync: every.kind === 'epochs' ? every : {kind: 'step', batch: training.batch},
		epochs: training.epochs,
		// A job for several devices may have a plan for one.
		minimum: Math.min(devices.minimum, devicesOf(plan).length),
		waitMs: devices.wait * 1000,
		roundDeadlineMs: faults.roundDeadline === undefined ? undefined : faults.roundDeadline * 1000,
		stagingDeadlineMs: devices.wait * 1000,
		targetAccuracy: training.targetAccuracy,
	};
}

async function restore(trainer: Trainer, {state, run}: Pick<Checkpoint, 'state' | 'run'>): Promise<void> {
	const {parameters, buffers} = trainer;
	if (state.parameters.length !== parameters.length || state.buffers.length !== buffers.length) {
		throw new FplError('CHECKPOINT_CORRUPT', {
			where: run,
			expected: `${parameters.length} parameters and ${buffers.length} buffer elements`,
			got: `${state.parameters.length} and ${state.buffers.length}`,
		});
	}
	await trainer.load(state);
}

/** @throws FplError `CHECKPOINT_CORRUPT`, or of the engine. */
export async function roundsOf(setting: Setting): Promise<TrainingRun> {
	const {context, run, manifest, job, plan, preparation, checkpoint, checkpoints, book, accounts, opened} = setting;
	const {standing, earlierSeconds} = setting;
	const {clock, engine, fleet, journal, link, messenger, log} = context;
	const trainer = await engine.trainer(preparation.model, preparation.trainer);
	opened.push(trainer);
	if (checkpoint) {
		await restore(trainer, {run, ...(standing ?? checkpoint)});
	}
	let evaluator: Evaluator | undefined;
	if (preparation.test) {
		const second = await engine.trainer(preparation.model, preparation.trainer);
		opened.push(second);
		const tests = viewed(preparation.test, job.data.views).slice(0, devicesOf(plan).length);
		evaluator = new Evaluator(
			second,
			tests.map(test => bind(test, preparation.model, preparation.trainer.loss)),
		);
	}
	const progress = checkpoint?.progress as unknown as Progress | undefined;
	const driver = new RunDriver(
		{
			run,
			attempt: manifest.attempt,
			job,
			jobText: JSON.stringify(manifest.job),
			plan,
			clock,
			log: log.child(run),
			messenger,
			link,
			trainer,
			evaluator,
			model: preparation,
			checkpoints,
			book,
			accounts,
			isHere: device => fleet.find(device) !== undefined,
			earlierSeconds,
			emit: update => journal.publish(run, update),
		},
		initialRun(
			settingsOf(job, plan),
			devicesOf(plan),
			standing
				? {
						round: standing.step,
						rounds: standing.steps,
						totalItems: standing.totalItems,
						members: new Map(
							Object.entries(standing.cursors).map(([device, cursor]) => [
								device,
								{items: standing.items[device] ?? 0, cursor},
							]),
						),
					}
				: checkpoint && {
						round: checkpoint.round,
						rounds: progress!.rounds,
						totalItems: progress!.totalItems ?? 0,
						members: membersOf(progress!),
					},
		),
	);
	return {
		devices: driver.devices,
		ended: driver.ended,
		get seconds() {
			return driver.seconds;
		},
		start: present => driver.start(present),
		joined: device => driver.post({kind: 'present', device}),
		left: device => driver.post({kind: 'gone', device}),
		// Every replica has data of its own: nobody else can take its place.
		spares: () => {},
		get standing() {
			return driver.standing;
		},
		leave: leaving => driver.post({kind: 'leave', ...leaving}),
		stop: because => driver.post({kind: 'stop', because}),
		accept: transfer => driver.accept(transfer),
		ready: (body, from) => driver.ready(body, from),
		failed: (body, from) => driver.failed(body, from),
		// Rounds are not held: whoever is late is left out.
		held: () => {},
		report: (body, from) => driver.report(body, from),
		roleOf: () => 'replica of stage 0',
		results: async () =>
			new Map([['', {model: preparation.model, state: await trainer.save(['parameters', 'buffers'])}]]),
	};
}
