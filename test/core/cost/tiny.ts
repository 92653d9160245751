/** Models and fleets of which everything can be computed by hand. */
import type {TrainingCosts} from '../../../core/cost/episode.js';
import type {CostBroker, CostDevice, CostFleet} from '../../../core/cost/fleet.js';
import {floatBytes, type ModelCosts} from '../../../core/cost/model-costs.js';
import {type Plan, type PlanDocument, planSchema} from '../../../core/plan/plan.js';
import {libraryProfile} from '../../../core/profile/library.js';
import type {LinkProfile} from '../../../core/profile/profile.js';

/** Float32 elements of each unit, and of what it makes of an item. */
export const parameters = 1000;
export const elements = 250;

/** A chain of units; each makes a vector that only the next one reads. */
export function tinyModel(units: number): ModelCosts {
	const all = Array.from({length: units}, (_, index) => index);
	return {
		name: 'tiny',
		maxCrossing: 1,
		units: all.map(index => ({label: `unit ${index}`, work: {}, parameters, buffers: 0, stashBytes: 0})),
		values: all.slice(0, -1).map(index => ({
			madeBy: index,
			readBy: [index + 1],
			shape: [elements],
			bytesPerElement: floatBytes,
			differentiable: true,
		})),
		separable: all.slice(0, -1).map(() => true),
		inputBytes: 100,
		outputBytes: 40,
		labelBytes: 1,
	};
}

export const pi = libraryProfile('raspberry-pi-4b', 'test');

/** Seconds of a forward pass through one unit for one item; a backward pass takes twice as long. */
export interface TinyDevice {
	readonly device: string;
	readonly seconds: number;
	readonly link: Pick<LinkProfile, 'upBytesPerSecond' | 'downBytesPerSecond' | 'latencySeconds'>;
}

/** Seconds that the update of one unit takes. */
export const updateSeconds = 0.001;

export const tinyDevice = ({device, seconds, link}: TinyDevice): CostDevice => ({
	device,
	profile: {...pi, link: {...pi.link, ...link}},
	times: {
		pass: (kind, first, last, items) =>
			(last - first + 1) * items * seconds * {forward: 1, backward: 2, learn: 3}[kind],
		least: (kind, _, items) => items * seconds * {forward: 1, backward: 2, learn: 3}[kind],
		update: (first, last) => (last - first + 1) * updateSeconds,
	},
	samples: undefined,
	utilisation: 1,
	pricePerSecond: 0,
	emulated: false,
});

export const messageSeconds = 0.002;
export const stepSeconds = 0.003;
export const secondsPerElement = 1e-6;

/** Every tensor fits into one chunk. */
export const tinyFleet = (devices: readonly TinyDevice[], broker: Partial<CostBroker> = {}): CostFleet => ({
	devices: devices.map(tinyDevice),
	broker: {
		inBytesPerSecond: Number.POSITIVE_INFINITY,
		outBytesPerSecond: Number.POSITIVE_INFINITY,
		secondsPerElement,
		secondsPerStep: stepSeconds,
		...broker,
	},
	messaging: {chunkBytes: 1e6, secondsPerMessage: messageSeconds},
});

/** Labels stay where they are: nothing but activations and gradients travels between stages. */
export const tinyPlan = (document: Omit<PlanDocument, 'version' | 'scheme' | 'model'>): Plan =>
	planSchema.parse({version: 1, scheme: 'tiny', model: 'tiny', labels: 'at-last-stage', ...document});

export const everyStep = {exchange: 'gradients', every: {kind: 'step'}} as const;

/** So many steps of an epoch, in one epoch, without vectors of the optimiser. */
export const training = (steps: number, batch: number): TrainingCosts => ({
	batch,
	epochs: 1,
	slots: 0,
	samples: steps * batch,
});
