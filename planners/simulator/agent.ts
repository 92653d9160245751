/** A device of a simulated run: computes one thing at a time and carries out its orders one after the other. */
import type {CostDevice} from '../../core/cost/fleet.js';
import type {PassTime} from '../../core/cost/step-clock.js';
import {type Content, orderBytes, reportBytes} from '../../core/cost/traffic.js';
import {codingSeconds} from '../../core/profile/emulate.js';
import {type Kernel, type Process, Signal} from './kernel.js';
import type {Network, Party} from './network.js';
import type {Noise} from './noise.js';
import {Phases} from './phases.js';
import type {Delivery, Post} from './transfer.js';

export interface World {
	readonly kernel: Kernel;
	readonly network: Network;
	readonly post: Post;
	readonly noise: Noise;
	/** Is told of every pass, in seconds since the simulation began. */
	readonly onPass: (pass: PassTime) => void;
}

/** Something from another part that is on its way, or is waited for. */
interface Letter {
	readonly signal: Signal;
	receiving: number;
}

export class Agent {
	readonly device: CostDevice;
	readonly party: Party;
	readonly phases: Phases;
	readonly world: World;
	items = 0;
	#busyUntil = 0;
	#codingUntil = 0;
	#orders: Signal;
	readonly #letters = new Map<string, Letter>();

	constructor(world: World, device: CostDevice) {
		this.world = world;
		this.device = device;
		this.party = world.network.join(device);
		this.phases = new Phases(world.kernel);
		this.#orders = new Signal();
		this.#orders.fire();
	}

	/** Computes for so long, after what was asked for before; answers when it began. */
	*compute(seconds: number): Process<number> {
		const {kernel, noise} = this.world;
		const from = Math.max(kernel.now, this.#busyUntil);
		const to = from + seconds * noise.compute();
		this.#busyUntil = to;
		yield kernel.until(from);
		this.phases.begin('compute');
		yield kernel.until(to);
		this.phases.end('compute');
		return from;
	}

	/** Waits, which counts as sending. */
	*sending(process: Process): Process {
		this.phases.begin('send');
		yield* process;
		this.phases.end('send');
	}

	/** Carries something out after all that was ordered before; the signal fires when it is done. */
	order(process: () => Process): Signal {
		const before = this.#orders;
		this.#orders = this.world.kernel.spawn(
			(function* () {
				yield before;
				yield* process();
			})(),
		);
		return this.#orders;
	}

	/** Waits for tensors of another part. */
	*receive(key: string): Process {
		const letter = this.#letter(key);
		const {kernel} = this.world;
		const since = kernel.now;
		const idle = this.phases.waits;
		yield letter.signal;
		if (idle) {
			this.phases.received(Math.min(kernel.now - since, letter.receiving));
		}
		this.#letters.delete(key);
	}

	/** Puts tensors where a part of this device takes them. */
	deliver(key: string, receiving: number): void {
		const letter = this.#letter(key);
		letter.receiving = receiving;
		letter.signal.fire();
	}

	/** Encodes or decodes for so long, after what was asked for before, while it goes on computing. */
	code(seconds: number): Signal {
		const {kernel} = this.world;
		this.#codingUntil = Math.max(kernel.now, this.#codingUntil) + seconds;
		return kernel.until(this.#codingUntil);
	}

	/** Sends tensors to a part of some device; answers when it has them. */
	give(to: Agent, key: string, {bytes, coding}: Content): Signal {
		if (to === this) {
			this.deliver(key, 0);
			const at = new Signal();
			at.fire();
			return at;
		}
		const {kernel, post} = this.world;
		const reading = codingSeconds(coding.decode, to.device.profile);
		const {party} = this;
		const encoded = this.code(codingSeconds(coding.encode, this.device.profile));
		function* send(): Process {
			yield encoded;
			const {arrived, acknowledged, receiving} = post.send(party, to.party, bytes);
			arrived.whenFired(() => to.code(reading).whenFired(() => to.deliver(key, receiving() + reading)));
			yield acknowledged;
		}
		return kernel.spawn(send());
	}

	/** Sends a vector to the coordinator, which it waits for. */
	*contribute(bytes: number, arrived: () => void): Process {
		const {acknowledged, arrived: there} = this.world.post.send(this.party, this.world.network.coordinator, bytes);
		there.whenFired(arrived);
		yield* this.sending(
			(function* () {
				yield acknowledged;
			})(),
		);
	}

	/** Waits for a vector of the coordinator. */
	*take({arrived, receiving}: Delivery): Process {
		const {kernel} = this.world;
		const since = kernel.now;
		yield arrived;
		this.phases.received(Math.min(kernel.now - since, receiving()));
	}

	/** Tells the coordinator something short. */
	tell(arrived: () => void): void {
		const {network} = this.world;
		const {party: from} = this;
		network.post({from, to: network.coordinator, bytes: reportBytes, counted: false, slower: 1, arrived});
	}

	#letter(key: string): Letter {
		const found = this.#letters.get(key) ?? {signal: new Signal(), receiving: 0};
		this.#letters.set(key, found);
		return found;
	}
}

/** Tells a device to do something. */
export function instruct({network}: World, agent: Agent, process: () => Process): void {
	network.post({
		from: network.coordinator,
		to: agent.party,
		bytes: orderBytes,
		counted: false,
		slower: 1,
		arrived: () => agent.order(process),
	});
}
