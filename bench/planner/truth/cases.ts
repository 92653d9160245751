/** The models, and the plans for each: every classic scheme, and what plans can vary. */

import {parseValue} from '../../../core/config/config.js';
import type {EvaluateInput} from '../../../core/cost/evaluate.js';
import {type Job, type JobDocument, jobSchema} from '../../../core/plan/job.js';
import type {Plan} from '../../../core/plan/plan.js';
import type {SchemeKind} from '../../../core/plan/scheme-options.js';
import type {ViewsDocument} from '../../../core/plan/views.js';
import type {Model} from '../../../models/graph.js';
import {costsOfModel} from '../../../models/plans/costs.js';
import {planFor} from '../../../models/plans/plan-for.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {costFleetOf, trainingCostsOf} from '../../../planners/cost-input.js';
import {pictureClasses} from '../../stages/pictures.js';
import {devices, profileOf, sources} from './fleet.js';

export interface Case {
	readonly model: string;
	readonly shape: readonly number[];
	readonly batch: number;
	/** How two aligned sources see an item, and the shape that each of them then sees. */
	readonly views: {readonly document: ViewsDocument; readonly shape: readonly number[]};
}

const halves = {kind: 'tiles', rows: 1, columns: 2} as const;

const cases: readonly Case[] = [
	{model: 'lenet5', shape: [1, 28, 28], batch: 128, views: {document: {...halves, overlap: 0.4}, shape: [1, 28, 20]}},
	{model: 'cnn-small', shape: [3, 32, 32], batch: 16, views: {document: halves, shape: [3, 32, 16]}},
	{model: 'sensor-cnn', shape: [2, 512], batch: 64, views: {document: {kind: 'channels'}, shape: [1, 512]}},
	{model: 'resnet18', shape: [3, 32, 32], batch: 8, views: {document: halves, shape: [3, 32, 16]}},
];

export function caseOf(model: string): Case {
	const found = cases.find(one => one.model === model);
	if (!found) {
		throw new Error(`expected one of ${cases.map(one => one.model).join(', ')}, got «${model}»`);
	}
	return found;
}

export interface PlanCase {
	readonly name: string;
	readonly plan: Plan;
	/** Whether its sources see the same items, each in its own way. */
	readonly aligned: boolean;
	/** Steps come in groups: what happens between some of them belongs to all. */
	readonly grouped: boolean;
}

const modelOf = ({model}: Case, shape: readonly number[]): Model =>
	buildModel(model, {input: shape, classes: pictureClasses, seed: 1});

type SchemeDocument = NonNullable<JobDocument['scheme']>;

const parse = (document: JobDocument): Job => parseValue(jobSchema, document, 'bench');

interface Variation {
	readonly owners?: readonly string[];
	readonly helpers?: readonly string[];
	readonly change?: (plan: Plan) => Plan;
}

const withCodec =
	(kind: 'fp16' | 'int8') =>
	(plan: Plan): Plan => ({
		...plan,
		links: [{from: '*', to: '*', codec: kind === 'fp16' ? {kind} : {kind, per: 'tensor', rounding: 'nearest'}}],
	});

/** Shares of the replicas of the first stage. */
const withShares =
	(shares: Readonly<Record<string, number>>) =>
	(plan: Plan): Plan => ({
		...plan,
		stages: plan.stages.map(stage => ({
			...stage,
			replicas: stage.replicas.map(replica => ({...replica, share: shares[replica.device] ?? replica.share})),
		})),
	});

const recomputing = (plan: Plan): Plan => ({
	...plan,
	stages: plan.stages.map(stage => ({...stage, stash: 'recompute'})),
});

const bySpeed = withShares({'cam-1': 3, 'cam-2': 3, 'gate-1': 1});
const two = ['cam-1', 'gate-1'];

