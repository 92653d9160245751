/** What a party's transfers tell of the links that they take: of each peer the one that went fastest since the last reading. */
import type {DeviceId} from '../../ids.js';
import type {TensorLink, TransferStats} from '../tensor-link.js';

/** A transfer that was answered. */
export interface Sending extends Pick<TransferStats, 'wireBytes' | 'linkBytes' | 'seconds'> {
	readonly to: DeviceId;
	/** All of the peer that say something, since the last reading; this one was the fastest of them, for its size. */
	readonly transfers: number;
}

/** What is smaller says more of latency than of rates. */
export const leastTellingBytes = 16 * 1024;
/** More peers than that are not told of at once. */
export const mostSendings = 64;

export class Sendings {
	/** The same link; what goes over this one is noted. */
	readonly link: TensorLink;
	#fastest = new Map<DeviceId, Sending>();

	constructor(link: TensorLink) {
		this.link = {
			send: async (to, transfer, options) => {
				const stats = await link.send(to, transfer, options);
				this.#note(to, stats);
				return stats;
			},
			onTransfer: handler => link.onTransfer(handler),
			get traffic() {
				return link.traffic;
			},
			close: () => link.close(),
		};
	}

	/** Begins anew. */
	read(): readonly Sending[] {
		const result = [...this.#fastest.values()];
		this.#fastest = new Map();
		return result;
	}

	#note(to: DeviceId, {wireBytes, linkBytes, seconds, repeats}: TransferStats): void {
		const before = this.#fastest.get(to);
		// What had to be sent again says how much was lost, not how fast the link is.
		if (wireBytes < leastTellingBytes || repeats > 0 || (!before && this.#fastest.size >= mostSendings)) {
			return;
		}
		const transfers = (before?.transfers ?? 0) + 1;
		const isFaster = !before || seconds / wireBytes < before.seconds / before.wireBytes;
		this.#fastest.set(to, isFaster ? {to, wireBytes, linkBytes, seconds, transfers} : {...before, transfers});
	}
}
