/**
 * How long a round of a data-parallel plan takes: weights down, computing, contribution up, one update at the parameter server.
 *
 *   T = max over devices(down + compute + up) + update
 */
import type {CostDevice, CostFleet} from './fleet.js';
import {endOf, hubOf, transfer} from './lines.js';
import type {ModelCosts} from './model-costs.js';
import type {PassTime, Spending} from './step-clock.js';
import {freshSpending} from './step-clock.js';
import {onTheWire, vectorBytes, vectorElements} from './traffic.js';

export interface RoundInput {
	readonly costs: ModelCosts;
	readonly fleet: CostFleet;
	/** What each device does in a round. */
	readonly work: readonly RoundWork[];
}

export interface RoundWork {
	readonly device: CostDevice;
	/** Items of all its batches together. */
	readonly items: number;
	/** Batches that it trains on; 0: it computes one gradient and updates nothing. */
	readonly localSteps: number;
}

export interface RoundTimes {
	readonly seconds: number;
	readonly passes: readonly PassTime[];
	readonly devices: ReadonlyMap<string, Spending>;
}

export function roundTimes({costs, fleet, work}: RoundInput): RoundTimes {
	const hub = hubOf(fleet);
	const last = costs.units.length - 1;
	const elements = vectorElements(costs, [0, last]);
	const {there, back} = onTheWire(vectorBytes(elements), fleet.messaging.chunkBytes);
	const ends = work.map(({device}) => endOf(device));
	const devices = new Map<string, Spending>();
	const passes: PassTime[] = [];
	// All weights come down before the first contribution goes up: the broker's own link carries them in this order.
	const arrivals = ends.map(end => transfer(hub, undefined, end, there, 0).arrived);
	let done = 0;
	for (const [index, {device, items, localSteps}] of work.entries()) {
		const end = ends[index]!;
		const arrived = arrivals[index]!;
		const calls = Math.max(1, localSteps);
		const compute =
			calls * device.times.pass('learn', 0, last, items / calls) + localSteps * device.times.update(0, last);
		const from = arrived;
		const to = from + compute;
		const {arrived: delivered, acknowledged} = transfer(hub, end, undefined, there, to);
		const told = Math.max(delivered, acknowledged + end.latencySeconds + fleet.messaging.secondsPerMessage);
		done = Math.max(done, told);
		passes.push({device: device.device, stage: 0, replica: index, kind: 'learn', micro: 0, from, to});
		devices.set(device.device, {
			...freshSpending(),
			compute,
			receive: arrived,
			send: acknowledged - to,
			bytesSent: there + back,
			bytesReceived: there + back,
			bytesFromServer: there + back,
			items,
		});
	}
	const {secondsPerElement, secondsPerStep} = fleet.broker;
	return {seconds: done + secondsPerStep + elements * secondsPerElement, passes, devices};
}
