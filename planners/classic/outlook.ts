/** What plans of classic schemes cost at least, long before they are evaluated: the most promising ones are looked at first. */
import type {CandidateStage, Mode} from '../fpl/candidate.js';
import {Estimates} from '../fpl/estimates.js';
import {type Rules, rulesOf} from '../fpl/rules.js';
import type {Problem} from '../problem.js';

/** How the sources of a plan of several stages train. */
export type Way =
	/** Their mean gradient at every step; or one source, or branches that are merged. */
	| 'together'
	/** The mean of their weights after an epoch. */
	| 'apart'
	/** One after the other. */
	| 'in-turn'
	/** Together, and with the last stage on them as well. */
	| 'folded';

export class Outlook {
	readonly #problem: Problem;
	readonly #rules: Rules;
	readonly #modes = new Map<number, Mode>();
	readonly #estimates = new Map<Way, Estimates>();

	/** @param problem with data whose owners are known, merged or not. */
	constructor(problem: Problem) {
		this.#problem = problem;
		this.#rules = rulesOf(problem);
	}

	/** In units of the objective; no plan with these stages costs less. */
	least(way: Way, stages: readonly CandidateStage[], microBatches: number): number {
		const mode = this.#mode(microBatches);
		const estimates = this.#of(way);
		if (way !== 'in-turn') {
			return estimates.bound({stages, mode});
		}
		const [{last, devices}, ...rest] = stages as readonly [CandidateStage, ...CandidateStage[]];
		// Sources that are alike take turns that are.
		const turns = new Map<number, {readonly device: number; steps: number}>();
		for (const [device, steps] of this.#turns(devices)) {
			const turn = turns.get(this.#rules.kinds[device]!) ?? {device, steps: 0};
			turn.steps += steps;
			turns.set(this.#rules.kinds[device]!, turn);
		}
		const {samples, batch} = this.#problem.training;
		const all = Math.max(1, Math.ceil(samples / batch));
		return [...turns.values()].reduce(
			(sum, {device, steps}) =>
				sum + (steps / all) * estimates.bound({stages: [{last, devices: [device]}, ...rest], mode}),
			0,
		);
	}

	/** Steps of each source in a pass over its data, at least. */
	#turns(sources: readonly number[]): readonly (readonly [number, number])[] {
		const {fleet, training} = this.#problem;
		const own = sources.map(device => fleet.devices[device]!.samples);
		const known = own.every(samples => samples !== undefined);
		return sources.map((device, index) => [
			device,
			(known ? own[index]! : Math.floor(training.samples / sources.length)) / training.batch,
		]);
	}

	#mode(microBatches: number): Mode {
		const known = this.#modes.get(microBatches) ?? {
			microBatches,
			schedule: '1f1b',
			codec: {kind: 'fp32'},
			localEpochs: 0,
		};
		this.#modes.set(microBatches, known);
		return known;
	}

	#of(way: Way): Estimates {
		const known = this.#estimates.get(way) ?? this.#estimatesFor(way);
		this.#estimates.set(way, known);
		return known;
	}

	#estimatesFor(way: Way): Estimates {
		const {costs} = this.#problem;
		switch (way) {
			case 'together':
				return new Estimates(this.#problem, this.#rules);
			case 'folded':
				return new Estimates(this.#problem, {...this.#rules, closes: true});
			case 'apart':
			case 'in-turn': {
				// In most steps no replicas exchange anything.
				const units = costs.units.map(unit => ({...unit, parameters: 0, buffers: 0}));
				return new Estimates({...this.#problem, costs: {...costs, units}}, this.#rules);
			}
			default:
				return way satisfies never;
		}
	}
}
