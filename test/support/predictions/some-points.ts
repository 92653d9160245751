/** Points of plans from a seed: for tests of pictures of what plans cost. */
import type {PlanPoint} from '../../../core/ledger/prediction.js';
import {seededRandom} from '../../../core/random.js';

export function somePoints(count: number, seed = 3): PlanPoint[] {
	const random = seededRandom(seed);
	return Array.from({length: count}, (_, index) => {
		const seconds = 10 + 600 * random.next();
		return {
			id: `p${index}`,
			scheme: index % 4 === 3 ? `classic ${index}` : `FPL ${index}`,
			seconds,
			bytes: 1e6 + 1e8 * random.next(),
			joules: 3e5 / seconds + 500 * random.next(),
			dollars: 0,
			stages: [
				{units: '0–3', devices: ['cam-1', 'cam-2']},
				{units: '4–9', devices: ['fog-1'], remark: 'recomputes'},
			],
			chosen: index === 0,
			baseline: index % 4 === 3,
			...(index % 2 === 0 && {yaml: `version: 1\nscheme: FPL ${index}\n`}),
		};
	});
}
