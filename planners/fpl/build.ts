/** Plans for large spaces: the simplest ones, ones built by dynamic programming, and better neighbours of good ones. */
import {crossingBytes} from '../../core/cost/model-costs.js';
import type {Budget, measures, Problem} from '../problem.js';
import {type Candidate, isBetter, type Judged, type Mode} from './candidate.js';
import {Constructor, type Prices} from './construct.js';
import type {Estimates} from './estimates.js';
import {neighbours} from './neighbours.js';
import type {Notebook} from './notebook.js';
import type {Rules} from './rules.js';

/** Cuts that are looked at when plans are built; improving them looks at all. */
const mostCuts = 20;
/** Busy times per micro-batch that plans are built for, as parts of what the fastest device alone takes. */
const thresholds = [0.12, 0.5, 0.03, 1];

/** Cuts with few bytes, spread over the model's work. */
function chosenCuts({costs}: Problem, {cuts}: Rules): readonly number[] {
	if (cuts.length <= mostCuts) {
		return cuts;
	}
	const bytes = (cut: number) => crossingBytes(costs, cut);
	return Array.from({length: mostCuts}, (_, index) => {
		const from = Math.floor((index * cuts.length) / mostCuts);
		const to = Math.floor(((index + 1) * cuts.length) / mostCuts);
		return cuts.slice(from, to).reduce((least, cut) => (bytes(cut) < bytes(least) ? cut : least));
	});
}

/** Kinds of the free devices in the orders in which a chain of stages may take them. */
function ordersOf({costs, fleet, training}: Problem, {free, kinds}: Rules): readonly (readonly number[])[] {
	const seconds = new Map<number, number>();
	for (const device of free) {
		const {times} = fleet.devices[device]!;
		seconds.set(kinds[device]!, times.pass('learn', 0, costs.units.length - 1, training.batch));
	}
	const slowFirst = [...seconds].sort((a, b) => b[1] - a[1]).map(([kind]) => kind);
	return slowFirst.length > 1 ? [slowFirst, slowFirst.toReversed()] : [slowFirst];
}

/** What a second, a joule … of a step is worth where the best plan so far stands. */
function pricesAt({objective}: Problem, {evaluation, plan}: Judged, fleet: Problem['fleet']): Prices {
	const weight = (measure: (typeof measures)[number]) =>
		objective.kind === 'one' ? (objective.measure === measure ? 1 : 0) : (objective.weights[measure] ?? 0);
	const names = new Set(plan.stages.flatMap(({replicas}) => replicas.map(({device}) => device)));
	const taking = fleet.devices.filter(({device}) => names.has(device));
	const watts = taking.reduce((sum, {profile}) => sum + profile.idleWatts, 0);
	const dollars = taking.reduce((sum, {pricePerSecond}) => sum + pricePerSecond, 0);
	const steps = Math.max(1, evaluation.steps);
	return {
		// Where only bytes count, less time is still better.
		second: weight('time') + weight('energy') * watts + weight('money') * dollars + 1e-9,
		joule: weight('energy'),
		dollar: weight('money'),
		byte: weight('bytes'),
		stepSeconds: evaluation.seconds / steps,
	};
}

export function construct(problem: Problem, rules: Rules, notebook: Notebook, budget: Budget): void {
	const {costs, fleet, training} = problem;
	const builder = new Constructor(problem, rules);
	const cuts = chosenCuts(problem, rules);
	const orders = ordersOf(problem, rules);
	const fastest = Math.min(
		...rules.free.map(device => fleet.devices[device]!.times.pass('learn', 0, costs.units.length - 1, training.batch)),
	);
	// Schedules hardly change what is best, and improving tries them; codecs change which cuts are good.
	const [schedule] = problem.space.schedules;
	const most = Math.max(...rules.modes.map(({microBatches}) => microBatches));
	const modes = rules.modes.filter(
		({microBatches, schedule: own}) =>
			(own === schedule || microBatches === 1) && (microBatches === most || microBatches === Math.ceil(most / 4)),
	);
	for (const part of thresholds) {
		for (const mode of modes.toReversed()) {
			for (const order of orders) {
				const {best} = notebook;
				if (budget.expired() || budget.interrupted() || !best) {
					return;
				}
				const threshold = (part * fastest) / mode.microBatches;
				const prices = pricesAt(problem, best, fleet);
				const candidate = builder.build({mode, prices, threshold, order, sources: rules.sources, cuts});
				if (candidate) {
					notebook.judge(candidate);
				}
			}
		}
	}
}

