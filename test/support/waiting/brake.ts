/**
 * Slows runs down while something is awaited that is to happen before they end: on a busy machine planners and processes take ten
 * times as long as usual, and devices, which mostly sleep, do not.
 */
import {setTimeout as sleep} from 'node:timers/promises';
import type {Engine} from '../../../models/engines/engine.js';

export interface Brake {
	/** For each step of a run; a tenth of it for each step between two means of weights. */
	stepMs: number;
	/** The same engine, on which steps take longer while the brake is on. What it takes longer is the host's time, not the device's. */
	on(engine: Engine): Engine;
}

/** The same object, some of whose methods begin so many milliseconds later. */
const later = <T extends object>(target: T, delays: Readonly<Partial<Record<keyof T, () => number>>>): T =>
	new Proxy(target, {
		get(_, key) {
			const value: unknown = Reflect.get(target, key, target);
			if (typeof value !== 'function') {
				return value;
			}
			const delay = delays[key as keyof T];
			return async (...args: readonly unknown[]): Promise<unknown> => {
				const ms = delay?.() ?? 0;
				if (ms > 0) {
					await sleep(ms);
				}
				return Reflect.apply(value, target, args);
			};
		},
	});

export function createBrake(): Brake {
	const brake: Brake = {
		stepMs: 0,
		on: engine => ({
			name: engine.name,
			description: engine.description,
			trainer: async (model, options) =>
				later(await engine.trainer(model, options), {
					gradient: () => brake.stepMs,
					step: () => brake.stepMs / 10,
				}),
			// Of the stages of a chain all but the last one take gradients from others.
			stage: async (model, options) => later(await engine.stage(model, options), {backward: () => brake.stepMs}),
			predictor: model => engine.predictor(model),
			close: () => engine.close(),
		}),
	};
	return brake;
}
