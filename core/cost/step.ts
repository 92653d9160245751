/**
 * How long one step of a plan with stages takes. Every pass begins when its inputs are there and its device is free; every
 * message goes over the sender's and then the receiver's link, each of which carries one thing after the other:
 *
 *   begin(p) = max(inputs arrived, device free, at most two messages under way to the same replica)
 *   end(p)   = begin(p) + time of the pass
 *
 * evaluated in the order of time. The step begins with the orders, the mean of the gradients of the step before, and the
 * update. It ends when the coordinator has every report and every gradient, and has taken their mean.
 */
import {groupsOf} from '../plan/groups.js';
import {freshSpending, type Spending, type Upload} from './episode.js';
import type {CostDevice} from './fleet.js';
import {type Machine, type PassTime, StepClock, type StepInput} from './step-clock.js';
import {answerBytes, onTheWire, orderBytes, rangesOfPlan, reportBytes, vectorBytes, vectorElements} from './traffic.js';
import {type TransferEvents, Wire} from './wire.js';

export interface StepTimes {
	/** From one beginning to the next. */
	readonly seconds: number;
	readonly passes: readonly PassTime[];
	readonly devices: ReadonlyMap<string, Spending>;
	/** By device: when its weights were right, and what it sent from then on. */
	readonly sending: ReadonlyMap<string, {readonly from: number; readonly uploads: readonly Upload[]}>;
	/** What senders have learnt by its end. */
	readonly wire: Wire;
}

/** Weights that a device takes from the coordinator before it begins, instead of an update. */
export interface Load {
	readonly device: string;
	readonly bytes: number;
}

/** Stages whose working replicas exchange gradients at every step. */
function sharing({plan, active}: Pick<StepInput, 'plan' | 'active'>): readonly number[] {
	return groupsOf(plan)
		.filter(
			({kind, stage, replicas}) => kind === 'step' && replicas.filter(one => active[stage]!.includes(one)).length > 1,
		)
		.map(({stage}) => stage);
}

/** The devices that work in a step, or that something is sent to. */
export function machinesOf(
	{plan, active}: Pick<StepInput, 'plan' | 'active'>,
	devices: ReadonlyMap<string, CostDevice>,
	wire: Wire,
	more: readonly string[] = [],
): ReadonlyMap<string, Machine> {
	const machines = new Map<string, Machine>();
	const working = plan.stages.flatMap(({replicas}, stage) => active[stage]!.map(replica => replicas[replica]!.device));
	for (const name of new Set([...working, ...more])) {
		const device = devices.get(name)!;
		machines.set(name, {device, end: wire.endOf(device), spent: freshSpending(), free: 0, uploads: []});
	}
	return machines;
}

/** From the coordinator to a device. */
export function fetch(wire: Wire, machine: Machine, bytes: number, arrived: (receiving: number) => void): void {
	const {there, back} = onTheWire(bytes, wire.messaging.chunkBytes);
	machine.spent.bytesReceived += there;
	machine.spent.bytesFromServer += there;
	machine.spent.bytesSent += back;
	if (back > answerBytes) {
		machine.uploads.push({at: wire.agenda.now, bytes: back, isToServer: false});
	}
	wire.transfer(undefined, machine.end, bytes, {arrived});
}

/** From a device to the coordinator. */
export function hand(
	wire: Wire,
	machine: Machine,
	bytes: number,
	events: Pick<TransferEvents, 'acknowledged' | 'moved'> & {readonly arrived: () => void},
): void {
	const {there, back} = onTheWire(bytes, wire.messaging.chunkBytes);
	machine.spent.bytesSent += there;
	machine.spent.bytesReceived += back;
	machine.spent.bytesFromServer += back;
	machine.uploads.push({at: wire.agenda.now, bytes, isToServer: true});
	wire.transfer(machine.end, undefined, bytes, events);
}

/** Calls back when it has been called so many times. */
export function countdown(times: number, done: () => void): () => void {
	let left = times;
	return () => {
		left--;
		if (left === 0) {
			done();
		}
	};
}

/** Orders and means come down, then weights are updated: `ready` is told of every device for which that is done. */
export function commit(
	input: StepInput,
	wire: Wire,
	machines: ReadonlyMap<string, Machine>,
	ready: (machine: Machine) => void,
): void {
	const {plan, costs, active} = input;
	const {agenda} = wire;
	const ranges = rangesOfPlan(plan, costs.units.length);
	const sharers = sharing(input);
	const updates = new Map([...machines.values()].map(machine => [machine, {seconds: 0, vectors: [] as number[]}]));
	for (const [stage, {replicas}] of plan.stages.entries()) {
		const range = ranges[stage]!;
		for (const replica of active[stage]!) {
			const machine = machines.get(replicas[replica]!.device)!;
			const update = updates.get(machine)!;
			update.seconds += machine.device.times.update(...range);
			if (sharers.includes(stage)) {
				update.vectors.push(vectorBytes(vectorElements(costs, range)));
			}
		}
	}
	for (const [machine, {seconds, vectors}] of updates) {
		const {spent, end} = machine;
		let ordered = 0;
		let receiving = 0;
		const come = countdown(1 + vectors.length, () => {
			spent.receive += Math.min(receiving, agenda.now - ordered);
			spent.compute += seconds;
			machine.free = agenda.now + seconds;
			agenda.at(machine.free, () => ready(machine));
		});
		for (const bytes of vectors) {
			fetch(wire, machine, bytes, took => {
				receiving = took;
				come();
			});
		}
		wire.message(undefined, end, orderBytes, () => {
			ordered = agenda.now;
			come();
		});
	}
}

