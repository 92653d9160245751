/** Gradients by tfjs' own tape, and what went wrong with them in our words. */
import {FplError} from '../../../core/errors.js';
import type {Tf, TfTensor} from './value.js';

/**
 * The gradients of a scalar with respect to variables and tensors; undefined where nothing leads from one to the scalar.
 * A function that throws is caught and its error thrown again afterwards: tfjs would leave what it saved for the way back.
 * Call inside `tidy`.
 * @throws FplError `MODEL_GRADIENT` when tfjs cannot differentiate an op on the way; what the function throws.
 */
export function differentiate(
	tf: Tf,
	model: string,
	scalar: () => TfTensor,
	sources: readonly TfTensor[],
): readonly (TfTensor | undefined)[] {
	if (sources.length === 0) {
		scalar();
		return [];
	}
	let failure: {readonly error: unknown} | undefined;
	try {
		const guarded = (): TfTensor => {
			try {
				return scalar();
			} catch (error) {
				failure = {error};
				return tf.scalar(0);
			}
		};
		const {grads} = tf.engine().gradients(guarded, [...sources], undefined, true);
		if (failure !== undefined) {
			throw failure.error;
		}
		return grads.map((gradient: TfTensor | null | undefined) => gradient ?? undefined);
	} catch (error) {
		const kernel = error instanceof Error && /gradient function not found for (\w+)/u.exec(error.message)?.[1];
		if (error instanceof FplError) {
			throw error;
		}
		throw kernel
			? new FplError('MODEL_GRADIENT', {where: `«${model}»`, problem: `tfjs has no gradient for ${kernel}`})
			: new FplError('ENGINE_FAILED', {where: `«${model}»`, problem: String(error)}, {cause: error});
	}
}
