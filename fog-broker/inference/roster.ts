/** Which devices an inference run can count on, and what is left of its plan with them. */
import {FplError} from '../../core/errors.js';
import {devicesOf, withoutDevices} from '../../core/plan/fallback.js';
import type {Plan} from '../../core/plan/plan.js';

interface Note {
	readonly text: string;
	readonly device: string;
}

interface Missing {
	readonly kind: 'wait';
	readonly stage: number;
	readonly devices: readonly string[];
	/** All of them are here and cannot. */
	readonly hopeless: boolean;
}

export type Found = {readonly kind: 'plan'; readonly plan: Plan; readonly notes: readonly Note[]} | Missing;

export class Roster {
	/** Devices that work for no run, the best first. */
	spares: readonly string[] = [];
	readonly #plan: Plan;
	readonly #present = new Set<string>();
	/** Devices that said they cannot, and why; until they join again. */
	readonly #refused = new Map<string, string>();
	/** Devices whose absence was told. */
	#told = new Set<string>();
	#changed = false;

	constructor(plan: Plan) {
		this.#plan = plan;
	}

	/** Whether anybody came or went since `find` was last called. */
	get changed(): boolean {
		return this.#changed;
	}

	join(device: string): void {
		this.#present.add(device);
		this.#refused.delete(device);
		this.#changed = true;
	}

	leave(device: string): void {
		this.#present.delete(device);
		this.#changed = true;
	}

	refuse(device: string, because: string): void {
		this.#refused.set(device, because);
		this.#changed = true;
	}

	/** @param makeDo whether a plan without some of its devices will do. */
	find(makeDo: boolean): Found {
		this.#changed = false;
		const able = (device: string) => this.#present.has(device) && !this.#refused.has(device);
		const absent = devicesOf(this.#plan).filter(device => !able(device));
		const fallback = withoutDevices(this.#plan, new Set(absent), this.spares.filter(able));
		if (fallback.kind === 'missing') {
			const {stage, devices} = fallback;
			return {kind: 'wait', stage, devices, hopeless: devices.every(device => this.#refused.has(device))};
		}
		if (absent.length > 0 && !makeDo && !absent.every(device => this.#refused.has(device))) {
			return {kind: 'wait', stage: 0, devices: absent, hopeless: false};
		}
		const fresh = absent.filter(device => !this.#told.has(device));
		this.#told = new Set(absent);
		return {
			kind: 'plan',
			plan: fallback.plan,
			notes: [
				...fresh.map(device => ({text: 'is away: the run goes on without it', device})),
				...fallback.replaced.map(({stage, device}) => ({text: `takes over stage ${stage}`, device})),
			],
		};
	}

	/** Why there is no plan. @param last what went wrong last. */
	missing({stage, devices}: Missing, waitMs: number, last: string): FplError {
		const refusals = devices.flatMap(device => {
			const because = this.#refused.get(device);
			return because === undefined ? [] : [`${device}: ${because}`];
		});
		return new FplError('RUN_NO_DEVICES', {
			where: `stage ${stage}`,
			expected: `one of ${devices.join(', ')} within ${waitMs / 1000} s`,
			got: refusals.join('; ') || 'none',
			...(last === '' || refusals.length > 0 ? {} : {problem: last}),
			fix: 'Start the agents, or give another plan with «--plan».',
		});
	}
}
