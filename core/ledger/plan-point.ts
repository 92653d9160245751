/** Evaluated plans as points of a picture and rows of a list. Pure. */
import type {Evaluation} from '../cost/evaluate.js';
import {type Plan, type Stage, synchronisationOf} from '../plan/plan.js';
import type {Alternative, PlanPoint, PlanStage, PlanTotals} from './prediction.js';

/** «in turn, junction: mean, recomputes, mean weights every 2 epochs»; undefined where there is nothing to say. */
function remarkOn(plan: Plan, stage: Stage): string | undefined {
	const {exchange, every} = synchronisationOf(plan, stage);
	const often = {
		step: undefined,
		never: 'weights of its own',
		steps: every.kind === 'steps' ? `mean ${exchange} every ${every.steps} steps` : undefined,
		epochs:
			every.kind === 'epochs'
				? `mean ${exchange} every ${every.epochs === 1 ? '' : `${every.epochs} `}epoch${every.epochs === 1 ? '' : 's'}`
				: undefined,
	}[every.kind];
	const said = [
		stage.turns === 'in-turn' ? 'in turn' : undefined,
		stage.junction.mode === 'aligned' ? `junction: ${stage.junction.kind}` : undefined,
		stage.stash === 'recompute' ? 'recomputes' : undefined,
		stage.replicas.length > 1 && stage.turns === 'together' ? often : undefined,
	].filter(words => words !== undefined);
	return said.length > 0 ? said.join(', ') : undefined;
}

/** The stages of a plan; shares that differ stand beside the devices: «cam-1 ×2». */
export const stagesOf = (plan: Plan): PlanStage[] =>
	plan.stages.map(stage => {
		const {units, replicas} = stage;
		const remark = remarkOn(plan, stage);
		return {
			units: units === 'all' ? 'all' : units[0] === units[1] ? `${units[0]}` : `${units[0]}–${units[1]}`,
			devices: replicas.map(({device, share}) => (share === 1 ? device : `${device} ×${Number(share.toPrecision(3))}`)),
			...(remark === undefined ? {} : {remark}),
		};
	});

const totalsOf = ({seconds, bytes, joules, dollars}: Evaluation): PlanTotals => ({seconds, bytes, joules, dollars});

/** @param about what the evaluation does not say of the point. */
export const pointOf = (
	evaluation: Evaluation,
	about: Pick<PlanPoint, 'id' | 'chosen' | 'baseline' | 'against' | 'yaml'> & {readonly scheme?: string},
): PlanPoint => ({
	scheme: evaluation.plan.scheme,
	...totalsOf(evaluation),
	stages: stagesOf(evaluation.plan),
	...about,
});

/** @param about what the evaluation does not say of the alternative. */
export const alternativeOf = (
	evaluation: Evaluation,
	about: Pick<Alternative, 'chosen' | 'feasible' | 'because'> & {readonly scheme?: string},
): Alternative => ({scheme: evaluation.plan.scheme, ...totalsOf(evaluation), ...about});