/** Goes to a better neighbour, again and again; neighbours whose bound says that they cannot be better are not evaluated. */
export function improve(notebook: Notebook, estimates: Estimates, start: Judged, input: ImproveInput): void {
	const {problem, rules, budget} = input;
	let current = start;
	const most = notebook.evaluated + input.mostEvaluated;
	for (let better = true; better && notebook.evaluated < most; ) {
		better = false;
		const fits = current.shortfalls.length === 0;
		const promising = [...neighbours(problem, rules, current.candidate)]
			.map(candidate => ({candidate, bound: estimates.bound(candidate)}))
			.filter(({bound}) => !fits || bound < current.value)
			.sort((a, b) => a.bound - b.bound);
		let tries = 0;
		for (const {candidate} of promising) {
			if (tries >= input.mostTries || budget.expired() || budget.interrupted()) {
				break;
			}
			const before = notebook.evaluated;
			const judged = notebook.judge(candidate);
			tries += notebook.evaluated - before;
			if (judged && isBetter(judged, current)) {
				current = judged;
				better = true;
				break;
			}
		}
	}
}

export interface ImproveInput {
	readonly problem: Problem;
	readonly rules: Rules;
	readonly budget: Budget;
	/** Neighbours of a plan that are evaluated before it counts as the best around, and evaluated in all. */
	readonly mostTries: number;
	readonly mostEvaluated: number;
}

/** Something to begin with: the whole model on sensible sets of devices, and the simplest splits. */
export function* simplest(problem: Problem, rules: Rules): Generator<Candidate> {
	const {costs, fleet, training, space, constraints} = problem;
	const least = Math.max(1, constraints.minimumReplicas);
	const last = costs.units.length - 1;
	const [plain] = rules.modes as readonly [Mode];
	const seconds = (device: number) => fleet.devices[device]!.times.pass('learn', 0, last, training.batch);
	const fastestFirst = [...rules.free].sort((a, b) => seconds(a) - seconds(b));
	const sets: (readonly number[])[] = [];
	for (let count = least; count <= Math.min(fastestFirst.length, space.mostReplicas, training.batch); count *= 2) {
		sets.push(fastestFirst.slice(0, count));
	}
	const all = fastestFirst.slice(0, Math.min(space.mostReplicas, training.batch));
	const firsts = rules.sources ? [rules.sources] : [...sets, all];
	for (const devices of rules.whole ? firsts : []) {
		for (const localEpochs of space.localEpochs) {
			yield {stages: [{last, devices}], mode: {...plain, localEpochs}};
		}
	}
	const ends = rules.cuts.filter(cut => rules.firstCuts.has(cut));
	for (const devices of firsts) {
		const trunk = fastestFirst.filter(device => !devices.includes(device)).slice(0, least);
		if (trunk.length === least) {
			for (const cut of new Set([ends[0], ends[ends.length >> 1], ends.at(-1)])) {
				if (cut === undefined) {
					continue;
				}
				const later = rules.cuts.filter(place => place > cut);
				const backs = rules.closes ? new Set([later[later.length >> 1], later.at(-1)]) : [last];
				for (const back of backs) {
					if (back !== undefined) {
						const stages = [
							{last: cut, devices},
							{last: back, devices: trunk},
						];
						yield {stages: rules.closes ? [...stages, {last, devices}] : stages, mode: plain};
					}
				}
			}
		}
	}
}
