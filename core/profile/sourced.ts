/** A number together with where it comes from; tables of defaults are made of these. */
export type Sourced = readonly [value: number, source: string];

/** The mark of a number that nobody measured on the device itself: good enough to plan with, to be replaced by a probe. */
export const estimateMark = 'planning default, not measured';

export const estimate = (value: number, reasoning: string): Sourced => [value, `${reasoning}; ${estimateMark}`];
