/** Models of the zoo that are quick to train, and the checks that their plans have to pass. */
import type {ExecutionContext} from 'ava';
import type {JobDocument} from '../../../core/plan/job.js';
import type {Plan} from '../../../core/plan/plan.js';
import type {TrainerState} from '../../../models/engines/engine.js';
import type {Model} from '../../../models/graph.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import type {TestFleet} from '../a-fleet.js';
import {relativeError, type Weights} from '../one-machine.js';
import {near, runPlan} from './plan-runs.js';
import {allTogether, type PlanAlone, planAlone} from './plans-alone.js';

export interface Subject {
	readonly model: Model;
	/** Without dropout, where the model has some. */
	readonly plain?: Model;
	readonly dataset: string;
	/** How two aligned sources see an item, and the model of what one of them sees. */
	readonly aligned?: {readonly views: NonNullable<JobDocument['data']['views']>; readonly model: Model};
}

const seed = 3;
export const subjects: Readonly<Record<string, Subject>> = {
	lenet5: {
		model: buildModel('lenet5', {seed}),
		dataset: 'digits',
		aligned: {
			views: {kind: 'tiles', rows: 1, columns: 2, overlap: 0},
			model: buildModel('lenet5', {seed, input: [1, 28, 14]}),
		},
	},
	'mlp with dropout': {
		model: buildModel('mlp', {seed, hidden: [48, 32], dropout: 0.2}),
		plain: buildModel('mlp', {seed, hidden: [48, 32]}),
		dataset: 'digits',
		aligned: {
			views: {kind: 'tiles', rows: 2, columns: 1, overlap: 0},
			model: buildModel('mlp', {seed, hidden: [48, 32], dropout: 0.2, input: [1, 14, 28]}),
		},
	},
	'sensor-cnn': {
		model: buildModel('sensor-cnn', {seed, width: 0.5}),
		dataset: 'vibration',
		aligned: {views: {kind: 'channels'}, model: buildModel('sensor-cnn', {seed, width: 0.5, input: [1, 256]})},
	},
	gru: {model: buildModel('gru', {seed}), dataset: 'vibration-frames'},
	'tiny-transformer': {
		model: buildModel('tiny-transformer', {seed, dropout: 0.1}),
		plain: buildModel('tiny-transformer', {seed}),
		dataset: 'tokens',
	},
};

export const aJob = ({model, dataset}: Subject, training: JobDocument['training'] = {}): JobDocument => ({
	version: 1,
	model: model.name,
	data: {dataset, limit: 80, partition: {kind: 'iid'}},
	training: {
		// With larger steps some course comes so near the kink of a relu that rounding decides what it lets through: see
		// `test/e2e/stages/kinks.test.ts`.
		optimizer: {kind: 'sgd', lr: 0.01, momentum: 0.9},
		batch: 16,
		// Ten steps: what is wrong with one of them is wrong with the next ones.
		epochs: 2,
		seed,
		...training,
	},
	devices: {wait: '60 s'},
	faults: {checkpointInterval: '1 h'},
});

export type Alone = (alone: PlanAlone) => Promise<Weights & Partial<Pick<TrainerState, 'slots'>>>;

/** Runs a plan to its end, and compares weights and slots with what one machine computes. */
export async function equalsAlone(
	t: ExecutionContext,
	fleet: TestFleet,
	{model, job, plan}: {readonly model: Model; readonly job: JobDocument; readonly plan: Plan},
	reference: Alone = allTogether,
): Promise<void> {
	const began = performance.now();
	const finished = await runPlan(t, fleet, model, job, plan);
	const ran = performance.now();
	const alone = await planAlone(fleet.engine, await finished.bytes(), job, plan);
	const expected = await reference(alone);
	const error = near(t, plan.scheme, await finished.after(), expected, 1e-4);
	// With momentum these are sums of all steps' gradients, much more exact than what is left of them in the weights.
	if (expected.slots) {
		const errors = (await finished.slots()).map((slot, index) => relativeError(slot, expected.slots![index]!));
		t.is(errors.length, expected.slots.length);
		t.true(Math.max(...errors) <= 1e-5, `${plan.scheme}: slots differ by ${errors}`);
	}
	t.log(
		`${plan.scheme}: ${finished.ledger.rounds.length} steps, ${error.toExponential(1)}`,
		`${Math.round(ran - began)} ms, ${Math.round(performance.now() - ran)} ms`,
	);
}
