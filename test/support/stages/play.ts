/** A run with stages that nobody carries out: events in, effects written down. */
import {fplAligned, fplStacked} from '../../../core/plan/builders/fpl.js';
import {devicesOf} from '../../../core/plan/fallback.js';
import type {Plan} from '../../../core/plan/plan.js';
import {startStages, stepStages} from '../../../fog-broker/stages/machine.js';
import {
	initialState,
	type Outcome,
	type StageEffect,
	type StageEvent,
	type StageSettings,
	type StageState,
} from '../../../fog-broker/stages/state.js';

export const settings: StageSettings = {
	epochs: 2,
	batch: 12,
	waitMs: 1000,
	stagingDeadlineMs: 1000,
	stepDeadlineMs: 500,
	targetAccuracy: undefined,
};

export const itemsEach = 24;
export const flow = {microBatches: 1, schedule: '1f1b'} as const;
export const place = (sources: readonly string[], trunk: readonly string[]) => ({
	model: 'some-model',
	units: 9,
	sources,
	trunk,
	cuts: [3],
});
export const stacked = fplStacked(place(['a', 'b'], ['fog']), 'step', flow);
export const aligned = fplAligned(place(['a', 'b'], ['fog']), 'scalar', flow);

/** A run, and everything that it ever wanted. */
export class Play {
	state: StageState;
	readonly effects: StageEffect[] = [];
	last: readonly StageEffect[] = [];

	constructor(plan: Plan, changes: Partial<StageSettings> = {}) {
		this.state = initialState({...settings, ...changes}, plan, 1, undefined);
		this.#take(startStages(this.state));
	}

	#take([state, effects]: readonly [StageState, readonly StageEffect[]]): void {
		this.state = state;
		this.last = effects;
		this.effects.push(...effects);
	}

	post(...events: readonly StageEvent[]): this {
		for (const event of events) {
			this.#take(stepStages(this.state, event));
		}
		return this;
	}

	/** Everything that is awaited comes, so many times. */
	answer(times = 1): this {
		for (let time = 0; time < times; time++) {
			for (const key of [...this.state.waiting]) {
				this.post(eventOf(key, this.state));
			}
		}
		return this;
	}

	/** The weights of a checkpoint arrive. */
	store(): this {
		for (const key of this.state.saving?.waiting ?? []) {
			this.post({kind: 'arrived', key});
		}
		return this;
	}

	/** All devices are here and everything comes, until it has done so many steps. */
	until(step: number): this {
		for (let turns = 0; this.state.position.step < step && turns < 1000; turns++) {
			this.store().answer();
		}
		return this;
	}

	get notes(): readonly string[] {
		return this.effects.flatMap(effect =>
			effect.kind === 'note' ? [`${effect.device === undefined ? '' : `${effect.device} `}${effect.text}`] : [],
		);
	}

	get outcome(): Outcome | undefined {
		return this.effects.flatMap(effect => (effect.kind === 'wind-up' ? [effect.outcome] : []))[0];
	}
}

export function eventOf(key: string, state: StageState): StageEvent {
	const [kind, device] = key.split(':');
	switch (kind) {
		case 'ready':
			return {kind: 'ready', device: device!, items: itemsEach};
		case 'held':
			return {kind: 'held', device: device!, steps: state.position.step};
		default:
			return {kind: 'arrived', key, tookMs: 10};
	}
}

export const all = (plan: Plan): StageEvent[] => devicesOf(plan).map(device => ({kind: 'present', device}));
export const kinds = (effects: readonly StageEffect[]) => effects.map(({kind}) => kind);
export const begun = (plan: Plan, changes: Partial<StageSettings> = {}) =>
	new Play(plan, changes).post(...all(plan)).answer();
export const devicesNow = ({state}: Play) => devicesOf(state.plan);
