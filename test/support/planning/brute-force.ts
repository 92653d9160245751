/** Every plan of a problem's space, one by one, by nested loops that know nothing of the planner's search. */
import {apportion} from '../../../core/plan/shares.js';
import {type Candidate, isBetter, type Judged, judge, sharesOfStage} from '../../../planners/fpl/candidate.js';
import type {Problem} from '../../../planners/problem.js';

/** Whether devices, by their indices, are the same in everything but their names. */
type Alike = (a: number, b: number) => boolean;

/** Of devices that are alike a set has the first ones. */
function* setsOf(items: readonly number[], most: number, alike: Alike): Generator<number[]> {
	for (let bits = 1; bits < 2 ** items.length; bits++) {
		const has = (index: number) => (bits & (2 ** index)) > 0;
		const chosen = items.filter((_, index) => has(index));
		const first = items.every(
			(item, index) => !has(index) || items.every((other, at) => at >= index || has(at) || !alike(item, other)),
		);
		if (chosen.length <= most && first) {
			yield chosen;
		}
	}
}

function* cutsOf(places: readonly number[], count: number, from = 0): Generator<number[]> {
	if (count === 0) {
		yield [];
		return;
	}
	for (let index = from; index < places.length; index++) {
		for (const rest of cutsOf(places, count - 1, index + 1)) {
			yield [places[index]!, ...rest];
		}
	}
}

/** Sequences of disjoint sets. */
function* groupsOf(items: readonly number[], stages: number, most: number, alike: Alike): Generator<number[][]> {
	if (stages === 0) {
		yield [];
		return;
	}
	for (const set of setsOf(items, most, alike)) {
		for (const rest of groupsOf(
			items.filter(item => !set.includes(item)),
			stages - 1,
			most,
			alike,
		)) {
			yield [set, ...rest];
		}
	}
}

/** Plans of one stage come once for each number of micro-batches and codec, though these change nothing about them. */
export function everyCandidate(problem: Problem): Generator<Candidate> {
	return candidates(problem, () => false);
}

/** Of plans that differ only in devices that are alike, or in what does not concern them, one. */
export function* differentCandidates(problem: Problem): Generator<Candidate> {
	const {devices} = problem.fleet;
	const alike: Alike = (a, b) => {
		const [one, other] = [devices[a]!, devices[b]!];
		return (
			one.profile === other.profile &&
			one.times === other.times &&
			one.samples === other.samples &&
			one.utilisation === other.utilisation &&
			one.pricePerSecond === other.pricePerSecond
		);
	};
	const [microBatches] = problem.space.microBatches;
	const [codec] = problem.space.codecs;
	const [schedule] = problem.space.schedules;
	for (const candidate of candidates(problem, alike)) {
		const {mode, stages} = candidate;
		if (
			stages.length > 1 ||
			(mode.microBatches === microBatches && mode.codec === codec && mode.schedule === schedule)
		) {
			yield candidate;
		}
	}
}

function* candidates(problem: Problem, alike: Alike): Generator<Candidate> {
	const {costs, fleet, data, space, training} = problem;
	const end = costs.units.length - 1;
	const all = fleet.devices.map((_, index) => index);
	const sources = data.kind === 'dealt' ? [] : all.filter(index => data.devices.includes(fleet.devices[index]!.device));
	const free = all.filter(index => !sources.includes(index));
	const places = costs.separable.flatMap((separable, cut) => (separable ? [cut] : []));
	for (const codec of space.codecs) {
		for (const microBatches of space.microBatches) {
			for (const schedule of space.schedules) {
				const mode = {codec, microBatches, schedule, localEpochs: 0};
				for (let stages = 1; stages <= space.mostStages; stages++) {
					if (stages === 1 && data.kind === 'aligned') {
						continue;
					}
					const stays = data.kind === 'sources' && data.labels === 'stay';
					if (stays && stages === 2) {
						continue;
					}
					// Where labels stay, the last of several stages is that of the sources.
					const closed = stays && stages > 2;
					const firsts = data.kind === 'dealt' ? [undefined] : [sources];
					for (const first of firsts) {
						for (const groups of groupsOf(
							free,
							stages - (first ? 1 : 0) - (closed ? 1 : 0),
							space.mostReplicas,
							alike,
						)) {
							if (groups.some(own => own.length < problem.constraints.minimumReplicas)) {
								continue;
							}
							const devices = [...(first ? [first] : []), ...groups, ...(closed ? [sources] : [])];
							for (const cuts of cutsOf(places, stages - 1)) {
								const lasts = [...cuts, end];
								const candidate = {stages: devices.map((own, index) => ({devices: own, last: lasts[index]!})), mode};
								if (stages === 1) {
									for (const localEpochs of space.localEpochs) {
										yield {...candidate, mode: {...mode, localEpochs}};
									}
									continue;
								}
								const trained = costs.units.slice(0, cuts[0]! + 1).some(({parameters}) => parameters > 0);
								const raw = data.kind !== 'aligned' && data.rawData === 'may-move';
								const enough = candidate.stages.every(({devices: own, last}, index) => {
									const start = index === 0 ? 0 : lasts[index - 1]! + 1;
									const shares = sharesOfStage(
										problem,
										own.map(device => fleet.devices[device]!),
										closed && index === stages - 1 ? 0 : index,
										start,
										last,
									);
									const branched = data.kind === 'aligned' && index === 0;
									return branched || apportion(training.batch, shares).every(items => items >= microBatches);
								});
								if (enough && (trained || raw)) {
									yield candidate;
								}
							}
						}
					}
				}
			}
		}
	}
}

export function bruteForce(problem: Problem): {readonly best: Judged | undefined; readonly plans: number} {
	let best: Judged | undefined;
	let plans = 0;
	for (const candidate of everyCandidate(problem)) {
		plans++;
		const judged = judge(problem, candidate);
		if (isBetter(judged, best)) {
			best = judged;
		}
	}
	return {best, plans};
}
