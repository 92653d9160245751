/** The closed table of composite operators. */

import {batchNormalization} from '../gradients/batch-norm.js';
import type {Node} from '../graph.js';
import {type Composite, compositeDomain} from './composite.js';

export const composites = {
	BatchNormalization: batchNormalization,
} satisfies Record<string, Composite>;

export function compositeOf({domain, op}: Pick<Node, 'domain' | 'op'>): Composite | undefined {
	return domain === compositeDomain && Object.hasOwn(composites, op)
		? composites[op as keyof typeof composites]
		: undefined;
}
