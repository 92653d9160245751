/** The passes and messages of one step, in the order of time (see `step`). */
import type {Plan} from '../plan/plan.js';
import {type Active, type Division, divisionsOf, type PartId} from '../plan/routing.js';
import {type Pass, passesOf} from '../plan/schedule.js';
import {codingSeconds} from '../profile/emulate.js';
import type {Spending, Upload} from './episode.js';
import type {CostDevice, CostFleet} from './fleet.js';
import type {ModelCosts} from './model-costs.js';
import {
	answerBytes,
	type Content,
	type Gift,
	onTheWire,
	type Parcel,
	parcelsOf,
	type Range,
	rangesOfPlan,
} from './traffic.js';
import type {End, Wire} from './wire.js';

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
	/** When it has computed all that it was asked to. */
	free: number;
	readonly uploads: Upload[];
}

interface Part extends PartId {
	readonly machine: Machine;
	readonly range: Range;
	/** Whether the coordinator waits for it in this step, which it does also where it gets no items. */
	readonly works: boolean;
	readonly order: readonly Pass[];
	/** Items by micro-batch. */
	readonly items: readonly number[];
	next: number;
	/** Whether its weights are right and it is not busy with a pass or with sending. */
	ready: boolean;
	/** Since when. */
	since: number;
	/** Messages whose answer it waits for. */
	unanswered: number;
	readonly under: Map<Part, Sending[]>;
}

/** A message under way; somebody may wait until it is answered. */
interface Sending {
	answered: boolean;
	resume: (() => void) | undefined;
}

/** What a pass waits for: how many messages have not arrived. */
interface Inputs {
	missing: number;
	/** How long the last of them was arriving. */
	receiving: number;
}

/** Messages of micro-batches that are divided alike, by the part that they come from and go to. */
interface Routes {
	readonly from: ReadonlyMap<number, readonly Parcel[]>;
	readonly to: ReadonlyMap<number, readonly Parcel[]>;
}

export class StepClock {
	readonly #input: StepInput;
	readonly #wire: Wire;
	readonly #onDone: (machine: Machine) => void;
	readonly #parts: readonly Part[];
	/** By stage, the index of its first part. */
	readonly #first: readonly number[];
	/** By micro-batch. */
	readonly #routes: readonly Routes[];
	readonly #forward: readonly (readonly Inputs[])[];
	readonly #backward: readonly (readonly Inputs[])[];
	readonly #passes: PassTime[] = [];
	/** Parts that have not done all. */
	readonly #working = new Map<Machine, number>();

