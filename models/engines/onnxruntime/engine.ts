/**
 * The default engine: ONNX Runtime in one worker thread per engine. Trainers and predictors of an engine share the thread,
 * and so never compute at the same time; the runtime's own `threads` threads are shared out by the operators. Whoever
 * wants two models to compute at once makes two engines and gives each its part of the processor.
 */
import {FplError} from '../../../core/errors.js';
import type {Engine, EngineOptions} from '../engine.js';
import {Channel} from '../remote/channel.js';
import {remoteEngine} from '../remote/engine.js';

/** What the worker is given. */
export interface Setup {
	readonly threads: number;
	/** Without what depends on the processor and the runtime's version. */
	readonly plain: boolean;
}

export interface OnnxruntimeOptions extends EngineOptions {
	/**
	 * Does without blocked convolution kernels and with copied outputs, as on a processor that has no such kernels and under
	 * a runtime of another version. For tests and comparisons; false by default.
	 */
	readonly plain?: boolean;
}

/** More threads than any machine we meet has; asking for more is a mistake. */
const maxThreads = 1024;

/**
 * Starts the worker and loads the runtime.
 * @throws FplError `CONFIG_VALUE` for a number of threads that makes no sense; `ENGINE_UNAVAILABLE` when the native
 * library does not load here.
 */
export async function onnxruntimeEngine({threads, plain = false}: OnnxruntimeOptions): Promise<Engine> {
	if (!Number.isInteger(threads) || threads < 1 || threads > maxThreads) {
		throw new FplError('CONFIG_VALUE', {
			where: 'threads',
			expected: `a whole number from 1 to ${maxThreads}`,
			got: `${threads}`,
		});
	}
	const setup: Setup = {threads, plain};
	return await remoteEngine(new Channel('onnxruntime', new URL('./worker.js', import.meta.url), setup));
}
