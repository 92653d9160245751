/**
 * A shorter way for tensors through the broker. aedes takes every message apart, copies its payload, hands it from queue to
 * queue and puts it together again: some 0.3 ms and two copies per chunk. Nearly all traffic is QoS 0 frames from one party to
 * another that alone subscribes to its inbox; they go to that party's socket as they came. Everything else, and these too when
 * anybody else might want them, goes through aedes.
 */
import type {Duplex} from 'node:stream';
import type {Client} from 'aedes';
import type {Clock} from '../../core/clock.js';
import type {DeviceId} from '../../core/ids.js';
import type {Topics} from '../../core/wire/topics.js';
import {FrameDivider} from './divider.js';
import {Routes} from './routes.js';

/** With so many bytes on the way to a receiver, senders wait until it has taken them all. */
const mostWaitingBytes = 512 * 1024;

export interface ExpressOptions {
	readonly topics: Topics;
	readonly clock: Clock;
	/** How long a receiver may refuse to read before it is cut. */
	readonly drainMs: number;
	readonly onMessage: () => void;
	readonly onStuck: (client: Client) => void;
}

/** A client that has been admitted. */
interface Admitted {
	readonly client: Client;
	readonly party: DeviceId | undefined;
}

export class Express {
	readonly routes: Routes<Client>;
	readonly #options: ExpressOptions;
	readonly #admitted = new WeakMap<object, Admitted>();
	/** What goes on when a receiver has read everything. */
	readonly #waiting = new WeakMap<Duplex, Set<() => void>>();

	constructor(options: ExpressOptions) {
		this.#options = options;
		this.routes = new Routes(options.topics);
	}

	admit(client: Client, party: DeviceId | undefined): void {
		this.#admitted.set(client.conn, {client, party});
	}

	/** Takes what it can out of what aedes reads from the stream. Call before aedes has it, and after `limitFrames`. */
	attach(stream: Duplex): void {
		const read = stream.read.bind(stream);
		let held = false;
		const divider = new FrameDivider<Client>({
			route: topic => this.#route(stream, topic),
			take: (to, frame) => {
				const conn = to.conn as Duplex;
				this.#options.onMessage();
				keepAlive(this.#admitted.get(stream)?.client);
				if (!write(conn, frame) && !held) {
					held = true;
					this.#whenDrained(to, conn, () => {
						held = false;
						stream.emit('readable');
					});
				}
			},
		});
		stream.read = (size?: number) => {
			while (!held) {
				const chunk: unknown = read(size);
				if (!(chunk instanceof Buffer)) {
					return chunk;
				}
				const rest = divider.push(chunk);
				if (rest.length > 0) {
					return rest.length === 1 ? rest[0] : Buffer.concat(rest);
				}
			}
			return null;
		};
	}

	/** The rule of access is that of `Topics.mayPublish`: under its own name only. */
	#route(stream: Duplex, topic: string): Client | undefined {
		const party = this.#admitted.get(stream)?.party;
		const parsed = party === undefined ? undefined : this.#options.topics.parse(topic);
		return parsed?.kind === 'tensor' && parsed.from === party ? this.routes.onlyReceiver(parsed.to) : undefined;
	}

	/** When the receiver has read everything, or is gone: it is cut when it takes too long. */
	#whenDrained(to: Client, conn: Duplex, then: () => void): void {
		const before = this.#waiting.get(conn);
		if (before) {
			before.add(then);
			return;
		}
		const waiting = new Set([then]);
		this.#waiting.set(conn, waiting);
		const {clock, drainMs, onStuck} = this.#options;
		const cancel = clock.after(drainMs, () => {
			onStuck(to);
			conn.destroy();
		});
		const go = () => {
			cancel();
			conn.off('drain', go);
			conn.off('close', go);
			this.#waiting.delete(conn);
			for (const next of waiting) {
				next();
			}
		};
		conn.on('drain', go);
		conn.on('close', go);
	}
}

/** Whether there is room for more. To somebody who is gone everything is lost, as QoS 0 may be. */
function write(conn: Duplex, frame: readonly Buffer[]): boolean {
	if (conn.destroyed || !conn.writable) {
		return true;
	}
	conn.cork();
	for (const piece of frame) {
		conn.write(piece);
	}
	conn.uncork();
	return conn.writableLength < mostWaitingBytes;
}

/** aedes cuts clients that it has not heard of for too long, and it does not hear of what is taken out here. */
function keepAlive(client: Client | undefined): void {
	(client as {_keepaliveTimer?: NodeJS.Timeout | null} | undefined)?._keepaliveTimer?.refresh();
}
