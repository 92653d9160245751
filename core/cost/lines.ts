/** One direction of a link, and transfers over two of them: reservations in the order in which they are asked for. */
import type {CostDevice, CostFleet, Messaging} from './fleet.js';

/**
 * A link that carries one thing at a time. A reservation takes the first gap that is long enough, so that something that is
 * ready early is not kept waiting by something that was asked for earlier and is ready later.
 */
export class Line {
	readonly bytesPerSecond: number;
	/** Busy from → to, ascending, apart from each other. */
	readonly #busy: [number, number][] = [];

	constructor(bytesPerSecond: number) {
		this.bytesPerSecond = bytesPerSecond;
	}

	/** @returns when it begins. */
	reserve(ready: number, seconds: number): number {
		if (seconds <= 0) {
			return ready;
		}
		const busy = this.#busy;
		let at = busy.length;
		while (at > 0 && busy[at - 1]![1] > ready) {
			at--;
		}
		let begin = ready;
		for (; at < busy.length; at++) {
			const [from, to] = busy[at]!;
			if (begin + seconds <= from) {
				break;
			}
			begin = Math.max(begin, to);
		}
		const before = busy[at - 1];
		if (before && begin - before[1] < 1e-12) {
			before[1] = begin + seconds;
		} else {
			busy.splice(at, 0, [begin, begin + seconds]);
		}
		return begin;
	}
}

/** One end of a transfer. */
export interface End {
	readonly up: Line;
	readonly down: Line;
	readonly latencySeconds: number;
}

/** What all transfers go through. */
export interface Hub {
	readonly in: Line;
	readonly out: Line;
	readonly messaging: Messaging;
}

export interface Delivery {
	/** When the sender's link is free again. */
	readonly sent: number;
	readonly arrived: number;
	/** When the sender knows. */
	readonly acknowledged: number;
	/** How long the receiver was receiving. */
	readonly receiving: number;
}

/** Chunks that a sender sends before it has heard of the receiver (`core/wire/link`). */
const earlyChunks = 4;

/**
 * A transfer from device to broker to device. Chunks follow each other, so that both links are in use at once:
 * T = latencies + bytes / min(up, down) + one chunk on the faster of them. `undefined` ends are the broker's own machine.
 */
export function transfer(hub: Hub, from: End | undefined, to: End | undefined, bytes: number, ready: number): Delivery {
	const {chunkBytes, secondsPerMessage} = hub.messaging;
	const chunk = Math.min(bytes, chunkBytes);
	const roundTrip = 2 * ((from?.latencySeconds ?? 0) + (to?.latencySeconds ?? 0));
	let last = ready;
	let head = ready;
	/** One hop: the first chunk's end moves from `head`, the last chunk's from `last`. */
	const hop = (line: Line, latency: number) => {
		const {bytesPerSecond} = line;
		if (bytesPerSecond === Number.POSITIVE_INFINITY) {
			head += latency;
			last += latency;
			return head;
		}
		const begin = line.reserve(head, bytes / bytesPerSecond);
		const end = Math.max(begin + bytes / bytesPerSecond, last + chunk / bytesPerSecond);
		head = begin + chunk / bytesPerSecond + latency;
		last = end + latency;
		return begin;
	};
	let sent = ready;
	if (from) {
		// The opening and the first chunks go at once; more wait until the receiver has answered.
		const early = (earlyChunks * chunkBytes) / from.up.bytesPerSecond;
		const stall = bytes > earlyChunks * chunkBytes ? Math.max(0, roundTrip - early) : 0;
		hop(from.up, from.latencySeconds + secondsPerMessage);
		last += stall;
		sent = last - from.latencySeconds;
	}
	hop(hub.in, 0);
	hop(hub.out, 0);
	let began = last;
	if (to) {
		began = hop(to.down, to.latencySeconds + secondsPerMessage);
	}
	return {sent, arrived: last, acknowledged: last + roundTrip / 2, receiving: Math.max(0, last - began)};
}

export const endOf = ({profile: {link}}: CostDevice): End => ({
	up: new Line(link.upBytesPerSecond),
	down: new Line(link.downBytesPerSecond),
	latencySeconds: link.latencySeconds,
});

export const hubOf = ({broker, messaging}: CostFleet): Hub => ({
	in: new Line(broker.inBytesPerSecond),
	out: new Line(broker.outBytesPerSecond),
	messaging,
});
