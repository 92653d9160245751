/** The trained weights that an inference run uses, for the plan as it is executed now. */
import {createHash} from 'node:crypto';
import type {Plan} from '../../core/plan/plan.js';
import type {Model} from '../../models/graph.js';
import {exportModel} from '../../models/import/model.js';
import {isJoined, type JoinedModel} from '../../models/junction/join.js';
import {remapState} from '../../models/junction/remap.js';
import {flatten, layoutOf, withWeights} from '../../models/layout.js';
import {branchesOf, plannedModel} from '../../models/plans/cut.js';
import {untrainedBranches, withTrained} from '../../models/plans/trained.js';

export interface WeightsFile {
	readonly bytes: Uint8Array;
	readonly digest: string;
}

/** Devices of a plan that begin branches which were lost before the training ended. */
export function lostBranches(base: Model, plan: Plan, trained: Model): readonly string[] {
	const planned = plannedModel(base, plan);
	return isJoined(planned) ? untrainedBranches(planned, trained, branchesOf(plan)) : [];
}

/** Weights of a joined model: those of the branches that a plan has, put in proportion where others are away. */
export class JoinedWeights {
	readonly #base: Model;
	readonly #whole: JoinedModel;

	/**
	 * @param plan with all branches that were trained.
	 * @throws FplError `PLAN_INVALID` when the trained model is another one.
	 */
	constructor(base: Model, plan: Plan, trained: Model) {
		this.#base = base;
		this.#whole = withTrained(trained)(plannedModel(base, plan)) as JoinedModel;
	}

	file(plan: Plan): WeightsFile {
		const planned = plannedModel(this.#base, plan) as JoinedModel;
		const {graph, parameters, buffers} = this.#whole;
		const state = remapState(
			this.#whole,
			{
				parameters: flatten(graph, layoutOf(graph, parameters)),
				buffers: flatten(graph, layoutOf(graph, buffers)),
				slots: [],
				updates: 0,
			},
			planned,
		);
		const bytes = exportModel(withWeights(planned, state.parameters, state.buffers));
		return {bytes, digest: createHash('sha256').update(bytes).digest('hex')};
	}
}
