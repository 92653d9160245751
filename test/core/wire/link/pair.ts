import type {ExecutionContext} from 'ava';
import {ManualClock} from '../../../../core/clock.js';
import {deviceId, runId} from '../../../../core/ids.js';
import {seededRandom} from '../../../../core/random.js';
import {
	type CountedTensorLink,
	createTensorLink,
	type TensorLinkOptions,
} from '../../../../core/wire/link/tensor-link.js';
import type {
	Acceptance,
	IncomingTransfer,
	OutgoingTransfer,
	TransferPurpose,
} from '../../../../core/wire/tensor-link.js';
import {createTopics} from '../../../../core/wire/topics.js';
import {type Faults, MemoryBroker} from '../../../../core/wire/transports/memory-broker.js';

export const topics = createTopics();
export const [alice, bob] = [deviceId('alice'), deviceId('bob')];
export const run = runId('r');
export const purpose: TransferPurpose = {kind: 'weights', run, round: 1};
export const transferOf = (data: Uint8Array, id = 'w-1'): OutgoingTransfer => ({id, purpose, data});

/** Knows how many timers are running. */
export class CountingClock extends ManualClock {
	running = 0;

	override after(ms: number, callback: () => void): () => void {
		let active = true;
		const end = () => {
			this.running -= active ? 1 : 0;
			active = false;
		};
		this.running++;
		const cancel = super.after(ms, () => {
			end();
			callback();
		});
		return () => {
			end();
			cancel();
		};
	}
}

export interface Setup {
	readonly clock: CountingClock;
	readonly broker: MemoryBroker;
	readonly sender: CountedTensorLink;
	readonly receiver: CountedTensorLink;
	readonly ta: ReturnType<MemoryBroker['attach']>;
	readonly tb: ReturnType<MemoryBroker['attach']>;
}

export async function setup(faults: Faults = {}, options: Partial<TensorLinkOptions> = {}, seed = 1): Promise<Setup> {
	const clock = new CountingClock();
	const broker = new MemoryBroker({clock, faults, random: seededRandom(seed)});
	const [ta, tb] = [broker.attach(), broker.attach()];
	const all = {topics, clock, chunkBytes: 1000, ...options};
	const sender = await createTensorLink(ta, alice, all);
	const receiver = await createTensorLink(tb, bob, all);
	return {clock, broker, sender, receiver, ta, tb};
}

/** Receives into memory and checks that every chunk comes once. */
export function collector(t: ExecutionContext) {
	const state = {data: Buffer.alloc(0), done: 0, aborted: [] as string[], begun: [] as IncomingTransfer[]};
	const accept = (transfer: IncomingTransfer): Acceptance => {
		state.begun.push(transfer);
		state.data = Buffer.alloc(transfer.bytes);
		const seen = new Set<number>();
		return {
			chunk(sequence, offset, data) {
				t.false(seen.has(sequence), `chunk ${sequence} twice`);
				seen.add(sequence);
				t.is(offset, sequence * transfer.chunkBytes);
				state.data.set(data, offset);
			},
			done() {
				t.is(seen.size, transfer.chunks);
				state.done++;
			},
			abort: because => state.aborted.push(because),
		};
	};
	return {state, accept};
}

/** Turns the clock until the promise settles. */
export async function settle<T>(clock: ManualClock, promise: Promise<T>, limitMs = 600_000): Promise<T> {
	let settled = false;
	const watched = promise.finally(() => {
		settled = true;
	});
	watched.catch(() => undefined);
	for (let time = 0; !settled && time < limitMs; time += 10) {
		await clock.advance(10);
	}
	return Promise.race([watched, Promise.reject(new Error('still not settled'))]);
}

export const idle = {outgoing: 0, incoming: 0};