/** Weights come down instead of an update. */
function load(
	loads: readonly Load[],
	wire: Wire,
	machines: ReadonlyMap<string, Machine>,
	ready: (machine: Machine) => void,
): void {
	const {agenda} = wire;
	for (const [name, machine] of machines) {
		const own = loads.filter(({device}) => device === name);
		let ordered = 0;
		let receiving = 0;
		const come = countdown(1 + own.length, () => {
			machine.spent.receive += Math.min(receiving, agenda.now - ordered);
			ready(machine);
		});
		for (const {bytes} of own) {
			fetch(wire, machine, bytes, took => {
				receiving = took;
				come();
			});
		}
		wire.message(undefined, machine.end, orderBytes, () => {
			ordered = agenda.now;
			come();
		});
	}
}

/**
 * @param devices of the plan, by name.
 * @param loads weights that come before the step; undefined: it begins with the update of the step before.
 */
export function stepTimes(
	input: StepInput,
	devices: ReadonlyMap<string, CostDevice>,
	loads?: readonly Load[],
): StepTimes {
	const first = new Wire(input.fleet);
	const times = playStep(input, devices, loads, first);
	// Steps are as the second one: what senders learn of a shared link counts from then on.
	return first.learns ? playStep(input, devices, loads, new Wire(input.fleet, first)) : times;
}

function playStep(
	input: StepInput,
	devices: ReadonlyMap<string, CostDevice>,
	loads: readonly Load[] | undefined,
	wire: Wire,
): StepTimes {
	const {agenda} = wire;
	const machines = machinesOf(
		input,
		devices,
		wire,
		loads?.map(({device}) => device),
	);
	const readyAt = new Map<string, number>();
	let seconds = Number.NaN;
	const onReady = ({device: {device}}: Machine) => readyAt.set(device, agenda.now);
	const clock = beginStep(input, wire, machines, loads, onReady, end => {
		seconds = end;
	});
	agenda.run();
	if (Number.isNaN(seconds)) {
		throw new Error(`a stage of «${input.plan.scheme}» waits for what nobody sends`);
	}
	return {
		seconds,
		passes: clock.passes,
		devices: new Map([...machines].map(([name, {spent}]) => [name, spent])),
		sending: new Map([...machines].map(([name, {uploads}]) => [name, {from: readyAt.get(name) ?? 0, uploads}])),
		wire,
	};
}

/**
 * Sends the orders of a step; the rest follows in the order of time.
 * @param ended is told when the coordinator will have decided what comes next.
 */
export function beginStep(
	input: StepInput,
	wire: Wire,
	machines: ReadonlyMap<string, Machine>,
	loads: readonly Load[] | undefined,
	onReady: (machine: Machine) => void,
	ended: (seconds: number) => void,
): StepClock {
	const {plan, costs, fleet} = input;
	const {agenda} = wire;
	const ranges = rangesOfPlan(plan, costs.units.length);
	const sharers = sharing(input);
	const elements = (stage: number) => vectorElements(costs, ranges[stage]!);
	/** What a device has computed it hands in: gradients that replicas share, and its report. */
	const handIn = (machine: Machine) => {
		const own = clock.stagesOf(machine).filter(stage => sharers.includes(stage));
		const since = agenda.now;
		const report = () => {
			machine.spent.send += agenda.now - machine.free;
			wire.message(machine.end, undefined, reportBytes, come);
		};
		if (own.length === 0) {
			report();
			return;
		}
		const acknowledged = countdown(own.length, report);
		for (const stage of own) {
			hand(wire, machine, vectorBytes(elements(stage)), {arrived: come, acknowledged});
		}
		machine.free = Math.min(machine.free, since);
	};
	const clock = new StepClock(input, machines, wire, handIn);
	const {working} = clock;
	const gradients = working.reduce(
		(sum, machine) => sum + clock.stagesOf(machine).filter(stage => sharers.includes(stage)).length,
		0,
	);
	const exchanged = sharers.reduce((sum, stage) => sum + elements(stage), 0);
	const come = countdown(working.length + gradients, () => {
		ended(agenda.now + fleet.broker.secondsPerStep + exchanged * fleet.broker.secondsPerElement);
	});
	const ready = (machine: Machine) => {
		onReady(machine);
		clock.begin(machine);
	};
	if (loads) {
		load(loads, wire, machines, ready);
	} else {
		commit(input, wire, machines, ready);
	}
	return clock;
}
