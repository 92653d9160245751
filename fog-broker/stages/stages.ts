/** Runs with stages, made ready to be driven step by step. */
import type {DeviceId} from '../../core/ids.js';
import {planDigest} from '../../core/plan/digest.js';
import {withoutDevices} from '../../core/plan/fallback.js';
import type {Job} from '../../core/plan/job.js';
import type {Plan} from '../../core/plan/plan.js';
import {slotCount} from '../../models/compile/optimizer.js';
import {bind} from '../../models/datasets/bind.js';
import type {Dataset} from '../../models/datasets/dataset.js';
import type {Trainer, TrainerState} from '../../models/engines/engine.js';
import type {Model} from '../../models/graph.js';
import {alignViews, viewsOf} from '../../models/junction/data.js';
import {isJoined} from '../../models/junction/join.js';
import {arrange} from '../../models/plans/arrange.js';
import {branchesOf, plannedModel} from '../../models/plans/cut.js';
import {enrol, type Setting, type TrainingRun} from '../run/conduct.js';
import {type Evaluation, Evaluator} from '../run/evaluator.js';
import type {BookPages, LedgerBook} from '../run/ledger-book.js';
import {viewed} from '../run/preparation.js';
import type {Standing} from '../run/replan/standing.js';
import {unpackBranches} from '../server/branches-away.js';
import {concatenated, packed, resumed} from '../server/stage-progress.js';
import {StageDriver} from './driver.js';
import {initialState, type StageSettings, startPosition} from './state.js';
import {suitabilityOf} from './suitability.js';
import {StageWeights} from './weights.js';

function settingsOf({training, devices, faults}: Job): StageSettings {
	return {
		epochs: training.epochs,
		batch: training.batch,
		waitMs: devices.wait * 1000,
		stagingDeadlineMs: Math.max(30, devices.wait) * 1000,
		stepDeadlineMs: faults.roundDeadline === undefined ? undefined : faults.roundDeadline * 1000,
		targetAccuracy: training.targetAccuracy,
	};
}

/** Tests the weights of a plan, each time with a trainer for the model that the plan has then. */
class StageEvaluator {
	readonly #setting: Setting;
	#trainer: {readonly model: Model; readonly trainer: Trainer} | undefined;

	constructor(setting: Setting) {
		this.#setting = setting;
	}

	async evaluate(plan: Plan, wholes: ReadonlyMap<string, TrainerState>): Promise<Evaluation | undefined> {
		const {preparation} = this.#setting;
		if (!preparation.test) {
			return undefined;
		}
		const model = plannedModel(preparation.model, plan);
		const trainer = await this.#trainerFor(model);
		const evaluator = new Evaluator(trainer, this.#tests(model));
		const results: Evaluation[] = [];
		for (const {parameters, buffers} of wholes.values()) {
			results.push(await evaluator.evaluate(concatenated([parameters, buffers])));
		}
		const mean = (of: (result: Evaluation) => number) =>
			results.reduce((sum, result) => sum + of(result), 0) / results.length;
		return {
			accuracy: results.every(({accuracy}) => accuracy !== undefined) ? mean(({accuracy}) => accuracy!) : undefined,
			loss: mean(({loss}) => loss),
		};
	}

	async close(): Promise<void> {
		await this.#trainer?.trainer.close();
	}

	#tests(model: Model): readonly Dataset[] {
		const {preparation, job, plan: original} = this.#setting;
		const {loss} = preparation.trainer;
		const tests = viewed(preparation.test!, job.data.views);
		if (isJoined(model)) {
			const branches = branchesOf(original);
			return [alignViews(viewsOf(branches, job.data.views ? tests : branches.map(() => tests[0]!)), model, loss)];
		}
		// Views that no source has seen say nothing about what was learned.
		return tests.slice(0, original.stages[0]!.replicas.length).map(test => bind(test, model, loss));
	}

	async #trainerFor(model: Model): Promise<Trainer> {
		if (this.#trainer && sameModel(this.#trainer.model, model)) {
			return this.#trainer.trainer;
		}
		await this.#trainer?.trainer.close();
		const {context, preparation} = this.#setting;
		const trainer = await context.engine.trainer(model, preparation.trainer);
		this.#trainer = {model, trainer};
		return trainer;
	}
}

const sameModel = (a: Model, b: Model): boolean =>
	a === b || (isJoined(a) && isJoined(b) && a.join.branches.join() === b.join.branches.join());

/** The plan that a run begins with where it has left another one: with the branches whose weights it has. */
function beginningOf(plan: Plan, standing: Standing | undefined): Plan {
	const {branches} = standing ?? {};
	const lost = branches ? branchesOf(plan).filter(branch => !branches.includes(branch)) : [];
	const fallback = withoutDevices(plan, new Set(lost), []);
	return fallback.kind === 'plan' ? fallback.plan : plan;
}

