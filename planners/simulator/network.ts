/**
 * The network as messages meet it: each direction of a device's connection with the broker carries one message after the other,
 * and the broker passes a message on when it has all of it. The broker's own link is shared by the connections.
 */
import type {CostFleet} from '../../core/cost/fleet.js';
import type {Kernel} from './kernel.js';
import {Connection, Trunk} from './trunk.js';

/** Where messages come from and go to: a device, or the coordinator, which is beside the broker. */
export interface Party {
	readonly name: string;
	/** Undefined: the coordinator's. */
	readonly link: {readonly up: Connection; readonly down: Connection; readonly latencySeconds: number} | undefined;
	/** Of tensors and answers to them. */
	bytesSent: number;
	bytesReceived: number;
}

export interface Dispatch {
	readonly from: Party;
	readonly to: Party;
	readonly bytes: number;
	/** Whether it belongs to a tensor: only these are counted. */
	readonly counted: boolean;
	readonly slower: number;
	/** When it has left the sender, which may send the next one. */
	readonly sent?: () => void;
	readonly arrived: () => void;
}

export class Network {
	readonly coordinator: Party = {name: 'coordinator', link: undefined, bytesSent: 0, bytesReceived: 0};
	readonly #kernel: Kernel;
	readonly #in: Trunk;
	readonly #out: Trunk;
	readonly #secondsPerMessage: number;
	/** Bytes of tensors and answers, each counted once. */
	bytes = 0;

	constructor(kernel: Kernel, {broker, messaging}: CostFleet) {
		this.#kernel = kernel;
		this.#in = new Trunk(kernel, broker.inBytesPerSecond);
		this.#out = new Trunk(kernel, broker.outBytesPerSecond);
		this.#secondsPerMessage = messaging.secondsPerMessage;
	}

	join({device, profile: {link}}: CostFleet['devices'][number]): Party {
		return {
			name: device,
			link: {
				up: new Connection(this.#kernel, this.#in, link.upBytesPerSecond),
				down: new Connection(this.#kernel, this.#out, link.downBytesPerSecond),
				latencySeconds: link.latencySeconds,
			},
			bytesSent: 0,
			bytesReceived: 0,
		};
	}

	post({from, to, bytes, counted, slower, sent, arrived}: Dispatch): void {
		if (counted) {
			this.bytes += bytes;
			from.bytesSent += bytes;
			to.bytesReceived += bytes;
		}
		const kernel = this.#kernel;
		const deliver = () => {
			if (!to.link) {
				arrived();
				return;
			}
			const {down, latencySeconds} = to.link;
			down.carry(slower * bytes, () => kernel.after(latencySeconds + this.#secondsPerMessage, arrived));
		};
		if (!from.link) {
			sent?.();
			deliver();
			return;
		}
		const {up, latencySeconds} = from.link;
		up.carry(slower * bytes, () => {
			sent?.();
			kernel.after(latencySeconds + this.#secondsPerMessage, deliver);
		});
	}
}
