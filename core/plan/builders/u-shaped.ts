/** Split learning in which labels, too, stay where the data are. */
import type {Plan} from '../plan.js';
import {everyStep, type Pipeline, type Placement, planOf, rangesOf, replicas} from './parts.js';

/**
 * U-shaped split (Vepakomma et al. 2018): the sources compute the first and the last units, the trunk device those between.
 * Neither data nor labels leave the sources.
 * @param placement two cuts, one trunk device.
 */
export function uShaped(placement: Placement, pipeline: Pipeline): Plan {
	const {sources, trunk} = placement;
	const [first, middle, last] = rangesOf(placement, 3);
	return planOf(placement, {
		scheme: 'U-shaped split',
		stages: [
			{units: first!, replicas: replicas(sources)},
			{units: middle!, replicas: replicas(trunk)},
			{units: last!, replicas: replicas(sources)},
		],
		synchronisation: everyStep,
		pipeline,
		labels: 'stay',
	});
}
