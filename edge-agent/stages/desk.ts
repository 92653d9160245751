/**
 * What the parts on one device share while they work for a run, in training and in inference: tensors that come and go, one
 * thing computed at a time, and an account of the time and the bytes that this takes.
 */
import type {Clock} from '../../core/clock.js';
import {decodeBundle, readBundle} from '../../core/codec/bundle.js';
import type {CodecSpec} from '../../core/codec/spec.js';
import {decodingWork} from '../../core/codec/work.js';
import {FplError} from '../../core/errors.js';
import type {DeviceId} from '../../core/ids.js';
import type {Phase} from '../../core/ledger/ledger.js';
import type {CodecCounts} from '../../core/plan/orders.js';
import type {Random} from '../../core/random.js';
import {type Sending, Sendings} from '../../core/wire/link/sendings.js';
import type {Acceptance, IncomingTransfer, TensorLink} from '../../core/wire/tensor-link.js';
import type {Tensors} from '../../models/engines/stage.js';
import type {Meter, RoundCosts, Workload} from '../meter.js';
import {PhaseClock} from '../phase-clock.js';
import type {Task} from '../state.js';
import {Courier} from './courier.js';
import {Mailbox} from './mailbox.js';

export interface DeskParts {
	readonly clock: Clock;
	readonly self: DeviceId;
	readonly link: TensorLink;
	readonly meter: Meter;
	readonly random: Random;
}

export interface DeskOptions {
	readonly task: Task;
	/** Of model and plan: tensors of other ones are refused. */
	readonly digest: string;
	/** Bytes of tensors that may wait, and how many steps or batches ahead they may be of. */
	readonly mailboxBytes: number;
	readonly ahead?: number;
	readonly codecTo: (device: string) => CodecSpec;
}

/** What came of computing, and when it was done, in milliseconds of the clock. */
export interface Computed<T> {
	readonly result: T;
	readonly began: number;
	readonly ended: number;
}

/** What was spent since the last account. */
export interface Account extends RoundCosts {
	readonly bytesSent: number;
	readonly bytesReceived: number;
	readonly peakMemoryBytes: number;
	/** How long transfers took, one to each peer. */
	readonly sendings: readonly Sending[];
}

/** What reading a bundle takes. */
const readingWork = (bytes: Uint8Array): number =>
	readBundle(bytes).reduce(
		(sum, {encoded: {format, shape, data}}) => sum + decodingWork(format, shape, data.length),
		0,
	);

export class Desk {
	readonly mailbox: Mailbox<Tensors>;
	readonly phases: PhaseClock;
	readonly #parts: DeskParts;
	readonly #options: DeskOptions;
	readonly #courier: Courier;
	readonly #sendings: Sendings;
	/** What was asked for last, and what before that. They settle in this order. */
	#computing: Promise<unknown> = Promise.resolve();
	#computedBefore: Promise<unknown> = Promise.resolve();
	/** When the last computing ended. */
	#ended = 0;
	#traffic: TensorLink['traffic'];

	constructor(parts: DeskParts, options: DeskOptions) {
		const {clock, link, random, meter} = parts;
		const {task, digest, codecTo, mailboxBytes, ahead} = options;
		this.#parts = parts;
		this.#options = options;
		this.phases = new PhaseClock(clock);
		this.#traffic = {...link.traffic};
		meter.begin();
		this.#sendings = new Sendings(link);
		this.#courier = new Courier({
			link: this.link,
			random,
			codecTo,
			task,
			digest,
			clock,
			encoded: (bytes, seconds, signal) => meter.stretchCoding(bytes, seconds, signal),
		});
		this.mailbox = new Mailbox({
			clock,
			maxBytes: mailboxBytes,
			...(ahead === undefined ? {} : {ahead}),
			open: bytes => Object.fromEntries(decodeBundle(bytes, {maxElements: mailboxBytes / 4})),
			opened: (bytes, seconds) => {
				const work = meter.emulated ? readingWork(bytes) : 0;
				return work > 0 ? meter.stretchCoding(work, seconds) : undefined;
			},
		});
	}

	/** What is sent over it is in the next account. */
	get link(): TensorLink {
		return this.#sendings.link;
	}

	/** What codecs did to what was sent. */
	get codecs(): CodecCounts {
		return this.#courier.counts;
	}

	/** A boundary transfer from another agent announces itself. */
	accept(transfer: IncomingTransfer): Acceptance {
		const {purpose} = transfer;
		const {task, digest} = this.#options;
		if (purpose.kind !== 'boundary' || purpose.run !== task.run || purpose.attempt !== task.attempt) {
			return {refuse: 'this device works for another run, or another attempt at it'};
		}
		if (purpose.digest !== digest) {
			return {refuse: `the model and plan differ: expected digest ${digest}, got ${purpose.digest}`};
		}
		return this.mailbox.accept(transfer, purpose.step, purpose.key);
	}

	/** Waits for tensors of a step or batch. @throws FplError `WIRE_TIMEOUT`, `INTERRUPTED`, `WIRE_INVALID`. */
	receive(step: number, key: string, deadlineMs: number, signal: AbortSignal): Promise<Tensors> {
		const {clock} = this.#parts;
		return this.phases.during('wait', async () => {
			const began = clock.monotonic();
			const letter = await this.mailbox.take(step, key, deadlineMs, signal);
			this.phases.move('wait', 'receive', Math.min((clock.monotonic() - began) / 1000, letter.seconds));
			return letter.content;
		});
	}

	/** Gives tensors to a part on some device, this one included; resolves when it has them. */
	async give(device: string, step: number, key: string, tensors: Tensors, signal: AbortSignal): Promise<void> {
		if (device === this.#parts.self) {
			this.mailbox.put(step, key, tensors);
		} else {
			await this.#courier.send(device, step, key, tensors, signal);
		}
	}

	/**
	 * One thing after the other, whatever parts there are, each stretched to the emulated device. The engine has the next one
	 * while it is at one, so that it goes on without waiting for this thread; where a device is emulated it has one at a time.
	 */
	compute<T>(work: Workload, task: () => Promise<T>, signal: AbortSignal): Promise<Computed<T>> {
		const {clock, meter} = this.#parts;
		const mine = (meter.emulated ? this.#computing : this.#computedBefore).then(async () => {
			if (signal.aborted) {
				throw new FplError('INTERRUPTED', {where: 'computing'});
			}
			return this.phases.during('compute', async () => {
				const asked = clock.monotonic();
				const result = await task();
				const began = Math.max(asked, this.#ended);
				const surplus = await meter.stretch(work, (clock.monotonic() - began) / 1000, signal);
				this.phases.move('compute', 'wait', surplus);
				this.#ended = clock.monotonic();
				return {result, began, ended: this.#ended};
			});
		});
		this.#computedBefore = this.#computing;
		this.#computing = mine.catch(() => {});
		return mine;
	}

	during<T>(phase: Phase, task: () => Promise<T>): Promise<T> {
		return this.phases.during(phase, task);
	}

	async account(): Promise<Account> {
		const {link, meter} = this.#parts;
		const {sent, received} = link.traffic;
		const bytes = {bytesSent: sent - this.#traffic.sent, bytesReceived: received - this.#traffic.received};
		this.#traffic = {sent, received};
		return {
			...(await meter.cost(this.phases.read(), bytes)),
			...bytes,
			peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
			sendings: this.#sendings.read(),
		};
	}
}
