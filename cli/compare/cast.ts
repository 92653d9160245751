/** Who plays which part in a comparison: the same sources in every scheme, and who helps them. Pure. */
import {FplError} from '../../core/errors.js';
import type {Model} from '../../models/graph.js';
import {speedOn} from '../../models/plans/plan-for.js';
import type {Participant} from '../planning/plan-input.js';

export interface CastOptions {
	readonly model: Model;
	/** The devices without data; by default the fastest alone. */
	readonly trunk: readonly string[] | undefined;
	/** Sources at most: as many as there are views. */
	readonly mostSources: number | undefined;
}

/**
 * The fleet with its sources marked.
 * @throws FplError `DEVICE_UNKNOWN` for a trunk that is not there, `RUN_NO_DEVICES` without devices.
 */
export function castOf(fleet: readonly Participant[], {model, trunk, mostSources}: CastOptions): Participant[] {
	if (fleet.length === 0) {
		throw new FplError('RUN_NO_DEVICES', {
			expected: 'devices to compare schemes on',
			got: 'none',
			fix: 'Start agents with «fpl agent run», or use --emulate for a fleet on this machine.',
		});
	}
	const missing = trunk?.find(name => !fleet.some(({device}) => device === name));
	if (missing !== undefined) {
		throw new FplError('DEVICE_UNKNOWN', {
			where: '--trunk',
			expected: `one of ${fleet.map(({device}) => device).join(', ')}`,
			got: `«${missing}»`,
		});
	}
	const speeds = fleet.map(({profile}) => speedOn(model, profile));
	// A device alone has to be a source. Of equals the last, as in plans.
	const fastest = fleet.length > 1 ? [fleet[speeds.lastIndexOf(Math.max(...speeds))]!.device] : [];
	const helpers = new Set(trunk ?? fastest);
	const sources = fleet.filter(({device}) => !helpers.has(device)).slice(0, mostSources);
	return fleet
		.filter(member => helpers.has(member.device) || sources.includes(member))
		.map(member => ({...member, isSource: !helpers.has(member.device)}));
}

/** Who is who, in a sentence. */
export function castText(cast: readonly Participant[]): string {
	const names = (source: boolean) => cast.filter(({isSource}) => isSource === source).map(({device}) => device);
	const [sources, helpers] = [names(true), names(false)];
	const of = helpers.length === 0 ? '' : ` ${helpers.join(', ')} own${helpers.length === 1 ? 's' : ''} no data.`;
	return `Sources in every scheme: ${sources.join(', ')}.${of}`;
}
