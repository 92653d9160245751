/**
 * How long one step of a plan with stages takes. Every pass begins when its inputs are there and its device is free; every
 * message goes over the sender's and then the receiver's link, each of which carries one thing at a time:
 *
 *   begin(p) = max(inputs arrived, device free, at most two messages under way to the same replica)
 *   end(p)   = begin(p) + time of the pass
 *
 * evaluated in the order of the beginnings. The step ends when the coordinator has every report and every gradient, has taken
 * their mean and answers; the next begins with the update.
 */
import type {CostDevice} from './fleet.js';
import {endOf, hubOf, transfer} from './lines.js';
import {
	freshSpending,
	type Machine,
	type PassTime,
	type Spending,
	StepClock,
	type StepInput,
	sharing,
} from './step-clock.js';
import {onTheWire, rangesOfPlan, vectorBytes, vectorElements} from './traffic.js';

export interface StepTimes {
	/** From one beginning to the next. */
	readonly seconds: number;
	readonly passes: readonly PassTime[];
	readonly devices: ReadonlyMap<string, Spending>;
}

/** @param devices of the plan, by name. */
export function stepTimes(input: StepInput, devices: ReadonlyMap<string, CostDevice>): StepTimes {
	const {plan, costs, fleet, active} = input;
	const hub = hubOf(fleet);
	const {secondsPerMessage, chunkBytes} = fleet.messaging;
	const machines = new Map<string, Machine>();
	for (const device of plan.stages.flatMap(({replicas}) => replicas.map(one => one.device))) {
		const known = devices.get(device)!;
		machines.set(device, machines.get(device) ?? {device: known, end: endOf(known), spent: freshSpending(), free: 0});
	}
	const ranges = rangesOfPlan(plan, costs.units.length);
	const sharers = sharing(input);
	// Orders, and the means of the step before, come down; then the weights are updated.
	const begins = new Map([...machines].map(([name, {end}]) => [name, end.latencySeconds + secondsPerMessage]));
	for (const [stage, {replicas}] of plan.stages.entries()) {
		const [first, last] = ranges[stage]!;
		const shared = sharers.includes(stage);
		const {there, back} = onTheWire(vectorBytes(vectorElements(costs, ranges[stage]!)), chunkBytes);
		for (const replica of active[stage]!) {
			const machine = machines.get(replicas[replica]!.device)!;
			const {device} = machine.device;
			const seconds = machine.device.times.update(first, last);
			let ready = begins.get(device)!;
			if (shared) {
				const delivery = transfer(hub, undefined, machine.end, there, 0);
				machine.spent.receive += Math.max(0, delivery.arrived - ready);
				ready = Math.max(ready, delivery.arrived);
				machine.spent.bytesReceived += there;
				machine.spent.bytesFromServer += there;
				machine.spent.bytesSent += back;
			}
			machine.spent.compute += seconds;
			begins.set(device, ready + seconds);
		}
	}
	const clock = new StepClock(input, machines, hub);
	const seconds = clock.run(device => begins.get(device)!);
	return {
		seconds,
		passes: clock.passes,
		devices: new Map([...machines].map(([name, {spent}]) => [name, spent])),
	};
}
