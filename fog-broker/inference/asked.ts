/** What an inference run gives back, how much is kept of it, and in which portions it is reported. */
import {FplError} from '../../core/errors.js';
import {batchesOf, type Giving, type InferenceOptions} from '../../core/plan/inference.js';
import type {Job} from '../../core/plan/job.js';
import type {Plan} from '../../core/plan/plan.js';
import type {Model} from '../../models/graph.js';

/** Reports that a run has, about; each costs every device a message. */
const wantedIntervals = 20;
/** Items of one interval at most: so many may have to be answered again after a fault. */
const mostItems = 4096;
/** Numbers in one report at most: about a third of what a message may hold. */
const mostNumbers = 20_000;
/** Numbers that the coordinator keeps of one run. */
const mostKept = 16_000_000;

/** A plan as inference uses it: whole batches go through the stages, and labels stay where they are. */
export const forInference = (plan: Plan): Plan => ({
	...plan,
	pipeline: {...plan.pipeline, microBatches: 1},
	labels: 'travel',
});

export interface Output {
	readonly give: Giving;
	/** Numbers per item; undefined where the model's shapes do not say it. */
	readonly width: number | undefined;
}

/** @throws FplError `CONFIG_VALUE` when classes are asked of a model that tells none apart, or too much is to be kept. */
export function outputOf(model: Model, {training}: Job, {give, keep, batch}: InferenceOptions): Output {
	const {name, shape} = model.graph.outputs[0]!;
	const classifies = (training.loss ?? model.loss) === 'softmax-cross-entropy' && shape?.length === 2;
	if (give === 'classes' && !classifies) {
		throw new FplError('CONFIG_VALUE', {
			where: `output «${name}» of «${model.name}»`,
			problem: 'it tells no classes apart',
			fix: 'Ask for values.',
		});
	}
	const given = give ?? (classifies ? 'classes' : 'values');
	const dims = shape?.slice(1) ?? ['?'];
	const known = dims.every(dim => typeof dim === 'number');
	const width = given === 'classes' ? 1 : known ? dims.reduce<number>((a, b) => a * Number(b), 1) : undefined;
	if (keep && (width === undefined || width * batch > mostNumbers)) {
		throw new FplError('CONFIG_VALUE', {
			where: `output «${name}» of «${model.name}»`,
			problem: 'too many values for one report',
			expected: `at most ${mostNumbers} in a batch`,
			got: width === undefined ? 'a size that is not known' : `${width * batch}`,
			fix: 'Make the batch smaller, or do without the predictions.',
		});
	}
	return {give: given, width};
}

/** @throws FplError `CONFIG_VALUE` when all predictions together are too many to keep. */
export function intervalOf(items: number, {batch, keep}: InferenceOptions, {width = 1}: Output): number {
	if (keep && items * width > mostKept) {
		throw new FplError('CONFIG_VALUE', {
			where: 'predictions',
			expected: `at most ${mostKept} numbers in all`,
			got: `${items} items of ${width}`,
			fix: 'Give a «--limit».',
		});
	}
	const wanted = Math.ceil(batchesOf({items, batch}) / wantedIntervals);
	const most = Math.min(mostItems, keep ? Math.floor(mostNumbers / width) : mostItems);
	return Math.max(1, Math.min(wanted, Math.floor(most / batch)));
}

const defaultDeadlineMs = 60_000;

/** How long devices are waited for, how long they may take to get ready, and everything that they wait for on the way. */
export const limitsOf = ({devices, faults}: Job) => ({
	waitMs: devices.wait * 1000,
	stagingMs: Math.max(30, devices.wait) * 1000,
	deadlineMs: faults.roundDeadline === undefined ? defaultDeadlineMs : faults.roundDeadline * 1000,
});
