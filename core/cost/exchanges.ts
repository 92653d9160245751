/** What lies between steps: replicas that train by themselves meet now and then, and clients in turn hand over their weights. */
import type {Episode} from './episode.js';
import type {CostDevice} from './fleet.js';
import {commit, countdown, hand, machinesOf} from './step.js';
import type {Machine, StepInput} from './step-clock.js';
import {Wire} from './wire.js';

/** What a device sends to the coordinator. */
export interface Gift {
	readonly device: string;
	readonly bytes: number;
}

/**
 * Weights go up: after the update of the step that is over, from each giver, and then the coordinator takes their mean.
 * @param elements of the mean; 0: weights are handed on as they are.
 */
export function collect(
	input: StepInput,
	devices: ReadonlyMap<string, CostDevice>,
	gifts: readonly Gift[],
	elements: number,
): Omit<Episode, 'times'> {
	const {broker} = input.fleet;
	const wire = new Wire(input.fleet);
	const {agenda} = wire;
	const machines = machinesOf(input, devices, wire);
	let collected = 0;
	const come = countdown(gifts.length, () => {
		collected = agenda.now;
	});
	commit(input, wire, machines, (machine: Machine) => {
		const own = gifts.filter(({device}) => device === machine.device.device);
		const next = () => {
			const gift = own.shift();
			if (gift) {
				const since = agenda.now;
				const acknowledged = () => {
					machine.spent.send += agenda.now - since;
					next();
				};
				hand(wire, machine, gift.bytes, {arrived: come, acknowledged});
			}
		};
		next();
	});
	agenda.run();
	return {
		seconds: collected + broker.secondsPerStep + elements * broker.secondsPerElement,
		devices: new Map([...machines].map(([name, {spent}]) => [name, spent])),
		passes: [],
	};
}
