/** What coordinating itself costs: the parameter server's computing, its traffic, and the joules of its machine. */
import type {Clock} from '../../core/clock.js';
import {phaseCosts} from '../../core/energy/model.js';
import type {DeviceProfile} from '../../core/profile/profile.js';
import type {TensorLink} from '../../core/wire/tensor-link.js';
import {coordinatorId} from '../../core/wire/topics.js';
import type {LedgerBook} from '../run/ledger-book.js';

export class ServerAccounts {
	readonly #clock: Clock;
	readonly #host: DeviceProfile;
	readonly #link: TensorLink;
	readonly #began: number;
	readonly #traffic: TensorLink['traffic'];
	#computeMs = 0;

	constructor(clock: Clock, host: DeviceProfile, link: TensorLink) {
		this.#clock = clock;
		this.#host = host;
		this.#link = link;
		this.#began = clock.monotonic();
		this.#traffic = {...link.traffic};
	}

	/** Counts the time a task takes as computing. */
	async computing<T>(task: () => Promise<T>): Promise<T> {
		const began = this.#clock.monotonic();
		try {
			return await task();
		} finally {
			this.#computeMs += this.#clock.monotonic() - began;
		}
	}

	/** Enters what this attempt cost. Time that was not spent computing is waiting for the devices. */
	settle(book: LedgerBook, role = 'parameter server'): void {
		const elapsed = (this.#clock.monotonic() - this.#began) / 1000;
		const computeSeconds = Math.min(elapsed, this.#computeMs / 1000);
		const {sent, received} = this.#link.traffic;
		const bytesSent = sent - this.#traffic.sent;
		const bytesReceived = received - this.#traffic.received;
		// The broker is on the same machine: nothing of this goes over a radio of its own.
		const {phases, radioJoules} = phaseCosts(this.#host, {
			computeSeconds,
			sendSeconds: 0,
			receiveSeconds: 0,
			waitSeconds: elapsed - computeSeconds,
			idleSeconds: 0,
			bytesUp: 0,
			bytesDown: 0,
			utilisation: 1 / this.#host.cores,
		});
		book.enrol(coordinatorId, {profile: this.#host.name, emulated: false, role});
		book.spent(coordinatorId, {
			phases,
			radioJoules,
			energySource: 'modelled',
			bytesSent,
			bytesReceived,
			items: 0,
			peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
		});
	}
}
