/**
 * A plan applied to a model: the segment of every part (one replica of one stage) and what it needs of whom. Pure and
 * deterministic, so that the coordinator and all agents find the same from the same two documents.
 */
import {createHash} from 'node:crypto';
import {FplError} from '../../core/errors.js';
import {planDigest} from '../../core/plan/digest.js';
import type {Plan} from '../../core/plan/plan.js';
import {isBranched, junctionStage, type PartId} from '../../core/plan/routing.js';
import type {Model, ValueInfo} from '../graph.js';
import {unitsOf} from '../inspect/cuts.js';
import {type Ranges, type Segment, segmentsOf} from '../inspect/segments.js';

/** Values that one stage takes from an earlier one. */
export interface Need {
	/** The stage that makes them; inputs of the model come from stage 0, where the data are. */
	readonly from: number;
	readonly values: readonly ValueInfo[];
}

export interface ArrangedPart extends PartId {
	readonly device: string;
	readonly segment: Segment;
	/** Inputs of the model that it takes from its own data: those it reads, and those that others need of it. */
	readonly data: readonly string[];
	/** By earlier stage, what it takes from there. */
	readonly needs: readonly Need[];
	/** Values it makes (not data) that later stages need, and which these are. */
	readonly makes: readonly {readonly value: ValueInfo; readonly stages: readonly number[]}[];
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

/** One segment for each part: of an aligned plan the branches have their own. */
interface Cut {
	readonly model: Model;
	segment(id: PartId): Segment;
}

function rangesOf({stages}: Plan, count: number): Ranges {
	return stages.map(({units}) => (units === 'all' ? [0, count - 1] : units));
}

function cutPlain(model: Model, plan: Plan): Cut {
	const options = {maxCrossing: plan.maxCrossing};
	const segments = segmentsOf(model, rangesOf(plan, unitsOf(model, options).units.length), options);
	return {model, segment: ({stage}) => segments[stage]!};
}

/**
 * @param modelDigest of the model's file.
 * @throws FplError `MODEL_CUT` when the plan's units are none of the model's.
 */
export function arrange(model: Model, plan: Plan, modelDigest: string): Arrangement {
	if (junctionStage(plan) !== undefined) {
		throw new FplError('PLAN_UNSUPPORTED', {where: 'junction', problem: 'aligned'});
	}
	const cut = cutPlain(model, plan);
	const fed = new Set(cut.model.graph.inputs.map(({name}) => name));
	const ids = plan.stages.flatMap(({replicas}, stage) => replicas.map((_, replica): PartId => ({stage, replica})));
	const segments = new Map(ids.map(id => [keyOf(id), cut.segment(id)]));
	const reads = (id: PartId) => segments.get(keyOf(id))!.graph.inputs;
	/** The earlier stages that make a value for a part: the nearest before it. */
	const maker = (id: PartId, name: string): number => {
		if (fed.has(name)) {
			return 0;
		}
		const makers = ids.filter(
			other => other.stage < id.stage && segments.get(keyOf(other))!.graph.outputs.some(output => output.name === name),
		);
		return Math.max(...makers.map(({stage}) => stage));
	};
	/** Whether what one part has reaches another: branches are strangers to each other. */
	const reaches = (from: PartId, to: PartId) =>
		from.stage < to.stage && (!isBranched(plan, to.stage) || from.replica === to.replica);
	const parts = ids.map((id): ArrangedPart => {
		const segment = segments.get(keyOf(id))!;
		const foreign = segment.graph.inputs.filter(({name}) => id.stage > 0 || !fed.has(name));
		const stages = [...new Set(foreign.map(({name}) => maker(id, name)))].sort((a, b) => a - b);
		const later = ids.filter(other => reaches(id, other));
		const wanted = (name: string) => [
			...new Set(later.filter(other => reads(other).some(input => input.name === name)).map(({stage}) => stage)),
		];
		return {
			...id,
			device: plan.stages[id.stage]!.replicas[id.replica]!.device,
			segment,
			data:
				id.stage > 0
					? []
					: cut.model.graph.inputs
							.map(({name}) => name)
							.filter(name => reads(id).some(input => input.name === name) || wanted(name).length > 0),
			needs: stages.map(from => ({from, values: foreign.filter(({name}) => maker(id, name) === from)})),
			makes: segment.graph.outputs
				.map(value => ({value, stages: wanted(value.name)}))
				.filter(({stages: consumers}) => consumers.length > 0),
			last: id.stage === plan.stages.length - 1,
		};
	});
	const byKey = new Map(parts.map(part => [keyOf(part), part]));
	return {
		model: cut.model,
		parts,
		digest: createHash('sha256')
			.update(`${modelDigest} ${planDigest(plan)}`)
			.digest('hex')
			.slice(0, 32),
		part: id => byKey.get(keyOf(id))!,
	};
}

const keyOf = ({stage, replica}: PartId): string => `${stage}.${replica}`;
