/** Split learning and its descendants: clients compute the first units on their own samples, a server the others. */
import type {Plan, Stage, Synchronisation} from '../plan.js';
import {
	everyEpochs,
	everyStep,
	localEpochsText,
	type Pipeline,
	type Placement,
	planOf,
	rangesOf,
	replicas,
} from './parts.js';

function split(
	placement: Placement,
	scheme: string,
	clients: {readonly turns: Stage['turns']; readonly synchronisation: Synchronisation},
	pipeline?: Pipeline,
): Plan {
	const [first, second] = rangesOf(placement, 2);
	return planOf(placement, {
		scheme,
		stages: [
			{units: first!, replicas: replicas(placement.sources), ...clients},
			{units: second!, replicas: replicas(placement.trunk)},
		],
		synchronisation: everyStep,
		pipeline,
	});
}

/**
 * Split learning (Gupta and Raskar 2018): one client after the other trains with the server for `localEpochs` passes over
 * its data, then hands its weights to the next. Clients never compute at the same time.
 * @param placement one cut, one trunk device.
 */
export const splitLearning = (placement: Placement, localEpochs: number): Plan =>
	split(placement, `split learning, ${localEpochsText(localEpochs)}`, {
		turns: 'in-turn',
		synchronisation: everyEpochs(localEpochs),
	});

/**
 * SplitFed (Thapa et al. 2022), in its form with one server model: all clients work at once, their samples are stacked at
 * the server, and the mean of the clients' weights is taken after every `localEpochs` passes.
 */
export const splitFed = (placement: Placement, localEpochs: number, pipeline: Pipeline): Plan =>
	split(
		placement,
		`SplitFed, ${localEpochsText(localEpochs)}`,
		{turns: 'together', synchronisation: everyEpochs(localEpochs)},
		pipeline,
	);

/** Parallel split learning: as SplitFed, with the clients' mean gradient at every step, so that they stay one model. */
export const parallelSplit = (placement: Placement, pipeline: Pipeline): Plan =>
	split(placement, 'parallel split learning', {turns: 'together', synchronisation: everyStep}, pipeline);
