/** Whether devices can do what a plan asks of them, as far as their births tell: engine, codecs, memory. */
import {type FplError, isFplError} from '../../core/errors.js';
import type {Job} from '../../core/plan/job.js';
import type {Plan} from '../../core/plan/plan.js';
import type {Model} from '../../models/graph.js';
import {checkPlanFor, type FleetMember} from '../../models/plans/check.js';
import type {Fleet} from '../fleet.js';

export interface SuitabilityOptions {
	readonly model: Model;
	/** Without training: neither shares nor memory are checked. */
	readonly job: Pick<Job, 'engine'> & Partial<Pick<Job, 'training'>>;
	readonly fleet: Pick<Fleet, 'find'>;
}

/**
 * A check of one device of a plan, to be made before it is asked. Of a plan that is short of devices, what only concerns the
 * plan is not held against any of them.
 * @returns a function that throws FplError `PLAN_INVALID` naming the stage and the device.
 */
export function suitabilityOf({model, job, fleet}: SuitabilityOptions): (plan: Plan, device: string) => void {
	const {training, engine} = job;
	const known = (device: string): FleetMember => {
		const {profile, engines, codecs} = fleet.find(device) ?? {};
		return {device, engines, codecs, memoryBytes: profile?.memoryBytes};
	};
	const problem = (plan: Plan, members: readonly FleetMember[] | undefined): FplError | undefined => {
		try {
			checkPlanFor(plan, {model, training, engine, fleet: members});
			return undefined;
		} catch (error) {
			if (isFplError(error)) {
				return error;
			}
			throw error;
		}
	};
	return (plan, device) => {
		const devices = [...new Set(plan.stages.flatMap(({replicas}) => replicas.map(other => other.device)))];
		const members = devices.map(other => (other === device ? known(other) : {device: other}));
		const found = problem(plan, members);
		if (found && !problem(plan, undefined)) {
			throw found;
		}
	};
}