	/** @param onDone all parts of a device have computed, and what they sent has arrived. */
	constructor(
		input: StepInput,
		machines: ReadonlyMap<string, Machine>,
		wire: Wire,
		onDone: (machine: Machine) => void,
	) {
		this.#input = input;
		this.#wire = wire;
		this.#onDone = onDone;
		const {plan, costs, batch, active, gifts} = input;
		const ranges = rangesOfPlan(plan, costs.units.length);
		const divisions = divisionsOf(plan, active, batch);
		const first: number[] = [];
		const parts: Part[] = [];
		for (const [stage, {replicas}] of plan.stages.entries()) {
			first.push(parts.length);
			for (const [replica, {device}] of replicas.entries()) {
				const items = divisions.map(division => division[stage]![replica]!.count);
				const micros = items.flatMap((count, micro) => (count > 0 ? [micro] : []));
				const machine = machines.get(device)!;
				const works = active[stage]!.includes(replica);
				parts.push({
					stage,
					replica,
					machine,
					range: ranges[stage]!,
					works,
					order: passesOf(plan.pipeline.schedule, stage, plan.stages.length, micros),
					items,
					next: 0,
					ready: false,
					since: 0,
					unanswered: 0,
					under: new Map(),
				});
				if (works) {
					this.#working.set(machine, (this.#working.get(machine) ?? 0) + 1);
				}
			}
		}
		this.#parts = parts;
		this.#first = first;
		const inputs = () => parts.map(() => divisions.map((): Inputs => ({missing: 0, receiving: 0})));
		this.#forward = inputs();
		this.#backward = inputs();
		const routes = new Map<Division, Routes>();
		for (const [division, parcels] of parcelsOf(plan, costs, gifts, divisions)) {
			const from = new Map<number, Parcel[]>();
			const to = new Map<number, Parcel[]>();
			for (const parcel of parcels) {
				push(from, this.#index(parcel.from), parcel);
				push(to, this.#index(parcel.to), parcel);
			}
			routes.set(division, {from, to});
		}
		this.#routes = divisions.map(division => routes.get(division)!);
		for (const [micro, {from, to}] of this.#routes.entries()) {
			for (const [part, parcels] of to) {
				// Only the first branch has labels for a later stage.
				this.#forward[part]![micro]!.missing = parcels.filter(({forwardBytes}) => forwardBytes > 0).length;
			}
			for (const [part, parcels] of from) {
				this.#backward[part]![micro]!.missing = parcels.filter(({backwardBytes}) => backwardBytes > 0).length;
			}
		}
	}

	/** Devices that report. */
	get working(): readonly Machine[] {
		return [...this.#working.keys()];
	}

	/** Stages of a device's parts that work. */
	stagesOf(machine: Machine): readonly number[] {
		return this.#parts.filter(part => part.machine === machine && part.order.length > 0).map(({stage}) => stage);
	}

	get passes(): readonly PassTime[] {
		return this.#passes;
	}

	/** The weights on this device are right: its parts begin. */
	begin(machine: Machine): void {
		for (const part of this.#parts) {
			if (part.machine === machine) {
				part.ready = true;
				part.since = this.#wire.agenda.now;
				this.#try(part);
				if (part.works && part.order.length === 0) {
					this.#settle(part);
				}
			}
		}
	}

	#index({stage, replica}: PartId): number {
		return this.#first[stage]! + replica;
	}

	#inputs(part: Part, {kind, micro}: Pass): Inputs {
		return (kind === 'backward' ? this.#backward : this.#forward)[this.#index(part)]![micro]!;
	}

	/** Begins the part's next pass if its inputs are there: as soon as its device has computed what it was asked before. */
	#try(part: Part): void {
		const pass = part.order[part.next];
		if (!part.ready || !pass) {
			return;
		}
		const inputs = this.#inputs(part, pass);
		if (inputs.missing > 0) {
			return;
		}
		const {agenda} = this.#wire;
		const {machine} = part;
		const {now} = agenda;
		part.ready = false;
		machine.spent.receive += Math.max(0, Math.min(inputs.receiving, now - Math.max(part.since, machine.free)));
		const start = Math.max(now, machine.free);
		const seconds = this.#seconds(part, pass);
		machine.spent.compute += seconds;
		machine.free = start + seconds;
		agenda.at(machine.free, () => this.#passed(part, pass, start));
	}

	#seconds({machine, range: [first, last], items, stage}: Part, {kind, micro}: Pass): number {
		const {times} = machine.device;
		const count = items[micro]!;
		const again = kind === 'backward' && this.#input.plan.stages[stage]!.stash === 'recompute';
		return times.pass(kind, first, last, count) + (again ? times.pass('forward', first, last, count) : 0);
	}

	#passed(part: Part, {kind, micro}: Pass, from: number): void {
		const {stage, replica, machine} = part;
		const {device} = machine.device;
		if (kind !== 'backward' && (stage === 0 || kind === 'learn')) {
			machine.spent.items += part.items[micro]!;
		}
		this.#passes.push({device, stage, replica, kind, micro, from, to: this.#wire.agenda.now});
		part.next++;
		const routes = this.#routes[micro]!;
		const parcels = (kind === 'forward' ? routes.from : routes.to).get(this.#index(part)) ?? [];
		this.#give(part, kind === 'forward', micro, parcels, 0);
	}

	/** Sends from the given parcel on, and goes on to the next pass; waits before that while too much is under way. */
	#give(part: Part, forward: boolean, micro: number, parcels: readonly Parcel[], at: number): void {
		const {agenda} = this.#wire;
		for (let index = at; index < parcels.length; index++) {
			const parcel = parcels[index]!;
			const bytes = forward ? parcel.forwardBytes : parcel.backwardBytes;
			if (bytes === 0) {
				continue;
			}
			const {from, to} = parcel;
			const receiver = this.#parts[this.#index(forward ? to : from)]!;
			const inputs = (forward ? this.#forward : this.#backward)[this.#index(receiver)]![micro]!;
			if (receiver.machine === part.machine) {
				this.#arrived(receiver, inputs, 0);
				continue;
			}
			const under = part.under.get(receiver) ?? [];
			part.under.set(receiver, under);
			if (under.length >= sendsAhead) {
				const oldest = under.shift()!;
				if (!oldest.answered) {
					const since = Math.max(agenda.now, part.machine.free);
					oldest.resume = () => {
						part.machine.spent.send += Math.max(0, agenda.now - Math.max(since, part.machine.free));
						this.#give(part, forward, micro, parcels, index);
					};
					return;
				}
			}
			const coding = forward ? parcel.forwardCoding : parcel.backwardCoding;
			under.push(this.#send(part, receiver, {bytes, coding}, inputs));
		}
		part.ready = true;
		part.since = agenda.now;
		this.#try(part);
		this.#settle(part);
	}

	#send(part: Part, receiver: Part, {bytes, coding}: Content, inputs: Inputs): Sending {
		const sending: Sending = {answered: false, resume: undefined};
		const wire = this.#wire;
		const [from, to] = [part.machine, receiver.machine];
		const {there, back} = onTheWire(bytes, wire.messaging.chunkBytes);
		from.spent.bytesSent += there;
		from.spent.bytesReceived += back;
		to.spent.bytesReceived += there;
		to.spent.bytesSent += back;
		part.unanswered++;
		const reading = codingSeconds(coding.decode, to.device.profile);
		const events = {
			arrived: (seconds: number) =>
				wire.code(to.end, reading, () => this.#arrived(receiver, inputs, seconds + reading)),
			acknowledged: () => {
				part.unanswered--;
				sending.answered = true;
				sending.resume?.();
				this.#settle(part);
			},
		};
		wire.codeAndSend(from.end, to.end, bytes, codingSeconds(coding.encode, from.device.profile), events, at => {
			from.uploads.push({at, bytes, isToServer: false});
			if (back > answerBytes) {
				to.uploads.push({at, bytes: answerBytes, isToServer: false});
			}
		});
		return sending;
	}

	#arrived(receiver: Part, inputs: Inputs, receiving: number): void {
		inputs.missing--;
		inputs.receiving = receiving;
		this.#try(receiver);
	}

	/** When the last of a device's parts has done everything. */
	#settle(part: Part): void {
		if (!part.ready || part.next < part.order.length || part.unanswered > 0) {
			return;
		}
		part.ready = false;
		const left = this.#working.get(part.machine)! - 1;
		this.#working.set(part.machine, left);
		if (left === 0) {
			this.#onDone(part.machine);
		}
	}
}

const push = <K, V>(map: Map<K, V[]>, key: K, value: V): void => {
	const list = map.get(key) ?? [];
	list.push(value);
	map.set(key, list);
};
