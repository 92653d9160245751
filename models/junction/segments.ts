/** The segments of a plan's stages, for plain and for joined models. */
import {FplError} from '../../core/errors.js';
import type {Model} from '../graph.js';
import type {CutOptions} from '../inspect/cuts.js';
import {
	checkRanges,
	labelOfRange,
	type Ranges,
	type Segment,
	type SegmentGroup,
	segmentsOf,
	segmentsOfGroups,
} from '../inspect/segments.js';
import {isJoined, type JoinedModel} from './join.js';
import {ofBranch} from './kinds.js';

export interface PlanLayout {
	/** First and last unit of each stage. Those of a joined model are counted in the model that was joined. */
	readonly ranges: Ranges;
	/** As the units are counted; a joined model remembers how its own were. */
	readonly units?: CutOptions;
}

export interface StageSegment {
	/** Index into the ranges. */
	readonly stage: number;
	/** Before the junction: whose copy it is. */
	readonly branch?: string;
	readonly segment: Segment;
}

/**
 * The segments of a model's stages, in an order in which they can be run. A stage before the junction of a joined model has
 * a segment per branch; the junction belongs to the first stage after it.
 * @throws FplError `MODEL_CUT` when the ranges do not cover the units, no stage begins at the junction, or segments would
 * share a parameter.
 */
export function segmentsOfPlan(model: Model, {ranges, units}: PlanLayout): readonly StageSegment[] {
	return isJoined(model)
		? segmentsOfJoined(model, ranges)
		: segmentsOf(model, ranges, units).map((segment, stage) => ({stage, segment}));
}

function segmentsOfJoined(model: JoinedModel, ranges: Ranges): readonly StageSegment[] {
	const {units, cut, branches, nodes: junction} = model.join;
	checkRanges(model.name, ranges, units.length);
	const trunk = ranges.findIndex(([first]) => first === cut);
	if (trunk < 0) {
		throw new FplError('MODEL_CUT', {
			where: `«${model.name}»`,
			problem: 'no stage begins where the branches are merged',
			expected: `a stage that begins with unit ${cut}`,
			got: ranges.map(([first, last]) => `${first}–${last}`).join(', '),
		});
	}
	const stages = [
		...ranges.slice(0, trunk).flatMap((_, stage) => branches.map(branch => ({stage, branch}))),
		...ranges.slice(trunk).map((_, index) => ({stage: trunk + index, branch: undefined})),
	];
	const groups = stages.map(({stage, branch}): SegmentGroup => {
		const [first, last] = ranges[stage]!;
		const inside = units.slice(first, last + 1);
		const names = inside.flatMap(({nodes}) => nodes);
		const label = labelOfRange(inside.map(unit => unit.label));
		const name = `${model.graph.name}/${first}-${last}`;
		return {
			nodes:
				branch === undefined
					? [...(stage === trunk ? junction : []), ...names]
					: names.map(node => ofBranch(node, branch)),
			units: [first, last],
			label: branch === undefined ? label : ofBranch(label, branch),
			name: branch === undefined ? name : ofBranch(name, branch),
			after: stages.flatMap((other, index) =>
				other.stage < stage && (branch === undefined || other.branch === branch) ? [index] : [],
			),
		};
	});
	return segmentsOfGroups(model, groups).map((segment, index) => {
		const {stage, branch} = stages[index]!;
		return {stage, ...(branch === undefined ? {} : {branch}), segment};
	});
}
