/** The passes and messages of one step, in the order of time (see `step`). */
import {groupsOf} from '../plan/groups.js';
import type {Plan} from '../plan/plan.js';
import {type Active, microSizes, type PartId, rowsOf} from '../plan/routing.js';
import {type Pass, passesOf} from '../plan/schedule.js';
import type {CostDevice, CostFleet} from './fleet.js';
import {Heap} from './heap.js';
import {type End, type Hub, transfer} from './lines.js';
import type {ModelCosts} from './model-costs.js';
import {
	type Gift,
	onTheWire,
	type Parcel,
	parcelsOf,
	type Range,
	rangesOfPlan,
	vectorBytes,
	vectorElements,
} from './traffic.js';

/** What a device spends in one step; times in seconds. */
export interface Spending {
	compute: number;
	/** Waiting until what it sent has arrived. */
	send: number;
	/** Waiting while something is arriving. */
	receive: number;
	/** Tensors and their answers; orders and reports are not counted. */
	bytesSent: number;
	bytesReceived: number;
	/** Of the received bytes, those that the coordinator or the parameter server sent. */
	bytesFromServer: number;
	/** Items that its first part works on. */
	items: number;
}

export interface PassTime extends PartId {
	readonly device: string;
	readonly kind: Pass['kind'];
	readonly micro: number;
	/** Seconds since the step began. */
	readonly from: number;
	readonly to: number;
}

export interface StepInput {
	readonly plan: Plan;
	readonly costs: ModelCosts;
	readonly fleet: CostFleet;
	readonly gifts: readonly Gift[];
	/** Items of the global batch. */
	readonly batch: number;
	readonly active: Active;
}

/** Messages to the same replica that may be under way at once (`edge-agent/stages/part`). */
const sendsAhead = 2;
export interface Machine {
	readonly device: CostDevice;
	readonly end: End;
	readonly spent: Spending;
	free: number;
}

interface Part extends PartId {
	readonly machine: Machine;
	readonly range: Range;
	readonly order: readonly Pass[];
	/** Items by micro-batch. */
	readonly items: readonly number[];
	next: number;
	/** Before this its next pass cannot begin. */
	free: number;
	/** When all that it sent has arrived and been answered. */
	answered: number;
	readonly under: Map<number, number[]>;
}

/** What a pass waits for: how many messages are still to be known, and when the last of those known arrives. */
interface Inputs {
	missing: number;
	at: number;
	/** Of the message that arrives last. */
	receiving: number;
}

export const freshSpending = (): Spending => ({
	compute: 0,
	send: 0,
	receive: 0,
	bytesSent: 0,
	bytesReceived: 0,
	bytesFromServer: 0,
	items: 0,
});

export class StepClock {
	readonly #input: StepInput;
	readonly #hub: Hub;
	readonly #parts: readonly Part[] = [];
	/** By stage, the index of its first part. */
	readonly #first: readonly number[];
	/** By micro-batch: what goes from and to which part. */
	readonly #from: ReadonlyMap<number, readonly Parcel[]>[] = [];
	readonly #to: ReadonlyMap<number, readonly Parcel[]>[] = [];
	readonly #forward: Inputs[][];
	readonly #backward: Inputs[][];
	readonly #heap = new Heap<Part>();
	readonly #passes: PassTime[] = [];

