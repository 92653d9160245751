/** Rounds of a data-parallel plan: weights come down, each device computes, its contribution goes up. */
import {vectorBytes, vectorElements} from '../../core/cost/traffic.js';
import {type Plan, synchronisationOf} from '../../core/plan/plan.js';
import {apportion} from '../../core/plan/shares.js';
import {type Agent, instruct, type World} from './agent.js';
import {stepsFor} from './calendar.js';
import type {SimulationInput} from './input.js';
import {type Process, Signal} from './kernel.js';

/** What one device does in a round. */
interface Work {
	readonly agent: Agent;
	readonly replica: number;
	readonly items: number;
	/** Batches that it trains on; 0: it computes one gradient. */
	readonly localSteps: number;
}

/** Passes over the data in a round; 0: rounds are steps. */
export function localEpochs(plan: Plan): number {
	const {exchange, every} = synchronisationOf(plan, plan.stages[0]!);
	return exchange === 'weights' && every.kind === 'epochs' ? every.epochs : 0;
}

export function roundsOf({plan, training: {batch, epochs, samples}}: SimulationInput): number {
	const local = localEpochs(plan);
	return local > 0 ? Math.max(1, Math.ceil(epochs / local)) : epochs * stepsFor(samples, batch);
}

export class RoundCoordinator {
	readonly #input: SimulationInput;
	readonly #world: World;
	readonly #work: readonly Work[];

	constructor(input: SimulationInput, world: World, agents: ReadonlyMap<string, Agent>, owned: readonly number[]) {
		const {plan, training} = input;
		const [{replicas}] = plan.stages as [Plan['stages'][number]];
		const local = localEpochs(plan);
		const shares = apportion(
			training.batch,
			replicas.map(({share}) => share),
		);
		this.#input = input;
		this.#world = world;
		this.#work = replicas.map(({device}, replica) => {
			const items = local > 0 ? local * owned[replica]! : Math.max(1, shares[replica]!);
			return {
				agent: agents.get(device)!,
				replica,
				items,
				localSteps: local > 0 ? stepsFor(items, training.batch) : 0,
			};
		});
	}

	/** Plays a round; answers its seconds. */
	*play(): Process<number> {
		const {costs, fleet} = this.#input;
		const {kernel, network, post} = this.#world;
		const began = kernel.now;
		const elements = vectorElements(costs, [0, costs.units.length - 1]);
		const bytes = vectorBytes(elements);
		const all = new Signal();
		let missing = 2 * this.#work.length;
		const arrived = () => {
			missing--;
			if (missing === 0) {
				all.fire();
			}
		};
		for (const work of this.#work) {
			const {agent} = work;
			const onPass = (from: number) => this.#passed(work, from);
			const seconds = this.#seconds(work);
			instruct(this.#world, agent, function* () {
				yield* agent.take(weights);
				const from = yield* agent.compute(seconds);
				onPass(from);
				yield* agent.contribute(bytes, arrived);
				agent.tell(arrived);
			});
			const weights = post.send(network.coordinator, agent.party, bytes);
		}
		yield all;
		const {secondsPerStep, secondsPerElement} = fleet.broker;
		yield kernel.until(kernel.now + secondsPerStep + elements * secondsPerElement);
		return kernel.now - began;
	}

	#seconds({agent, items, localSteps}: Work): number {
		const {times} = agent.device;
		const last = this.#input.costs.units.length - 1;
		const calls = Math.max(1, localSteps);
		return calls * times.pass('learn', 0, last, items / calls) + localSteps * times.update(0, last);
	}

	#passed({agent, replica, items}: Work, from: number): void {
		agent.items += items;
		const {kernel, onPass} = this.#world;
		onPass({device: agent.device.device, stage: 0, replica, kind: 'learn', micro: 0, from, to: kernel.now});
	}
}
