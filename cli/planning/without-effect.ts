/** Changes of `--what-if` after which a plan costs what it did before, and why: an answer that shows no difference says so. Pure. */
import type {Evaluation} from '../../core/cost/evaluate.js';
import {devicesOf} from '../../core/plan/fallback.js';
import type {DeviceProfile} from '../../core/profile/profile.js';
import {formatSi} from '../../core/units.js';
import {amountsOf} from '../../planners/objective.js';
import {measures, type Problem} from '../../planners/problem.js';
import type {DeviceChange} from './what-if.js';

export interface WithoutEffect {
	/** As it was written. */
	readonly change: string;
	readonly because: string;
}

interface Judged {
	readonly problem: Pick<Problem, 'fleet'>;
	/** Of the same plan. */
	readonly evaluation: Evaluation;
}

const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));

const costsAlike = (a: Evaluation, b: Evaluation): boolean =>
	isNear(a.stepSeconds, b.stepSeconds) &&
	measures.every(measure => isNear(amountsOf(a)[measure], amountsOf(b)[measure]));

/** What a profile says, without who says so. */
const figuresOf = ({sources, origin, scaling, ...figures}: DeviceProfile): string => JSON.stringify(figures);

/** @returns undefined where the plan costs more or less with the change. The device is there, and the plan keeps to all limits. */
export function whyNothing(
	{device, field = ''}: Pick<DeviceChange, 'device' | 'field'>,
	{before, after}: {readonly before: Judged; readonly after: Judged},
): string | undefined {
	if (!costsAlike(before.evaluation, after.evaluation)) {
		return undefined;
	}
	const [was, is] = [before, after].map(
		({problem}) => problem.fleet.devices.find(one => one.device === device)!.profile,
	) as [DeviceProfile, DeviceProfile];
	if (figuresOf(was) === figuresOf(is)) {
		return 'that is what its profile says already';
	}
	const own = after.evaluation.devices.find(one => one.device === device);
	if (!own || !devicesOf(after.evaluation.plan).includes(device)) {
		return `the plan does without ${device}`;
	}
	const [kind, part] = field.split('.');
	switch (kind) {
		case 'memory':
			return `memory is a limit, and of ${formatSi(is.memoryBytes, 'B')} the plan takes ${formatSi(own.memoryBytes, 'B')}`;
		case 'battery':
			return `a battery is a limit, and of ${formatSi(is.batteryJoules!, 'J')} the plan takes ${formatSi(own.joules, 'J')}`;
		case 'speeds':
			return `nothing that ${device} computes takes longer or shorter by its speed of «${part}»`;
		default:
			return 'nothing in the plan waits for it, or pays for it';
	}
}
