/** The coordinator of a run with stages: begins steps, takes means, averages weights, hands them over. */
import {
	type Gift,
	giftsOf,
	type Range,
	rangesOfPlan,
	stateBytes,
	vectorBytes,
	vectorElements,
} from '../../core/cost/traffic.js';
import {type Group, groupsOf} from '../../core/plan/groups.js';
import {activeIn, type PartId} from '../../core/plan/routing.js';
import {type Agent, instruct, type World} from './agent.js';
import type {Entry} from './calendar.js';
import type {SimulationInput} from './input.js';
import {all, type Process, Signal} from './kernel.js';
import {type Part, StepShape, workOn} from './part.js';
import type {Delivery} from './transfer.js';

/** What a device is told at once. */
interface Orders {
	/** Parts to update, with the mean gradient where they share one. */
	readonly commit: {readonly part: Part; readonly gradient: Delivery | undefined}[];
	readonly loads: Delivery[];
	/** What it sends to the coordinator and waits for, and what it sends meanwhile. */
	readonly contributions: {readonly bytes: number; readonly arrived: () => void}[];
	readonly uploads: {readonly bytes: number; readonly arrived: () => void}[];
}

export class Coordinator {
	readonly #input: SimulationInput;
	readonly #world: World;
	readonly #agents: ReadonlyMap<string, Agent>;
	readonly #ranges: readonly Range[];
	readonly #gifts: readonly Gift[];
	readonly #parts: readonly (readonly Part[])[];
	readonly #shapes = new Map<number, StepShape>();
	#steps = 0;

	constructor(input: SimulationInput, world: World, agents: ReadonlyMap<string, Agent>) {
		const {plan, costs} = input;
		this.#input = input;
		this.#world = world;
		this.#agents = agents;
		this.#ranges = rangesOfPlan(plan, costs.units.length);
		this.#gifts = giftsOf(plan, costs);
		this.#parts = plan.stages.map(({replicas}, stage) =>
			replicas.map(
				({device}, replica): Part => ({stage, replica, agent: agents.get(device)!, range: this.#ranges[stage]!}),
			),
		);
	}

	/**
	 * Plays a step and what comes after it.
	 * @param stored given: a checkpoint begins with the step; called when all of it has come.
	 * @returns seconds from the order to begin until all have computed and the coordinator has decided what comes next.
	 */
	*play(entry: Entry, stored?: () => void): Process<number> {
		const {kernel} = this.#world;
		const began = kernel.now;
		const shape = this.#shape(entry.turn);
		const orders = this.#orders();
		if (stored) {
			this.#store(orders, shape, stored);
		}
		if (entry.commits) {
			this.#commit(orders, shape);
		}
		for (const group of entry.loads) {
			this.#load(orders, group, shape);
		}
		yield* this.#work(orders, shape);
		const stepSeconds = kernel.now - began;
		yield* this.#exchange(entry, shape);
		return stepSeconds;
	}

	#shape(turn: number): StepShape {
		const {plan, costs, training} = this.#input;
		const shape =
			this.#shapes.get(turn) ?? new StepShape(plan, costs, this.#gifts, training.batch, activeIn(plan, turn));
		this.#shapes.set(turn, shape);
		return shape;
	}

	#orders(): Map<Agent, Orders> {
		return new Map(
			[...this.#agents.values()].map(agent => [agent, {commit: [], loads: [], contributions: [], uploads: []}]),
		);
	}

	#part = ({stage, replica}: PartId): Part => this.#parts[stage]![replica]!;

