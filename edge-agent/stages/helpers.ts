/** Small things that the work on a step needs: vectors as they travel, and tasks that stop together. */
import {FplError, isFplError} from '../../core/errors.js';

/** Parameters, then buffers: how weights and gradients travel to and from the parameter server. */
export function joined(parameters: Float32Array, buffers: Float32Array): Float32Array {
	const vector = new Float32Array(parameters.length + buffers.length);
	vector.set(parameters);
	vector.set(buffers, parameters.length);
	return vector;
}

/** @throws FplError `WIRE_INVALID` when there are not so many. */
export function floatsOf(bytes: Uint8Array, length: number, where: string): Float32Array {
	if (bytes.byteLength !== length * 4) {
		throw new FplError('WIRE_INVALID', {where, expected: `${length} elements`, got: `${bytes.byteLength} bytes`});
	}
	return new Float32Array(bytes.buffer, bytes.byteOffset, length);
}

/** All results, or the first failure (rather than an interruption that it caused) after all were told to stop and have. */
export async function allOrAbort<T>(abort: AbortController, tasks: readonly Promise<T>[]): Promise<T[]> {
	let failure: unknown;
	const settled = await Promise.all(
		tasks.map(task =>
			task.catch((error: unknown) => {
				failure = failure === undefined || isFplError(failure, 'INTERRUPTED') ? error : failure;
				abort.abort();
				return undefined;
			}),
		),
	);
	if (failure !== undefined) {
		throw failure;
	}
	return settled as T[];
}
