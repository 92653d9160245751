/** The schemes that a job can ask for by name: one closed table from name to builder. */
import {modelSplit, pipeline} from './builders/chain.js';
import {centralised, dSgd, fedAvg} from './builders/data-parallel.js';
import {fplAligned, fplStacked} from './builders/fpl.js';
import type {Placement} from './builders/parts.js';
import {parallelSplit, splitFed, splitLearning} from './builders/split.js';
import {uShaped} from './builders/u-shaped.js';
import type {Plan} from './plan.js';
import {type Scheme, type SchemeKind, schemeOptions} from './scheme-options.js';

export interface SchemeEntry<K extends SchemeKind> {
	readonly description: string;
	/** The zod schema of its options. */
	readonly options: (typeof schemeOptions)[K];
	/**
	 * Who computes. sources: all devices own data and have the whole model. one: a single device. chain: the first device owns
	 * the data, each further one has a stage. trunk: sources, and other devices for the rest.
	 */
	readonly roles: 'sources' | 'one' | 'chain' | 'trunk';
	/** How the model is cut: not, once, in a stage per device, or in a middle and two ends. */
	readonly cutting: 'none' | 'once' | 'balanced' | 'branch' | 'middle';
	/** Fewer devices cannot do it. */
	readonly leastDevices: number;
	readonly build: (options: Scheme<K>, placement: Placement) => Plan;
}

type Schemes = {readonly [K in SchemeKind]: SchemeEntry<K>};

export const schemes: Schemes = {
	'd-sgd': {
		description: 'data-parallel SGD: gradients of the whole model at every step',
		options: schemeOptions['d-sgd'],
		roles: 'sources',
		cutting: 'none',
		leastDevices: 1,
		build: (_, {model, sources}) => dSgd(model, sources),
	},
	fedavg: {
		description: 'federated averaging: weights of the whole model after local epochs',
		options: schemeOptions.fedavg,
		roles: 'sources',
		cutting: 'none',
		leastDevices: 1,
		build: ({localEpochs}, {model, sources}) => fedAvg(model, sources, localEpochs),
	},
	centralised: {
		description: 'all data and the whole model on one device',
		options: schemeOptions.centralised,
		roles: 'one',
		cutting: 'none',
		leastDevices: 1,
		build: (_, {model, sources}) => centralised(model, sources[0]!),
	},
	'model-split': {
		description: 'one model over several devices, one batch at a time (D-SGD in the FPL paper)',
		options: schemeOptions['model-split'],
		roles: 'chain',
		cutting: 'balanced',
		leastDevices: 2,
		build: (_, placement) => modelSplit(placement),
	},
	pipeline: {
		description: 'one model over several devices, micro-batches overlap',
		options: schemeOptions.pipeline,
		roles: 'chain',
		cutting: 'balanced',
		leastDevices: 2,
		build: (options, placement) => pipeline(placement, options),
	},
	'split-learning': {
		description: 'clients in turn, each hands its weights to the next',
		options: schemeOptions['split-learning'],
		roles: 'trunk',
		cutting: 'once',
		leastDevices: 2,
		build: ({localEpochs}, placement) => splitLearning(placement, localEpochs),
	},
	'split-fed': {
		description: 'clients at once, the mean of their weights after local epochs',
		options: schemeOptions['split-fed'],
		roles: 'trunk',
		cutting: 'once',
		leastDevices: 2,
		build: (options, placement) => splitFed(placement, options.localEpochs, options),
	},
	'parallel-split': {
		description: 'clients at once, their mean gradient at every step',
		options: schemeOptions['parallel-split'],
		roles: 'trunk',
		cutting: 'once',
		leastDevices: 2,
		build: (options, placement) => parallelSplit(placement, options),
	},
	'fpl-aligned': {
		description: 'sources see the same items, a junction merges their branches',
		options: schemeOptions['fpl-aligned'],
		roles: 'trunk',
		cutting: 'branch',
		leastDevices: 3,
		build: (options, placement) => fplAligned(placement, options.junction, options),
	},
	'fpl-stacked': {
		description: 'sources own different samples, stacked at the trunk',
		options: schemeOptions['fpl-stacked'],
		roles: 'trunk',
		cutting: 'branch',
		leastDevices: 2,
		build: (options, placement) => fplStacked(placement, options.branches, options),
	},
	'u-shaped': {
		description: 'first and last units on the sources: neither data nor labels leave them',
		options: schemeOptions['u-shaped'],
		roles: 'trunk',
		cutting: 'middle',
		leastDevices: 2,
		build: (options, placement) => uShaped(placement, options),
	},
};

/**
 * The plan of a scheme.
 * @throws FplError `PLAN_INVALID` when the cuts do not fit.
 */
export function buildPlan<K extends SchemeKind>(kind: K, options: Scheme<K>, placement: Placement): Plan {
	const {build}: SchemeEntry<K> = schemes[kind];
	return build(options, placement);
}
