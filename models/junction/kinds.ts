/**
 * How the outputs of N branches that saw the same item become one tensor (the junction layer of Malandrino, Chiasserini 2022,
 * «Flexible Parallel Learning in Edge Scenarios»; the paper's exact form is not public, these forms are our reading of it).
 */
import type {junctionKinds} from '../../core/plan/plan.js';

/**
 * - mean: Σ aₙ / N, without weights of its own.
 * - sum: Σ aₙ; max: the largest, element by element.
 * - scalar: Σ wₙ aₙ, one number per branch.
 * - per-unit: Σ wₙ ⊙ aₙ, a number per unit of the activation and branch.
 * - conv1x1: Σ Wₙ ∗ aₙ with Wₙ of [C, C, 1, 1], for activations [N, C, L] or [N, C, H, W].
 * - dense: Σ aₙ Wₙ with Wₙ of [A, A] on the flattened activation of A elements.
 * - concat: put together along the channels; the linear layer that follows gets N times the inputs.
 * All weights begin so that the junction computes the mean (sum and max have none).
 */
export type JunctionKind = (typeof junctionKinds)[number];

/** Elements of an activation above which «dense» is refused: its matrices would take more than 16 MiB per branch. */
export const maxDenseElements = 2048;

/** What belongs to one branch is named after it: `conv1.weight@cam-1`, `input@cam-1`. */
export const ofBranch = (name: string, branch: string): string => `${name}@${branch}`;