	#working(shape: StepShape): readonly Part[] {
		return this.#parts
			.flat()
			.filter(part => shape.active[part.stage]!.includes(part.replica) && shape.items(part).some(count => count > 0));
	}

	/** Parts of groups that take one step together, with more than one at work. */
	#sharing(shape: StepShape): readonly Group[] {
		return groupsOf(this.#input.plan).filter(
			({kind, stage, replicas}) =>
				kind === 'step' && replicas.filter(replica => shape.active[stage]!.includes(replica)).length > 1,
		);
	}

	#elements(stage: number): number {
		return vectorElements(this.#input.costs, this.#ranges[stage]!);
	}

	/** Weights with what the optimiser keeps of them. */
	#stateBytes(stage: number, slots: number): number {
		return stateBytes(this.#input.costs, this.#ranges[stage]!, slots);
	}

	#send(part: Part, bytes: number): Delivery {
		return this.#world.post.send(this.#world.network.coordinator, part.agent.party, bytes);
	}

	#commit(orders: ReadonlyMap<Agent, Orders>, shape: StepShape): void {
		const shared = this.#sharing(shape).map(({stage}) => stage);
		const active = this.#parts.flat().filter(part => shape.active[part.stage]!.includes(part.replica));
		for (const part of active) {
			const gradient = shared.includes(part.stage)
				? this.#send(part, vectorBytes(this.#elements(part.stage)))
				: undefined;
			orders.get(part.agent)!.commit.push({part, gradient});
		}
	}

	#load(orders: ReadonlyMap<Agent, Orders>, {stage, replicas, kind}: Group, shape: StepShape): void {
		const turning = kind === 'turn';
		const takers = turning ? replicas.filter(replica => shape.active[stage]!.includes(replica)) : replicas;
		for (const replica of takers) {
			const part = this.#part({stage, replica});
			const bytes = this.#stateBytes(stage, turning ? this.#input.training.slots : 0);
			orders.get(part.agent)!.loads.push(this.#send(part, bytes));
		}
	}

	/** Weights for a checkpoint, from a part of each group that has not just been averaged. */
	#store(orders: ReadonlyMap<Agent, Orders>, {active}: StepShape, stored: () => void): void {
		const holders = groupsOf(this.#input.plan).flatMap(({kind, stage, replicas}) => {
			const replica = replicas.find(own => active[stage]!.includes(own))!;
			return kind === 'interval' ? [] : [this.#part({stage, replica})];
		});
		let missing = holders.length;
		const arrived = () => {
			missing--;
			if (missing === 0) {
				stored();
			}
		};
		for (const {agent, stage} of holders) {
			orders.get(agent)!.uploads.push({bytes: this.#stateBytes(stage, this.#input.training.slots), arrived});
		}
		if (missing === 0) {
			stored();
		}
	}

	/** Tells the devices what to do besides; those that work on the step do that next. Ends when all have reported. */
	*#work(orders: ReadonlyMap<Agent, Orders>, shape: StepShape): Process {
		const tag = `${this.#steps++}`;
		const working = this.#working(shape);
		const shared = this.#sharing(shape).map(({stage}) => stage);
		const contributing = working.filter(({stage}) => shared.includes(stage));
		const computed = new Signal();
		const partOf = this.#part;
		const elements = (stage: number) => this.#elements(stage);
		// Replicas that get no items report that they are done with the update, too.
		const agents = new Set(shape.active.flatMap((own, stage) => own.map(replica => partOf({stage, replica}).agent)));
		let missing = agents.size + contributing.length;
		const arrived = () => {
			missing--;
			if (missing === 0) {
				computed.fire();
			}
		};
		for (const agent of agents) {
			const {kernel} = this.#world;
			const own = working.filter(part => part.agent === agent);
			const gradients = contributing.filter(part => part.agent === agent);
			instruct(this.#world, agent, () =>
				after(carryOut(agent, orders.get(agent)!), function* () {
					yield* all(own.map(part => kernel.spawn(workOn(part, shape, partOf, tag))));
					yield* all(gradients.map(({stage}) => kernel.spawn(agent.contribute(vectorBytes(elements(stage)), arrived))));
					agent.tell(arrived);
				}),
			);
		}
		for (const [agent, own] of orders) {
			if (!agents.has(agent) && own.uploads.length > 0) {
				instruct(this.#world, agent, () => carryOut(agent, own));
			}
		}
		yield computed;
		yield* this.#decide(shared.reduce((sum, stage) => sum + this.#elements(stage), 0));
	}

	*#decide(elements: number): Process {
		const {kernel} = this.#world;
		const {secondsPerStep, secondsPerElement} = this.#input.fleet.broker;
		yield kernel.until(kernel.now + secondsPerStep + elements * secondsPerElement);
	}

	/** Updates are made, then weights come for a mean, or to be handed on. */
	*#exchange({averages, hands}: Entry, shape: StepShape): Process {
		if (averages.length + hands.length === 0) {
			return;
		}
		const orders = this.#orders();
		this.#commit(orders, shape);
		const done: Signal[] = [];
		const expect = () => {
			const signal = new Signal();
			done.push(signal);
			return () => signal.fire();
		};
		for (const {stage, replicas} of averages) {
			for (const replica of replicas) {
				const bytes = vectorBytes(this.#elements(stage));
				orders.get(this.#part({stage, replica}).agent)!.contributions.push({bytes, arrived: expect()});
			}
		}
		for (const {stage, replicas} of hands) {
			const holder = replicas.find(replica => shape.active[stage]!.includes(replica))!;
			const bytes = this.#stateBytes(stage, this.#input.training.slots);
			orders.get(this.#part({stage, replica: holder}).agent)!.uploads.push({bytes, arrived: expect()});
		}
		for (const [agent, own] of orders) {
			if (own.commit.length + own.contributions.length + own.uploads.length > 0) {
				instruct(this.#world, agent, () => carryOut(agent, own));
			}
		}
		yield* all(done);
		yield* this.#decide(averages.reduce((sum, {stage}) => sum + this.#elements(stage), 0));
	}
}

function* after(first: Process, second: () => Process): Process {
	yield* first;
	yield* second();
}

function* carryOut(agent: Agent, {commit, loads, contributions, uploads}: Orders): Process {
	for (const {gradient} of commit) {
		if (gradient) {
			yield* agent.take(gradient);
		}
	}
	for (const {part} of commit) {
		const [first, last] = part.range;
		yield* agent.compute(agent.device.times.update(first, last));
	}
	for (const {bytes, arrived} of contributions) {
		yield* agent.contribute(bytes, arrived);
	}
	for (const load of loads) {
		yield* agent.take(load);
	}
	const {post, network} = agent.world;
	for (const {bytes, arrived} of uploads) {
		post.send(agent.party, network.coordinator, bytes).arrived.whenFired(arrived);
	}
}
