/** Published profiles of boards (`core/profile/pipeedge`) as a planning problem: pipelines of single boards, the data dealt out. */
import {defaultBroker, defaultMessaging} from '../core/cost/fleet.js';
import {type ModelCosts, type PassKind, passCost} from '../core/cost/model-costs.js';
import {type PassTimes, prefixSums} from '../core/cost/pass-times.js';
import {libraryProfile} from '../core/profile/library.js';
import type {PipeEdge} from '../core/profile/pipeedge.js';
import type {DeviceProfile} from '../core/profile/profile.js';
import type {Constraints, Objective, Problem} from './problem.js';

/** Inference: forward passes alone. Training: the files know forward passes only, a backward one is taken for twice as long. */
export type PipeEdgePasses = 'inference' | 'training';

const forwardOnly = {forward: 1, backward: 0, learn: 1} as const satisfies Record<PassKind, number>;

function timesOf(secondsPerLayer: readonly number[], batch: number, passes: PipeEdgePasses): PassTimes {
	const sums = prefixSums(secondsPerLayer.map(seconds => seconds / batch));
	const costs = passes === 'inference' ? forwardOnly : passCost;
	const pass: PassTimes['pass'] = (kind, first, last, items) => costs[kind] * items * (sums[last + 1]! - sums[first]!);
	return {pass, least: (kind, unit, items) => pass(kind, unit, unit, items), update: () => 0};
}

/** Layers as units. What is measured of a layer's memory is its weights, nearly all of it. */
function costsOf({model, bytesPerElement}: PipeEdge, passes: PipeEdgePasses): ModelCosts {
	const {elementsOut} = model;
	const training = passes === 'training';
	return {
		name: model.name,
		maxCrossing: 1,
		units: model.memoryBytes.map((bytes, layer) => ({
			label: `layer${layer}`,
			work: {},
			parameters: training ? Math.round(bytes / 4) : 0,
			buffers: 0,
			stashBytes: training ? elementsOut[layer]! * bytesPerElement : 0,
			...(training ? {} : {frozenBytes: bytes}),
		})),
		values: elementsOut.slice(0, -1).map((size, layer) => ({
			madeBy: layer,
			readBy: [layer + 1],
			shape: [size],
			bytesPerElement,
			differentiable: training,
		})),
		separable: elementsOut.slice(0, -1).map(() => true),
		inputBytes: model.elementsIn * bytesPerElement,
		outputBytes: elementsOut.at(-1)! * bytesPerElement,
		labelBytes: 1,
	};
}

/** A board, as far as the files tell of it. */
export interface PipeEdgeBoard {
	readonly device: string;
	readonly profile: DeviceProfile;
}

/** What the files do not tell of a board: the way through one switch, and what coding of messages takes. */
const usual = libraryProfile('mini-pc-n100');

/**
 * The boards in the order of the file. Power is not known to it, so that none is drawn.
 * @param latencySeconds one way to the broker; not known to the files either.
 */
export function boardsOf(
	{types, devices}: PipeEdge,
	latencySeconds = usual.link.latencySeconds,
): readonly PipeEdgeBoard[] {
	const profiles = new Map(
		types.map(({name, bandwidthBytesPerSecond, memoryBytes}): [string, DeviceProfile] => [
			name,
			{
				...usual,
				name,
				memoryBytes,
				idleWatts: 0,
				busyWatts: 0,
				link: {
					upBytesPerSecond: bandwidthBytesPerSecond,
					downBytesPerSecond: bandwidthBytesPerSecond,
					latencySeconds,
					medium: 'ethernet',
					joulesPerByteUp: 0,
					joulesPerByteDown: 0,
					activeWatts: 0,
				},
				origin: 'declared',
			},
		]),
	);
	return devices.map(({id, type}) => ({device: id, profile: profiles.get(type)!}));
}

/** More stages than that are no use on any model that was measured, and take long to look through. */
const mostStages = 64;

export interface PipeEdgeWish {
	readonly passes: PipeEdgePasses;
	/** Micro-batches that go through the pipeline, each of as many items as were measured. */
	readonly microBatches: number;
	readonly objective?: Objective;
	readonly most?: Constraints['most'];
}

/** @param boards those that may take part; their ids are those of the profile. */
export function problemOfPipeEdge(
	profile: PipeEdge,
	{passes, microBatches, objective = {kind: 'one', measure: 'time'}, most = {}}: PipeEdgeWish,
	boards: readonly PipeEdgeBoard[] = boardsOf(profile),
): Problem {
	const {batch, types, devices} = profile;
	const times = new Map(types.map(type => [type.name, timesOf(type.secondsPerLayer, batch, passes)]));
	const typeOf = new Map(devices.map(({id, type}) => [id, type]));
	const items = batch * microBatches;
	return {
		costs: costsOf(profile, passes),
		fleet: {
			devices: boards.map(board => ({
				...board,
				times: times.get(typeOf.get(board.device)!)!,
				samples: undefined,
				utilisation: 1,
				pricePerSecond: 0,
				emulated: false,
			})),
			broker: defaultBroker,
			messaging: defaultMessaging,
		},
		training: {batch: items, epochs: 1, slots: 0, samples: items},
		data: {kind: 'dealt', rawData: 'may-move'},
		objective,
		constraints: {most, exclude: new Set(), pinned: [], minimumReplicas: 1},
		space: {
			microBatches: [microBatches],
			schedules: ['1f1b'],
			codecs: [{kind: 'fp32'}],
			localEpochs: [0],
			mostStages: Math.min(boards.length, mostStages),
			mostReplicas: 1,
		},
	};
}
