/**
 * What is told of a plan that is shown, besides what plans are compared by: worked out for it alone, not for every plan that is
 * looked at. Pure.
 */
import {calendarOf} from '../core/cost/calendar.js';
import {type Evaluation, samplesOf} from '../core/cost/evaluate.js';
import {devicesByName} from '../core/cost/fleet.js';
import type {PartMemory} from '../core/cost/memory.js';
import {giftsOf, onTheWire, parcelsOf} from '../core/cost/traffic.js';
import {activeIn, divisionsOf, type PartId} from '../core/plan/routing.js';
import {coordinatorId} from '../core/wire/topics.js';
import type {Problem} from './problem.js';

/** Of one step, seconds. */
export interface FillAndDrain {
	/** The stage with the part that computes for longest. */
	readonly stage: number;
	/** Until its first pass begins. */
	readonly fillSeconds: number;
	/** From the end of its last pass until the step is over. */
	readonly drainSeconds: number;
}

/** Bytes that a device's parts take together. */
export type DeviceMemory = Pick<PartMemory, 'device' | Exclude<keyof PartMemory, keyof PartId>>;

/**
 * Bytes of the whole run from one end to another, over the sender's link up and the receiver's link down. The coordinator is beside
 * the broker and has no link of its own.
 */
export interface LinkBytes {
	readonly from: string;
	readonly to: string;
	readonly bytes: number;
}

export interface Breakdown {
	/** Mean of the run's epochs. */
	readonly epochSeconds: number;
	/** Of plans with several stages. */
	readonly pipeline?: FillAndDrain;
	readonly memory: readonly DeviceMemory[];
	readonly links: readonly LinkBytes[];
}

function fillAndDrain({passes, stepSeconds}: Evaluation): FillAndDrain {
	const busy = new Map<string, {readonly stage: number; readonly seconds: number}>();
	for (const {stage, replica, from, to} of passes) {
		const key = `${stage} ${replica}`;
		busy.set(key, {stage, seconds: (busy.get(key)?.seconds ?? 0) + to - from});
	}
	const {stage} = [...busy.values()].reduce((most, one) => (one.seconds > most.seconds ? one : most));
	const own = passes.filter(pass => pass.stage === stage);
	return {
		stage,
		fillSeconds: Math.min(...own.map(({from}) => from)),
		drainSeconds: stepSeconds - Math.max(...own.map(({to}) => to)),
	};
}

function memoryOf(parts: readonly PartMemory[]): readonly DeviceMemory[] {
	const devices = new Map<string, DeviceMemory>();
	for (const {stage, replica, ...part} of parts) {
		const known = devices.get(part.device);
		devices.set(part.device, {
			device: part.device,
			weights: part.weights + (known?.weights ?? 0),
			gradient: part.gradient + (known?.gradient ?? 0),
			slots: part.slots + (known?.slots ?? 0),
			activations: part.activations + (known?.activations ?? 0),
			boundary: part.boundary + (known?.boundary ?? 0),
			total: part.total + (known?.total ?? 0),
		});
	}
	return [...devices.values()];
}

/** Between devices what stages send each other, with its answers; all else goes to the coordinator or comes from it. */
function linksOf({costs, fleet, training}: Problem, {plan, devices}: Evaluation): readonly LinkBytes[] {
	const bytes = new Map(devices.map(({device}) => [device, new Map<string, number>()]));
	const add = (from: string, to: string, more: number) =>
		bytes.get(from)!.set(to, (bytes.get(from)!.get(to) ?? 0) + more);
	const send = (from: string, to: string, size: number, times: number) => {
		if (size > 0 && from !== to) {
			const {there, back} = onTheWire(size, fleet.messaging.chunkBytes);
			add(from, to, times * there);
			add(to, from, times * back);
		}
	};
	const nameOf = ({stage, replica}: PartId) => plan.stages[stage]!.replicas[replica]!.device;
	const gifts = giftsOf(plan, costs);
	const {turns} = calendarOf(plan, training, samplesOf(plan, devicesByName(fleet), training.samples));
	for (const {turn, steps} of turns) {
		const divisions = divisionsOf(plan, activeIn(plan, turn), training.batch);
		const parcels = parcelsOf(plan, costs, gifts, divisions);
		for (const division of divisions) {
			for (const {from, to, forwardBytes, backwardBytes} of parcels.get(division)!) {
				send(nameOf(from), nameOf(to), forwardBytes, steps);
				send(nameOf(to), nameOf(from), backwardBytes, steps);
			}
		}
	}
	return devices.flatMap(({device, bytesSent, bytesReceived}): LinkBytes[] => {
		const sent = [...bytes.get(device)!].map(([to, own]): LinkBytes => ({from: device, to, bytes: own}));
		const received = [...bytes.values()].reduce((sum, to) => sum + (to.get(device) ?? 0), 0);
		const up = bytesSent - sent.reduce((sum, link) => sum + link.bytes, 0);
		const down = bytesReceived - received;
		// Less than a byte is what the order of summing leaves.
		return [
			...sent,
			...(up >= 1 ? [{from: device, to: coordinatorId, bytes: up}] : []),
			...(down >= 1 ? [{from: coordinatorId, to: device, bytes: down}] : []),
		];
	});
}

export function breakdownOf(problem: Problem, evaluation: Evaluation): Breakdown {
	return {
		epochSeconds: evaluation.seconds / problem.training.epochs,
		...(evaluation.plan.stages.length > 1 && {pipeline: fillAndDrain(evaluation)}),
		memory: memoryOf(evaluation.memory),
		links: linksOf(problem, evaluation),
	};
}
