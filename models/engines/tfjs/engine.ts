/**
 * The second engine: tfjs in a worker thread. It executes the forward graph by tfjs ops and differentiates by tfjs' own
 * tape, so it owes nothing to our gradient rules and checks them.
 */
import {FplError} from '../../../core/errors.js';
import type {Engine, EngineOptions} from '../engine.js';
import {Channel} from '../remote/channel.js';
import {remoteEngine} from '../remote/engine.js';
import {type BackendName, tuneNative} from './backend.js';

/** What the worker is given. */
export interface Setup {
	readonly threads: number;
	/** Only this backend; undefined: the best that works. */
	readonly backend: BackendName | undefined;
}

export interface TfjsOptions extends EngineOptions {
	/** Only this backend; by default the best that works here. */
	readonly backend?: BackendName;
}

/** More threads than any machine we meet has; asking for more is a mistake. */
const maxThreads = 1024;

/**
 * Starts the worker and its backend. `threads` is heeded by libtensorflow; the other backends compute on one thread.
 * @throws FplError `CONFIG_VALUE` for a number of threads that makes no sense; `ENGINE_UNAVAILABLE` with the reasons when
 * no backend works.
 */
export async function tfjsEngine({threads, backend}: TfjsOptions): Promise<Engine> {
	if (!Number.isInteger(threads) || threads < 1 || threads > maxThreads) {
		throw new FplError('CONFIG_VALUE', {
			where: 'threads',
			expected: `a whole number from 1 to ${maxThreads}`,
			got: `${threads}`,
		});
	}
	tuneNative(threads);
	const setup: Setup = {threads, backend};
	return await remoteEngine(new Channel('tfjs', new URL('./worker.js', import.meta.url), setup));
}
