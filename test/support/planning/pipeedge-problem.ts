/** Published profiles of boards as a planning problem: a pipeline of boards, the data dealt out. */
import {defaultBroker, defaultMessaging} from '../../../core/cost/fleet.js';
import {type ModelCosts, passCost} from '../../../core/cost/model-costs.js';
import {type PassTimes, prefixSums} from '../../../core/cost/pass-times.js';
import {libraryProfile} from '../../../core/profile/library.js';
import type {PipeEdge} from '../../../core/profile/pipeedge.js';
import type {Problem} from '../../../planners/problem.js';

/** The profiles are of forward passes; a backward pass is taken for twice as long (`passCost`). */
function timesOf(secondsPerLayer: readonly number[], batch: number): PassTimes {
	const sums = prefixSums(secondsPerLayer.map(seconds => seconds / batch));
	const pass: PassTimes['pass'] = (kind, first, last, items) =>
		passCost[kind] * items * (sums[last + 1]! - sums[first]!);
	return {pass, least: (kind, unit, items) => pass(kind, unit, unit, items), update: () => 0};
}

/** Layers as units, one board per stage, micro-batches of as many items as were measured. */
export function problemOfPipeEdge(
	{model, batch, bytesPerElement, types, devices}: PipeEdge,
	microBatches: number,
): Problem {
	const base = libraryProfile('mini-pc-n100');
	const {elementsOut} = model;
	const costs: ModelCosts = {
		name: model.name,
		maxCrossing: 1,
		units: model.memoryBytes.map((bytes, layer) => ({
			label: `layer${layer}`,
			work: {},
			// Measured bytes of a layer are its weights, nearly all of them.
			parameters: Math.round(bytes / 4),
			buffers: 0,
			stashBytes: elementsOut[layer]! * bytesPerElement,
		})),
		values: elementsOut.slice(0, -1).map((size, layer) => ({
			madeBy: layer,
			readBy: [layer + 1],
			shape: [size],
			bytesPerElement,
			differentiable: true,
		})),
		separable: elementsOut.slice(0, -1).map(() => true),
		inputBytes: model.elementsIn * bytesPerElement,
		outputBytes: elementsOut.at(-1)! * bytesPerElement,
		labelBytes: 1,
	};
	const kinds = new Map(
		types.map(type => {
			const {bandwidthBytesPerSecond, memoryBytes} = type;
			const link = {
				...base.link,
				upBytesPerSecond: bandwidthBytesPerSecond,
				downBytesPerSecond: bandwidthBytesPerSecond,
			};
			return [
				type.name,
				{profile: {...base, name: type.name, memoryBytes, link}, times: timesOf(type.secondsPerLayer, batch)},
			];
		}),
	);
	return {
		costs,
		fleet: {
			devices: devices.map(({id, type}) => ({
				device: id,
				...kinds.get(type)!,
				samples: undefined,
				utilisation: 1,
				pricePerSecond: 0,
				emulated: false,
			})),
			broker: defaultBroker,
			messaging: defaultMessaging,
		},
		training: {batch: batch * microBatches, epochs: 1, slots: 0, samples: batch * microBatches},
		data: {kind: 'dealt', rawData: 'may-move'},
		objective: {kind: 'one', measure: 'time'},
		constraints: {most: {}, exclude: new Set(), pinned: [], minimumReplicas: 1},
		space: {
			microBatches: [microBatches],
			schedules: ['1f1b'],
			codecs: [{kind: 'fp32'}],
			localEpochs: [0],
			mostStages: devices.length,
			mostReplicas: 1,
		},
	};
}
