/**
 * A plan applied to a model: the segment of every part (one replica of one stage) and what it needs of whom. Pure and
 * deterministic, so that the coordinator and all agents find the same from the same two documents.
 */
import {createHash} from 'node:crypto';
import {planDigest} from '../../core/plan/digest.js';
import type {Plan} from '../../core/plan/plan.js';
import {isBranched, type PartId} from '../../core/plan/routing.js';
import type {Model, ValueInfo} from '../graph.js';
import type {Segment} from '../inspect/segments.js';
import {branchesOf, cutFor} from './cut.js';

/** What one part has for a later stage. */
export interface Gift {
	readonly stage: number;
	/** Values that it makes; the float32 ones come back as gradients. */
	readonly made: readonly ValueInfo[];
	/** Inputs of the model, which come from where the data are. */
	readonly data: readonly ValueInfo[];
	/** Whether labels go along. */
	readonly labels: boolean;
}

export interface ArrangedPart extends PartId {
	readonly device: string;
	readonly segment: Segment;
	/** Inputs of the model that it takes from its own data: those it reads, and those that others need of it. */
	readonly data: readonly string[];
	/** What others need of it, by the stage that does. Nothing is given hop by hop: each gift goes where it is read. */
	readonly gifts: readonly Gift[];
	readonly last: boolean;
}

export interface Arrangement {
	/** What all parts together train: the model itself, or the joined model of an aligned plan. */
	readonly model: Model;
	readonly parts: readonly ArrangedPart[];
	/** Of model and plan: parties with another digest work on something else. */
	readonly digest: string;
	part(id: PartId): ArrangedPart;
}

/**
 * @param modelDigest of the model's file.
 * @param weights puts others in the place of those that the planned model begins with.
 * @throws FplError `MODEL_CUT` when the plan's units are none of the model's.
 */
export function arrange(
	model: Model,
	plan: Plan,
	modelDigest: string,
	weights: (planned: Model) => Model = planned => planned,
): Arrangement {
	const {model: whole, segments: cut} = cutFor(plan, model, weights);
	const branches = branchesOf(plan);
	const segmentOf = ({stage, replica}: PartId) =>
		cut.find(found => found.stage === stage && (found.branch === undefined || found.branch === branches[replica]))!
			.segment;
	const ids = plan.stages.flatMap(({replicas}, stage) => replicas.map((_, replica): PartId => ({stage, replica})));
	const segments = new Map(ids.map(id => [keyOf(id), segmentOf(id)]));
	const reads = (id: PartId) => segments.get(keyOf(id))!.graph.inputs;
	const lastStage = plan.stages.length - 1;
	/** Whether what one part has reaches another: branches are strangers to each other. */
	const reaches = (from: PartId, to: PartId) =>
		from.stage < to.stage && (!isBranched(plan, to.stage) || from.replica === to.replica);
	const giftsOf = (id: PartId): Gift[] =>
		plan.stages.flatMap((_, stage) => {
			const readers = ids.filter(other => other.stage === stage && reaches(id, other));
			const read = new Set(readers.flatMap(reader => reads(reader).map(({name}) => name)));
			const own = new Set(reads(id).map(({name}) => name));
			const made = segments.get(keyOf(id))!.graph.outputs.filter(({name}) => read.has(name));
			// Of a joined model each branch has its own inputs; of a plain one every source has all.
			const data =
				id.stage === 0
					? whole.graph.inputs.filter(({name}) => read.has(name) && (!isBranched(plan, 0) || own.has(name)))
					: [];
			const labels =
				id.stage === 0 &&
				stage === lastStage &&
				readers.length > 0 &&
				plan.labels !== 'at-last-stage' &&
				(!isBranched(plan, 0) || id.replica === 0);
			return made.length + data.length > 0 || labels ? [{stage, made, data, labels}] : [];
		});
	const parts = ids.map((id): ArrangedPart => {
		const segment = segments.get(keyOf(id))!;
		const gifts = giftsOf(id);
		const given = new Set(gifts.flatMap(({data}) => data.map(({name}) => name)));
		return {
			...id,
			device: plan.stages[id.stage]!.replicas[id.replica]!.device,
			segment,
			data:
				id.stage > 0
					? []
					: whole.graph.inputs
							.map(({name}) => name)
							.filter(name => given.has(name) || reads(id).some(input => input.name === name)),
			gifts,
			last: id.stage === lastStage,
		};
	});
	const byKey = new Map(parts.map(part => [keyOf(part), part]));
	return {
		model: whole,
		parts,
		digest: createHash('sha256')
			.update(`${modelDigest} ${planDigest(plan)}`)
			.digest('hex')
			.slice(0, 32),
		part: id => byKey.get(keyOf(id))!,
	};
}

const keyOf = ({stage, replica}: PartId): string => `${stage}.${replica}`;
