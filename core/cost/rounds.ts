/**
 * How long a round of a data-parallel plan takes: weights down, computing, contribution up, one update at the parameter server.
 *
 *   T = max over devices(down + compute + up) + update
 */
import {freshSpending, type Spending} from './episode.js';
import type {CostDevice, CostFleet} from './fleet.js';
import type {ModelCosts} from './model-costs.js';
import {countdown, fetch, hand} from './step.js';
import type {Machine, PassTime} from './step-clock.js';
import {orderBytes, reportBytes, vectorBytes, vectorElements} from './traffic.js';
import {Wire} from './wire.js';

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

/**
 * Devices of a type do the same at the same time, unless they get in each other's way at the broker: one of each is played,
 * which tells of all.
 */
export function roundTimes(input: RoundInput): RoundTimes {
	const {fleet, work} = input;
	const {inBytesPerSecond, outBytesPerSecond} = fleet.broker;
	if (Math.min(inBytesPerSecond, outBytesPerSecond) < Number.POSITIVE_INFINITY) {
		return playRound(input);
	}
	const models: RoundWork[] = [];
	const modelOf = work.map(one => {
		const known = models.findIndex(model => isAlike(model, one));
		return known < 0 ? models.push(one) - 1 : known;
	});
	const {seconds, passes, devices} = playRound({...input, work: models});
	const byModel = models.map((model, index) => ({
		spent: devices.get(model.device.device)!,
		pass: passes.find(({replica}) => replica === index)!,
	}));
	return {
		seconds,
		passes: work.map(({device: {device}}, replica) => ({...byModel[modelOf[replica]!]!.pass, device, replica})),
		devices: new Map(work.map(({device: {device}}, replica) => [device, {...byModel[modelOf[replica]!]!.spent}])),
	};
}

function isAlike(a: RoundWork, b: RoundWork): boolean {
	const [first, second] = [a.device.profile.link, b.device.profile.link];
	return (
		a.device.times === b.device.times &&
		a.items === b.items &&
		a.localSteps === b.localSteps &&
		first.upBytesPerSecond === second.upBytesPerSecond &&
		first.downBytesPerSecond === second.downBytesPerSecond &&
		first.latencySeconds === second.latencySeconds
	);
}

function playRound({costs, fleet, work}: RoundInput): RoundTimes {
	const wire = new Wire(fleet);
	const {agenda} = wire;
	const last = costs.units.length - 1;
	const elements = vectorElements(costs, [0, last]);
	const bytes = vectorBytes(elements);
	const devices = new Map<string, Spending>();
	const passes: PassTime[] = [];
	let ended = 0;
	const done = countdown(2 * work.length, () => {
		ended = agenda.now;
	});
	for (const [replica, {device, items, localSteps}] of work.entries()) {
		const spent = freshSpending();
		const machine: Machine = {device, end: wire.endOf(device), spent, free: 0, uploads: []};
		const calls = Math.max(1, localSteps);
		spent.compute =
			calls * device.times.pass('learn', 0, last, items / calls) + localSteps * device.times.update(0, last);
		spent.items = items;
		devices.set(device.device, spent);
		let ordered = 0;
		let receiving = 0;
		const begin = countdown(2, () => {
			spent.receive = Math.min(receiving, agenda.now - ordered);
			const from = agenda.now;
			const to = from + spent.compute;
			passes.push({device: device.device, stage: 0, replica, kind: 'learn', micro: 0, from, to});
			agenda.at(to, () =>
				hand(wire, machine, bytes, {
					arrived: done,
					acknowledged: () => {
						spent.send = agenda.now - to;
						wire.message(machine.end, undefined, reportBytes, done);
					},
				}),
			);
		});
		wire.message(undefined, machine.end, orderBytes, () => {
			ordered = agenda.now;
			begin();
		});
		fetch(wire, machine, bytes, took => {
			receiving = took;
			begin();
		});
	}
	agenda.run();
	const {secondsPerElement, secondsPerStep} = fleet.broker;
	return {seconds: ended + secondsPerStep + elements * secondsPerElement, passes, devices};
}