	constructor(input: StepInput, machines: ReadonlyMap<string, Machine>, hub: Hub) {
		this.#input = input;
		this.#hub = hub;
		const {plan, costs, batch, active, gifts} = input;
		const ranges = rangesOfPlan(plan, costs.units.length);
		const sizes = microSizes(plan, batch);
		const rows = plan.stages.map((_, stage) => sizes.map(size => rowsOf(plan, active, stage, size)));
		const first: number[] = [];
		const parts: Part[] = [];
		for (const [stage, {replicas}] of plan.stages.entries()) {
			first.push(parts.length);
			for (const [replica, {device}] of replicas.entries()) {
				const items = rows[stage]!.map(each => each[replica]!.count);
				const micros = items.flatMap((count, micro) => (count > 0 ? [micro] : []));
				parts.push({
					stage,
					replica,
					machine: machines.get(device)!,
					range: ranges[stage]!,
					order: passesOf(plan.pipeline.schedule, stage, plan.stages.length, micros),
					items,
					next: 0,
					free: 0,
					answered: 0,
					under: new Map(),
				});
			}
		}
		this.#parts = parts;
		this.#first = first;
		const bySize = new Map<number, readonly Parcel[]>();
		this.#forward = parts.map(() => sizes.map(() => ({missing: 0, at: 0, receiving: 0})));
		this.#backward = parts.map(() => sizes.map(() => ({missing: 0, at: 0, receiving: 0})));
		const grouped = new Map<number, {from: Map<number, Parcel[]>; to: Map<number, Parcel[]>}>();
		for (const [micro, size] of sizes.entries()) {
			if (!grouped.has(size)) {
				const parcels = parcelsOf(plan, costs, gifts, active, size);
				bySize.set(size, parcels);
				const from = new Map<number, Parcel[]>();
				const to = new Map<number, Parcel[]>();
				for (const parcel of parcels) {
					push(from, this.#index(parcel.from), parcel);
					push(to, this.#index(parcel.to), parcel);
				}
				grouped.set(size, {from, to});
			}
			const {from, to} = grouped.get(size)!;
			this.#from.push(from);
			this.#to.push(to);
			for (const parcel of bySize.get(size)!) {
				this.#forward[this.#index(parcel.to)]![micro]!.missing++;
				if (parcel.backwardBytes > 0) {
					this.#backward[this.#index(parcel.from)]![micro]!.missing++;
				}
			}
		}
	}

	#index({stage, replica}: PartId): number {
		return this.#first[stage]! + replica;
	}

	/** Plays the step; `begin`: when each device has what it needs for it. */
	run(begin: (device: string) => number): number {
		const {fleet, plan} = this.#input;
		for (const part of this.#parts) {
			part.free = begin(part.machine.device.device);
			part.answered = part.free;
			part.machine.free = part.free;
			this.#offer(part);
		}
		while (this.#heap.size > 0) {
			const at = this.#heap.least;
			const part = this.#heap.pop()!;
			const start = Math.max(at, part.machine.free);
			if (start > this.#heap.least) {
				this.#heap.push(start, part);
				continue;
			}
			this.#pass(part, start);
		}
		const stuck = this.#parts.find(part => part.next < part.order.length);
		if (stuck) {
			throw new Error(`stage ${stuck.stage} of «${plan.scheme}» waits for what nobody sends`);
		}
		// What each device has computed it hands in: gradients that replicas share, and its report.
		let done = 0;
		const {costs} = this.#input;
		const sharers = sharing(this.#input);
		const working = new Map<Machine, number>();
		const shared = new Map<Machine, Range[]>();
		for (const part of this.#parts.filter(({order}) => order.length > 0)) {
			const {machine} = part;
			if (sharers.includes(part.stage)) {
				push(shared, machine, part.range);
			}
			working.set(machine, Math.max(working.get(machine) ?? 0, machine.free, part.free, part.answered));
		}
		for (const [machine, computed] of working) {
			const {latencySeconds} = machine.end;
			let ready = computed;
			for (const range of shared.get(machine) ?? []) {
				const {there, back} = onTheWire(vectorBytes(vectorElements(costs, range)), this.#hub.messaging.chunkBytes);
				const {acknowledged} = transfer(this.#hub, machine.end, undefined, there, computed);
				ready = Math.max(ready, acknowledged);
				machine.spent.bytesSent += there;
				machine.spent.bytesReceived += back;
				machine.spent.bytesFromServer += back;
			}
			machine.spent.send += ready - machine.free;
			done = Math.max(done, ready + latencySeconds + this.#hub.messaging.secondsPerMessage);
		}
		const ranges = rangesOfPlan(plan, costs.units.length);
		const exchanged = sharers.reduce((sum, stage) => sum + vectorElements(costs, ranges[stage]!), 0);
		return done + fleet.broker.secondsPerStep + exchanged * fleet.broker.secondsPerElement;
	}

	get passes(): readonly PassTime[] {
		return this.#passes;
	}

	/** The part's next pass may begin as soon as its inputs are known. */
	#offer(part: Part): void {
		const pass = part.order[part.next];
		if (!pass) {
			return;
		}
		const inputs = this.#inputs(part, pass);
		if (inputs.missing === 0) {
			this.#heap.push(Math.max(part.free, inputs.at), part);
		}
	}

	#inputs(part: Part, {kind, micro}: Pass): Inputs {
		return (kind === 'backward' ? this.#backward : this.#forward)[this.#index(part)]![micro]!;
	}

	#pass(part: Part, start: number): void {
		const pass = part.order[part.next]!;
		const {machine, range, items} = part;
		const {stash} = this.#input.plan.stages[part.stage]!;
		const count = items[pass.micro]!;
		const {times} = machine.device;
		const again =
			pass.kind === 'backward' && stash === 'recompute' ? times.pass('forward', range[0], range[1], count) : 0;
		const seconds = times.pass(pass.kind, range[0], range[1], count) + again;
		const end = start + seconds;
		const inputs = this.#inputs(part, pass);
		machine.spent.receive += Math.max(0, Math.min(inputs.receiving, start - Math.max(part.free, machine.free)));
		machine.spent.compute += seconds;
		machine.spent.items += part.stage === 0 || pass.kind === 'learn' ? (pass.kind === 'backward' ? 0 : count) : 0;
		machine.free = end;
		part.free = end;
		part.next++;
		const {stage, replica} = part;
		const {device} = machine.device;
		this.#passes.push({device, stage, replica, kind: pass.kind, micro: pass.micro, from: start, to: end});
		const index = this.#index(part);
		if (pass.kind === 'forward') {
			for (const parcel of this.#from[pass.micro]!.get(index) ?? []) {
				this.#send(part, this.#index(parcel.to), parcel.forwardBytes, this.#forward, pass.micro);
			}
		} else {
			for (const parcel of this.#to[pass.micro]!.get(index) ?? []) {
				if (parcel.backwardBytes > 0) {
					this.#send(part, this.#index(parcel.from), parcel.backwardBytes, this.#backward, pass.micro);
				}
			}
		}
		this.#offer(part);
	}

	#send(part: Part, to: number, bytes: number, inputs: readonly Inputs[][], micro: number): void {
		const receiver = this.#parts[to]!;
		const target = inputs[to]![micro]!;
		let arrived = part.free;
		let receiving = 0;
		if (receiver.machine !== part.machine) {
			const under = part.under.get(to) ?? [];
			part.under.set(to, under);
			if (under.length >= sendsAhead) {
				part.free = Math.max(part.free, under.shift()!);
			}
			const wire = onTheWire(bytes, this.#hub.messaging.chunkBytes);
			const delivery = transfer(this.#hub, part.machine.end, receiver.machine.end, wire.there, part.free);
			({arrived, receiving} = delivery);
			under.push(delivery.acknowledged);
			part.answered = Math.max(part.answered, delivery.acknowledged);
			part.machine.spent.bytesSent += wire.there;
			part.machine.spent.bytesReceived += wire.back;
			receiver.machine.spent.bytesReceived += wire.there;
			receiver.machine.spent.bytesSent += wire.back;
		}
		target.missing--;
		if (arrived >= target.at) {
			target.at = arrived;
			target.receiving = receiving;
		}
		const waiting = receiver.order[receiver.next];
		if (target.missing === 0 && waiting?.micro === micro && this.#inputs(receiver, waiting) === target) {
			this.#offer(receiver);
		}
	}
}

const push = <K, V>(map: Map<K, V[]>, key: K, value: V): void => {
	const list = map.get(key);
	if (list) {
		list.push(value);
	} else {
		map.set(key, [value]);
	}
};

/** Stages whose working replicas exchange gradients at every step. */
export function sharing({plan, active}: Pick<StepInput, 'plan' | 'active'>): readonly number[] {
	return groupsOf(plan)
		.filter(
			({kind, stage, replicas}) => kind === 'step' && replicas.filter(one => active[stage]!.includes(one)).length > 1,
		)
		.map(({stage}) => stage);
}
