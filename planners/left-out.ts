/** Data that are not trained on, because «planning.exclude» leaves out the devices that own them. Pure. */
import {FplError} from '../core/errors.js';
import type {Job} from '../core/plan/job.js';
import type {PlanDevice} from './cost-input.js';

/**
 * What excluding sources does to the data, in one sentence; undefined where none is excluded.
 * @param owners devices that own data, excluded ones included.
 * @throws FplError `PLAN_INFEASIBLE` where all of them are excluded.
 */
export function leftOut(
	{planning, data}: Pick<Job, 'planning' | 'data'>,
	owners: readonly PlanDevice[],
): string | undefined {
	const lost = owners.filter(({device}) => planning.exclude.includes(device));
	if (lost.length === 0) {
		return undefined;
	}
	const names = lost.map(({device}) => device).join(', ');
	if (lost.length === owners.length) {
		throw new FplError('PLAN_INFEASIBLE', {
			where: 'planning.exclude',
			problem: `all devices that own data are excluded (${names}): there is nothing left to train on`,
			fix: 'Leave at least one of them in.',
		});
	}
	const whose = `«planning.exclude» leaves out ${names}`;
	if (data.views) {
		return `${whose}: ${lost.length === 1 ? 'its view' : 'their views'} of the items are not looked at`;
	}
	const declared = owners.some(({samples}) => samples !== undefined);
	if (data.partition.kind !== 'local' && !declared) {
		return `${whose}: the data are divided among the other sources`;
	}
	if (lost.some(({samples}) => samples === undefined)) {
		return `${whose}: what data ${lost.length === 1 ? 'it owns is' : 'they own are'} not trained on; how many samples these are is not known here`;
	}
	const count = (devices: readonly PlanDevice[]) => devices.reduce((sum, {samples = 0}) => sum + samples, 0);
	const [few, all] = [count(lost), count(owners)];
	const part = all > 0 ? ` (${Number(((100 * few) / all).toPrecision(2))} %)` : '';
	return `${whose}: ${few} of ${all} samples${part} are not trained on`;
}
