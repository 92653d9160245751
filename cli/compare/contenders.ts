/** Which schemes are compared on a job, what job each of them does, and what makes the comparison unequal. Pure. */
import {FplError} from '../../core/errors.js';
import {suggestion} from '../../core/nearest.js';
import type {Job, JobDocument} from '../../core/plan/job.js';
import {keepsLabels, type SchemeKind, schemeKinds} from '../../core/plan/scheme-options.js';
import {schemes} from '../../core/plan/schemes.js';

/** Flexible parallel learning in the form that suits the data, and what it is compared with. */
export const defaultSchemes = ({data, privacy}: Job): readonly SchemeKind[] => {
	const all: readonly SchemeKind[] = [
		data.views ? 'fpl-aligned' : 'fpl-stacked',
		'fedavg',
		'd-sgd',
		'split-learning',
		'split-fed',
		'model-split',
		'pipeline',
		...(privacy.rawData === 'may-move' ? (['centralised'] as const) : []),
	];
	return privacy.labels === 'stay' ? ['u-shaped', ...all.filter(keepsLabels)] : all;
};

/** @param text names separated by commas. @throws FplError `USAGE`. */
export function parseSchemes(text: string): readonly SchemeKind[] {
	const chosen = text.split(',').map((written): SchemeKind => {
		const name = written.trim();
		const kind = schemeKinds.find(known => known === name);
		if (kind === undefined) {
			throw new FplError('USAGE', {
				where: '--schemes',
				problem: `there is no scheme «${name}»`,
				fix: suggestion(name, schemeKinds) ?? `Known are ${schemeKinds.join(', ')}.`,
			});
		}
		return kind;
	});
	return [...new Set(chosen)];
}

/** Schemes in which a single device has all the data. */
const isAlone = (kind: SchemeKind): boolean => schemes[kind].roles === 'one' || schemes[kind].roles === 'chain';

/** Whether the one device that has the data sees all views of an item: these must be brought to it. */
const seesAll = ({data, privacy}: Job, kind: SchemeKind): boolean =>
	data.views !== undefined && privacy.rawData === 'may-move' && isAlone(kind);

/**
 * The job as this scheme does it.
 * @param document the job as it was written; `job` the same, parsed.
 * @throws FplError `PLAN_INFEASIBLE` where the scheme cannot do it.
 */
export function documentFor(
	document: JobDocument,
	job: Job,
	{kind, seed}: {readonly kind: SchemeKind; readonly seed: number},
): JobDocument {
	if (kind === 'fpl-aligned' && job.data.views === undefined && job.data.partition.kind !== 'local') {
		throw new FplError('PLAN_INFEASIBLE', {
			where: `scheme «${kind}»`,
			problem: 'the sources own different items, which cannot be merged',
			fix: 'Say in «data.views» how the sources see the same items, or compare fpl-stacked.',
		});
	}
	const {views, ...whole} = document.data;
	return {
		...document,
		data: seesAll(job, kind) || views === undefined ? whole : document.data,
		training: {...document.training, seed},
		scheme: schemeFor(job, kind),
	} as JobDocument;
}

/** The job's scheme where it is this one; otherwise the same place to cut, where both leave the first units to the sources. */
function schemeFor({scheme: written}: Job, kind: SchemeKind): JobDocument['scheme'] {
	if (written.kind === kind) {
		return written as JobDocument['scheme'];
	}
	const own = 'cut' in written ? written.cut : 'cuts' in written ? written.cuts?.[0] : undefined;
	const first = written.kind !== 'auto' && schemes[written.kind].roles === 'trunk' ? own : undefined;
	const {cutting} = schemes[kind];
	return {
		kind,
		...(first !== undefined && cutting === 'once' && {cut: first}),
		...(first !== undefined && cutting === 'branch' && {cuts: first}),
	} as JobDocument['scheme'];
}

/** The seeds of repeated runs: the job's, and those after it. */
export const seedsOf = ({training}: Job, count: number): readonly number[] =>
	Array.from({length: count}, (_, index) => training.seed + index);

/** What a reader must know before holding these schemes against each other. */
export function fairness(job: Job, kinds: readonly SchemeKind[]): string[] {
	const has = (...some: readonly SchemeKind[]) => kinds.filter(kind => some.includes(kind));
	const list = (some: readonly SchemeKind[]) => some.join(', ');
	const notes: string[] = [];
	const single = kinds.filter(kind => kind !== 'fpl-aligned' && !isAlone(kind));
	const alone = kinds.filter(isAlone);
	if (job.data.views) {
		if (single.length > 0) {
			notes.push(
				`Every source sees its own view of the same items. ${list(single)}: one model for single views; its accuracy is the mean over the views.`,
				'Their epoch goes over every view of every item by itself, that of fpl-aligned over the items.',
			);
		}
		if (has('fpl-aligned').length > 0) {
			notes.push(
				'fpl-aligned merges all views of an item before it decides; a device must be reached for each of them.',
			);
		}
		if (alone.length > 0) {
			notes.push(
				job.privacy.rawData === 'may-move'
					? `${list(alone)}: the first device has whole items; what it costs to bring them there is not counted.`
					: `${list(alone)}: only the first source's view is used, since raw data stay where they are.`,
			);
		}
	} else if (alone.length > 0) {
		notes.push(`${list(alone)}: the first device has all the data; what it costs to bring them there is not counted.`);
	}
	const averaging = has('fedavg');
	if (averaging.length > 0) {
		notes.push('A step is an update of the common weights: for fedavg, one round of averaging.');
	}
	return notes;
}
