/** The caller's side of anything that lives in a worker. */
import {asFplError, FplError} from '../../../core/errors.js';
import type {Channel} from './channel.js';
import type {Request} from './protocol.js';

/** One executable in the worker. Calls after `close` reject. */
export class Executable {
	protected readonly handle: number;
	readonly #channel: Channel;
	readonly #name: string;
	#closed = false;

	constructor(channel: Channel, handle: number, name: string) {
		this.#channel = channel;
		this.handle = handle;
		this.#name = name;
	}

	protected async call<T>(request: Request): Promise<T> {
		if (this.#closed) {
			throw new FplError('WIRE_CLOSED', {where: `«${this.#name}» in engine ${this.#channel.engine}`});
		}
		return await this.#channel.call<T>(request);
	}

	/** Calls under way end first. Closing again does nothing. */
	async close(): Promise<void> {
		if (this.#closed) {
			return;
		}
		this.#closed = true;
		await this.#channel.call<void>({kind: 'close', handle: this.handle}).catch((error: unknown) => {
			// The engine was closed, or its thread died: nothing is left to free.
			if (!['WIRE_CLOSED', 'ENGINE_FAILED'].includes(asFplError(error).code)) {
				throw error;
			}
		});
	}
}
