import type {EvaluateInput} from '../../core/cost/evaluate.js';
import type {Random} from '../../core/random.js';
import type {Jitter} from './noise.js';

/** What is simulated: the same as what `evaluate` predicts. */
export interface SimulationInput extends EvaluateInput {
	/** Most steps that are played; alike ones are counted instead of played again. Default: all. */
	readonly mostSteps?: number | undefined;
	/** Default: none, everything takes as long as predicted. */
	readonly jitter?: Jitter | undefined;
	/** Needed for jitter. */
	readonly random?: Random | undefined;
}
