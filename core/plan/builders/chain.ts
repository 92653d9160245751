/** One model over a chain of devices: the first owns the data, each computes a stage. */
import type {Plan} from '../plan.js';
import {everyStep, type Pipeline, type Placement, planOf, rangesOf, replicas} from './parts.js';

function chain(placement: Placement, scheme: string, pipeline: Pipeline): Plan {
	const devices = [...placement.sources, ...placement.trunk];
	return planOf(placement, {
		scheme,
		stages: rangesOf(placement, devices.length).map((units, index) => ({units, replicas: replicas([devices[index]!])})),
		synchronisation: everyStep,
		pipeline,
	});
}

/**
 * «D-SGD» as the FPL paper means it (Malandrino and Chiasserini 2022): one model split among several nodes. A batch goes
 * through them as a whole, so that only one of them computes at a time.
 * @param placement one source, and a trunk device for each further stage.
 */
export const modelSplit = (placement: Placement): Plan =>
	chain(placement, `model-split D-SGD, ${placement.trunk.length + 1} stages`, {microBatches: 1, schedule: '1f1b'});

/** As `modelSplit`, with the batch in micro-batches, so that all devices compute at once (GPipe, PipeDream-flush). */
export const pipeline = (placement: Placement, {microBatches, schedule}: Pipeline): Plan =>
	chain(placement, `pipeline, ${placement.trunk.length + 1} stages, ${microBatches} micro-batches`, {
		microBatches,
		schedule,
	});