/** @throws FplError `CHECKPOINT_CORRUPT`, `PLAN_INVALID`, or of the model. */
export async function stagesOf(setting: Setting): Promise<TrainingRun> {
	const {context, run, manifest, job, plan, preparation, checkpoint, checkpoints, book, accounts, opened} = setting;
	const {standing, earlierSeconds, away} = setting;
	const {clock, journal, link, log, messenger, store} = context;
	const before = checkpoint && !standing ? resumed(checkpoint, plan) : undefined;
	const slots = slotCount(job.training.optimizer);
	const first = before?.executed ?? beginningOf(plan, standing);
	const weights = new StageWeights(
		first,
		arrange(preparation.model, first, preparation.digest),
		slots,
		before?.states,
		before?.groups.map(({key, savedAt}) => [key, savedAt] as const),
	);
	if (standing) {
		weights.takeUp(standing.state, standing.step);
		weights.remember(standing.branchesAway);
	} else if (before) {
		weights.remember(unpackBranches(before.states, plannedModel(preparation.model, plan)));
	}
	const evaluator = new StageEvaluator(setting);
	opened.push(evaluator);
	let latest = manifest;
	const driver: StageDriver = new StageDriver(
		{
			run,
			job,
			jobText: JSON.stringify(manifest.job),
			original: plan,
			model: preparation,
			base: preparation.model,
			check: suitabilityOf({model: preparation.model, job, fleet: context.fleet}),
			log: log.child(run),
			messenger,
			link,
			clock,
			weights,
			book,
			accounts,
			earlierSeconds,
			emit: update => journal.publish(run, update),
			enrol: (device, role) => enrol(context.fleet, book, device, role),
			onAttempt: attempt => {
				latest = {...latest, attempt};
				return store.put(latest);
			},
			evaluate: (now, wholes) => evaluator.evaluate(now, wholes),
			checkpoint: ({position, plan: executed, items, states}) =>
				checkpoints.save({
					run,
					round: position.step,
					state: packed(states, slots),
					progress: JSON.parse(
						JSON.stringify({
							kind: 'stages',
							plan: planDigest(plan),
							executed,
							position,
							items: Object.fromEntries(items),
							groups: [...states].map(([key, group]) => ({
								key,
								parameters: group.parameters.length,
								buffers: group.buffers.length,
								slots: group.slots.length,
								updates: group.updates,
								savedAt: weights.savedAt(key),
							})),
							pages: pagesAt(book, position.step, driver.seconds),
						}),
					),
				}),
		},
		initialState(
			settingsOf(job),
			plan,
			manifest.attempt,
			standing
				? {
						position: {
							...startPosition,
							step: standing.step,
							cursors: standing.cursors,
							turn: standing.turn,
							turnLeft: standing.turnLeft,
						},
						items: new Map(Object.entries(standing.items)),
					}
				: before && {position: before.position, items: new Map(Object.entries(before.items))},
			away,
		),
	);
	/** Whatever a device says of this run is a sign of life. */
	const hearing =
		<B extends {readonly run: string}>(pass: (body: B, from: DeviceId) => void) =>
		(body: B, from: DeviceId) => {
			if (body.run === run) {
				driver.post({kind: 'heard', device: from});
			}
			pass(body, from);
		};
	return {
		get devices() {
			return driver.devices;
		},
		ended: driver.ended,
		get seconds() {
			return driver.seconds;
		},
		start: present => driver.start(present),
		joined: device => driver.post({kind: 'present', device}),
		left: device => driver.post({kind: 'gone', device}),
		spares: devices => driver.post({kind: 'spares', devices}),
		get standing() {
			return driver.standing;
		},
		leave: leaving => driver.post({kind: 'leave', ...leaving}),
		stop: because => driver.post({kind: 'stop', because}),
		accept: transfer => driver.accept(transfer),
		ready: hearing((body, from) => driver.ready(body, from)),
		failed: hearing((body, from) => driver.failed(body, from)),
		held: hearing((body, from) => driver.held(body, from)),
		report: hearing((body, from) => driver.report(body, from)),
		roleOf: device => driver.roleOf(device),
		results: () => driver.results(),
	};
}

/** The run may have gone on while the weights of a checkpoint came: its curve ends where they are of. */
const pagesAt = (book: LedgerBook, step: number, seconds: number): BookPages => {
	const pages = book.pages(seconds);
	return {...pages, rounds: pages.rounds.filter(({round}) => round < step)};
};
