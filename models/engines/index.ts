/** Which engines there are, which of them work on this machine, and starting one by name. */
import {asFplError, FplError} from '../../core/errors.js';
import {type Engine, type EngineName, type EngineOptions, engineNames} from './engine.js';

type Start = (options: EngineOptions) => Promise<Engine>;

/** Loaded only when asked for: each brings native libraries along. */
const starts = {
	onnxruntime: async options => (await import('./onnxruntime/engine.js')).onnxruntimeEngine(options),
	tfjs: async options => (await import('./tfjs/engine.js')).tfjsEngine(options),
} satisfies Record<EngineName, Start>;

/** `auto` is the first engine that works here: onnxruntime, else tfjs. */
export type EngineChoice = EngineName | 'auto';
export const engineChoices = ['auto', ...engineNames] as const;

/**
 * Starts an engine; close it after use.
 * @throws FplError `ENGINE_UNAVAILABLE` when it does not work on this machine, for `auto` when none does.
 */
export async function startEngine(choice: EngineChoice, options: EngineOptions): Promise<Engine> {
	if (choice !== 'auto') {
		return await starts[choice](options);
	}
	const reasons: string[] = [];
	for (const name of engineNames) {
		try {
			return await starts[name](options);
		} catch (error) {
			const failure = asFplError(error);
			if (failure.code === 'CONFIG_VALUE') {
				throw failure;
			}
			reasons.push(`${name}: ${failure.message}`);
		}
	}
	throw new FplError('ENGINE_UNAVAILABLE', {where: 'engine auto', problem: reasons.join(' · ')});
}

export type EngineReport =
	| {readonly name: EngineName; readonly available: true; readonly description: string}
	| {readonly name: EngineName; readonly available: false; readonly reason: string};

/** Starts and closes every engine in turn; never rejects. */
export async function probeEngines(options: EngineOptions = {threads: 1}): Promise<readonly EngineReport[]> {
	const reports: EngineReport[] = [];
	for (const name of engineNames) {
		try {
			const engine = await starts[name](options);
			reports.push({name, available: true, description: engine.description});
			await engine.close();
		} catch (error) {
			reports.push({name, available: false, reason: asFplError(error).message});
		}
	}
	return reports;
}
