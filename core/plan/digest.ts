/** A name for a plan's contents: two parties that name the same digest have the same plan. */
import {createHash} from 'node:crypto';
import type {Plan} from './plan.js';

/** JSON with the keys of every object in order, so that equal values have equal texts. */
function canonical(value: unknown): unknown {
	if (Array.isArray(value)) {
		return value.map(canonical);
	}
	return typeof value === 'object' && value !== null
		? Object.fromEntries(
				Object.entries(value)
					.filter(([, entry]) => entry !== undefined)
					.sort(([a], [b]) => (a < b ? -1 : 1))
					.map(([key, entry]) => [key, canonical(entry)]),
			)
		: value;
}

/** SHA-256 of the plan's canonical JSON, in hex. */
export const planDigest = (plan: Plan): string =>
	createHash('sha256')
		.update(JSON.stringify(canonical(plan)))
		.digest('hex');
