/** From a job's scheme and the devices at hand to a plan: who is a source, who is the trunk, and where the model is cut. */
import {FplError} from '../../core/errors.js';
import type {Placement} from '../../core/plan/builders/parts.js';
import {checkPlan} from '../../core/plan/check.js';
import type {Job} from '../../core/plan/job.js';
import type {Plan} from '../../core/plan/plan.js';
import type {Scheme, SchemeKind} from '../../core/plan/scheme-options.js';
import {buildPlan, schemes} from '../../core/plan/schemes.js';
import {type DeviceProfile, opClasses} from '../../core/profile/profile.js';
import type {Model} from '../graph.js';
import {costOf} from '../inspect/cost.js';
import {unitsOf} from '../inspect/cuts.js';
import {balancedCuts, mostStages, sourceCut, uCuts} from './default-cuts.js';

/** A device that may take part. */
export interface Candidate {
	readonly device: string;
	/** What it can do; undefined: as fast as the others. */
	readonly profile?: DeviceProfile | undefined;
	/** Whether it owns data. Where no device says so, all own data but those that the trunk takes. */
	readonly isSource?: boolean | undefined;
}

/** FLOP/s that a device reaches on the forward pass of a model, given the model's mix of operators; 1 without a profile. */
export function speedOn(model: Model, profile: DeviceProfile | undefined): number {
	if (!profile) {
		return 1;
	}
	const {flops, flopsByClass} = costOf(model).total;
	const seconds = opClasses.reduce((sum, name) => sum + flopsByClass[name] / profile.speeds[name], 0);
	return seconds > 0 ? flops / seconds : profile.speeds.matmul;
}

/** What placing needs to know of a scheme, whichever it is. */
interface Wishes {
	readonly kind: SchemeKind;
	readonly device?: string | undefined;
	readonly trunk?: string | readonly string[] | undefined;
	readonly cut?: number | undefined;
	readonly cuts?: readonly number[] | undefined;
	readonly maxCrossing?: number | undefined;
}

interface Roles {
	readonly sources: readonly Candidate[];
	readonly trunk: readonly Candidate[];
}

function tooFew(kind: SchemeKind, problem: string, expected: string, got: string): FplError {
	return new FplError('PLAN_INFEASIBLE', {
		where: `scheme «${kind}»`,
		problem,
		expected,
		got,
		fix: 'Start more agents, or choose another scheme.',
	});
}

function find(fleet: readonly Candidate[], device: string, where: string): Candidate {
	const found = fleet.find(candidate => candidate.device === device);
	if (!found) {
		throw new FplError('PLAN_INVALID', {
			where,
			problem: `device «${device}» is not there`,
			expected: `one of ${fleet.map(candidate => `«${candidate.device}»`).join(', ') || 'none'}`,
		});
	}
	return found;
}

function rolesFor(kind: SchemeKind, wishes: Wishes, fleet: readonly Candidate[], model: Model): Roles {
	const {roles, leastDevices} = schemes[kind];
	if (fleet.length < leastDevices) {
		throw tooFew(kind, 'too few devices', `at least ${leastDevices}`, `${fleet.length}`);
	}
	const owners = fleet.filter(({isSource}) => isSource === true);
	const others = fleet.filter(candidate => !owners.includes(candidate));
	const fastest = (among: readonly Candidate[]): Candidate => {
		const speeds = among.map(({profile}) => speedOn(model, profile));
		// Of equals the last: fleets are listed with the sources first.
		return among[speeds.lastIndexOf(Math.max(...speeds))]!;
	};
	switch (roles) {
		case 'sources':
			return {sources: owners.length > 0 ? owners : fleet, trunk: []};
		case 'one': {
			const {device} = wishes;
			const one = device === undefined ? fastest(fleet) : find(fleet, device, `scheme «${kind}», device`);
			return {sources: [one], trunk: []};
		}
		case 'chain': {
			// Where one device has the data, those without are freer than other owners.
			const ordered = [...owners.slice(0, 1), ...others, ...owners.slice(1)];
			// Of more devices than the model has layers, the first are taken.
			const most = Math.max(leastDevices, mostStages(model, {maxCrossing: wishes.maxCrossing ?? 1}));
			const stages = wishes.cuts === undefined ? Math.min(most, ordered.length) : wishes.cuts.length + 1;
			if (stages > ordered.length) {
				throw tooFew(kind, 'each stage has a device of its own', `${stages} devices`, `${ordered.length}`);
			}
			return {sources: ordered.slice(0, 1), trunk: ordered.slice(1, stages)};
		}
		case 'trunk': {
			const given = wishes.trunk === undefined ? [] : [wishes.trunk].flat();
			const named = given.map(device => find(fleet, device, `scheme «${kind}», trunk`));
			const trunk = named.length > 0 ? named : [fastest(others.length > 0 ? others : fleet)];
			const rest = (owners.length > 0 ? owners : fleet).filter(candidate => !trunk.includes(candidate));
			const least = leastDevices - 1;
			if (rest.length < least) {
				throw tooFew(
					kind,
					`too few sources beside ${trunk.map(({device}) => `«${device}»`).join(', ')}, which has the trunk`,
					`at least ${least}`,
					`${rest.length}`,
				);
			}
			return {sources: rest, trunk};
		}
		default:
			return roles satisfies never;
	}
}