/** The plans for a model. */
function plansOf(task: Case): readonly PlanCase[] {
	const whole = modelOf(task, task.shape);
	const view = modelOf(task, task.views.shape);
	const plan = (
		name: string,
		scheme: SchemeDocument & {readonly kind: SchemeKind},
		{owners = sources, helpers = ['fog-1'], change = same => same}: Variation = {},
	): PlanCase => {
		const {kind} = scheme;
		const aligned = kind === 'fpl-aligned';
		const job = parse({version: 1, model: task.model, data: {dataset: 'npy'}, scheme});
		const candidates = [...owners, ...helpers].map(device => ({
			device,
			profile: profileOf(device),
			isSource: owners.includes(device),
		}));
		const made = change(planFor(job, candidates, aligned ? view : whole));
		return {name, plan: made, aligned, grouped: kind === 'split-learning' || kind === 'split-fed'};
	};
	const pair = {owners: ['cam-1'], helpers: ['fog-1']};
	return [
		plan('d-sgd', {kind: 'd-sgd'}),
		plan('d-sgd-by-speed', {kind: 'd-sgd'}, {change: bySpeed}),
		plan('fedavg', {kind: 'fedavg'}),
		plan('centralised', {kind: 'centralised', device: 'fog-1'}),
		plan('model-split', {kind: 'model-split'}, pair),
		plan('pipeline-4', {kind: 'pipeline', microBatches: 4}, pair),
		plan('pipeline-8-gpipe', {kind: 'pipeline', microBatches: 8, schedule: 'gpipe'}, pair),
		plan('pipeline-4-recompute', {kind: 'pipeline', microBatches: 4}, {...pair, change: recomputing}),
		plan('pipeline-3-stages', {kind: 'pipeline', microBatches: 4}, {owners: ['gate-1'], helpers: ['fog-1', 'cam-1']}),
		plan('split-learning', {kind: 'split-learning'}),
		plan('split-fed', {kind: 'split-fed'}),
		plan('parallel-split', {kind: 'parallel-split'}),
		plan('parallel-split-4-int8', {kind: 'parallel-split', microBatches: 4}, {change: withCodec('int8')}),
		plan('fpl-stacked', {kind: 'fpl-stacked', microBatches: 2}, {change: bySpeed}),
		plan('fpl-private-fp16', {kind: 'fpl-stacked', branches: 'never', microBatches: 2}, {change: withCodec('fp16')}),
		plan(
			'fpl-two-trunks',
			{kind: 'fpl-stacked', cuts: [3], trunk: ['cam-2', 'fog-1'], microBatches: 2},
			{owners: two, helpers: ['cam-2', 'fog-1'], change: withShares({'fog-1': 3})},
		),
		plan('fpl-aligned', {kind: 'fpl-aligned'}, {owners: two}),
		plan('u-shaped', {kind: 'u-shaped', microBatches: 2}, {owners: two}),
	];
}

/** Those of the names that were given, separated by commas; all without. */
export function plansNamed(task: Case, names: string | undefined): readonly PlanCase[] {
	const all = plansOf(task);
	return (
		names?.split(',').map(name => {
			const found = all.find(one => one.name === name);
			if (!found) {
				throw new Error(`expected one of ${all.map(one => one.name).join(', ')}, got «${name}»`);
			}
			return found;
		}) ?? all
	);
}

/** The job by which a plan is run. */
export function jobOf(
	task: Case,
	{aligned}: PlanCase,
	{data, limit, epochs}: {readonly data: string; readonly limit: number; readonly epochs: number},
): JobDocument {
	return {
		version: 1,
		model: task.model,
		data: {dataset: 'npy', path: data, limit, ...(aligned ? {views: task.views.document} : {})},
		training: {optimizer: {kind: 'sgd', lr: 0.001, momentum: 0.9}, batch: task.batch, epochs, seed: 1},
		faults: {checkpointInterval: '1 h'},
	};
}

/** What the plan is evaluated on. */
export function inputOf(task: Case, {plan, aligned}: PlanCase, document: JobDocument): EvaluateInput {
	const costs = costsOfModel(modelOf(task, aligned ? task.views.shape : task.shape), {maxCrossing: plan.maxCrossing});
	const participants = devices.map(device => ({device, profile: profileOf(device), emulated: true}));
	const job = parse(document);
	const training = trainingCostsOf(job, participants, job.data.limit);
	return {plan, costs, training, fleet: costFleetOf(participants, costs, training)};
}