function cutsFor(kind: SchemeKind, wishes: Wishes, {sources, trunk}: Roles, model: Model): readonly number[] {
	const {maxCrossing = 1} = wishes;
	const options = {maxCrossing};
	const speeds = (devices: readonly Candidate[]) => devices.map(({profile}) => speedOn(model, profile));
	const {cutting} = schemes[kind];
	switch (cutting) {
		case 'none':
			return [];
		case 'once':
			return [wishes.cut ?? sourceCut(model, options)];
		case 'balanced':
			return wishes.cuts ?? balancedCuts(model, speeds([...sources, ...trunk]), options);
		case 'branch': {
			if (wishes.cuts) {
				return wishes.cuts;
			}
			const first = sourceCut(model, options);
			return [first, ...balancedCuts(model, speeds(trunk), options, first)];
		}
		case 'middle':
			return wishes.cuts ?? uCuts(model, options);
		default:
			return cutting satisfies never;
	}
}

/**
 * The devices that the job says own its data; undefined where it does not say.
 * @throws FplError `PLAN_INFEASIBLE` for one that is not there.
 */
export function namedSources(
	{sources}: Pick<Job['data'], 'sources'>,
	fleet: readonly Pick<Candidate, 'device'>[],
): readonly string[] | undefined {
	const away = sources?.find(name => !fleet.some(({device}) => device === name));
	if (away !== undefined) {
		throw new FplError('PLAN_INFEASIBLE', {
			where: 'data.sources',
			problem: `device «${away}» is not there`,
			expected: `one of ${fleet.map(({device}) => device).join(', ') || 'none'}`,
			fix: 'Start its agent, or leave it out of «data.sources».',
		});
	}
	return sources;
}

/**
 * The plan that a job's scheme asks for. Sources that the job names are the sources, whatever the devices say of themselves.
 * @param present the devices that may take part, in the order in which they get stages and branches.
 * @throws FplError `PLAN_INFEASIBLE` with too few devices or places to cut; `PLAN_INVALID` for cuts or devices that do not
 * fit.
 */
export function planFor(
	job: Pick<Job, 'model' | 'scheme' | 'data'>,
	present: readonly Candidate[],
	model: Model,
): Plan {
	const {scheme} = job;
	if (scheme.kind === 'auto') {
		throw new FplError('PLAN_INVALID', {where: 'scheme', expected: 'the name of a scheme', got: '«auto»'});
	}
	const {kind} = scheme;
	const wishes: Wishes = scheme;
	const named = namedSources(job.data, present);
	const fleet = named ? present.map(one => ({...one, isSource: named.includes(one.device)})) : present;
	const roles = rolesFor(kind, wishes, fleet, model);
	const cuts = cutsFor(kind, wishes, roles, model);
	const ids = (devices: readonly Candidate[]) => devices.map(({device}) => device);
	const {maxCrossing} = wishes;
	const placement: Placement = {
		model: job.model,
		units: cuts.length === 0 ? 1 : unitsOf(model, {maxCrossing: maxCrossing ?? 1}).units.length,
		sources: ids(roles.sources),
		trunk: ids(roles.trunk),
		cuts,
		maxCrossing,
	};
	return checkPlan(build(scheme, placement));
}

/** Ties a scheme's kind to its options. */
const build = <K extends SchemeKind>(scheme: Scheme<K> & {readonly kind: K}, placement: Placement): Plan =>
	buildPlan(scheme.kind, scheme, placement);
