/**
 * Messages and transfers over two links (`core/wire/link`), in pieces: so many at once that links are kept busy, and not all at
 * once, so that transfers over the same link share it. `undefined` ends are the coordinator, which is beside the broker.
 */
import {defaultPacing, Pacing} from '../wire/link/pacing.js';
import {earlyBytes, earlyChunks} from '../wire/link/schedule.js';
import {Agenda} from './agenda.js';
import type {CostDevice, CostFleet, Messaging} from './fleet.js';
import {Gate, type Pipe} from './pipes.js';
import {answerBytes, chunkHeadBytes, openingBytes} from './traffic.js';

const wayOf = (from: End | undefined, to: End | undefined): string => `${from?.name ?? ''}>${to?.name ?? ''}`;

/** One end of a transfer. */
export interface End {
	readonly up: Pipe;
	readonly down: Pipe;
	readonly latencySeconds: number;
	/** The device. */
	readonly name: string;
	/** Until when it is busy with encoding and decoding, beside computing. */
	codingUntil: number;
}

/** Chunks that a sender has ready for its link. */
export const mostUnsent = 4;
/** A receiver that is not asked answers after a silence this long. */
const answerAfterSeconds = 0.005;
/** Chunks that a receiver lets be under way. */
const mostUnderWay = 64;
/** Transfers are divided into no more pieces. */
const mostPieces = 128;

export interface TransferEvents {
	/** All of it is there; it took so long from the first message to the last. */
	readonly arrived?: (receivingSeconds: number) => void;
	/** The sender knows. */
	readonly acknowledged?: () => void;
	/** So many bytes more are there. */
	readonly moved?: (bytes: number) => void;
}

interface PieceEvents {
	readonly finish: (receivingSeconds: number) => void;
	readonly moved: ((bytes: number) => void) | undefined;
	/** The last piece has been given to the link. */
	readonly sentAll: () => void;
}

export class Wire {
	readonly agenda = new Agenda();
	readonly messaging: Messaging;
	readonly #in: Gate;
	readonly #out: Gate;
	readonly #learnt: Map<string, Pacing>;
	/** By way: what waits until all chunks of the transfers before it have been sent. Absent: nothing is being sent. */
	readonly #lines = new Map<string, Array<() => void>>();

	/** @param before what was learnt of the ways in the step before. */
	constructor({broker, messaging}: CostFleet, before?: Wire) {
		this.#learnt = new Map(before ? before.#learnt : []);
		this.messaging = messaging;
		this.#in = new Gate(this.agenda, broker.inBytesPerSecond);
		this.#out = new Gate(this.agenda, broker.outBytesPerSecond);
	}

	/** Whether transfers over a shared link go on otherwise once something was learnt of it. */
	get learns(): boolean {
		return this.#learnt.size > 0 && this.#in.isShared;
	}

	endOf({device, profile: {link}}: CostDevice): End {
		return {
			name: device,
			up: this.#in.pipe(link.upBytesPerSecond),
			down: this.#out.pipe(link.downBytesPerSecond),
			latencySeconds: link.latencySeconds,
			codingUntil: 0,
		};
	}

	/** Encodes or decodes something, after what was asked for before. */
	code(end: End, seconds: number, done: () => void): void {
		if (seconds === 0 && end.codingUntil <= this.agenda.now) {
			done();
		} else {
			end.codingUntil = Math.max(this.agenda.now, end.codingUntil) + seconds;
			this.agenda.at(end.codingUntil, done);
		}
	}

	/**
	 * Encodes something, after what was asked for before, and sends it.
	 * @param began is told when that is.
	 */
	codeAndSend(
		from: End,
		to: End,
		bytes: number,
		seconds: number,
		events: TransferEvents,
		began: (at: number) => void,
	): void {
		const {chunkBytes, secondsPerMessage} = this.messaging;
		const at = Math.max(this.agenda.now, from.codingUntil) + seconds;
		const isSoon = at - this.agenda.now <= secondsPerMessage;
		if (isSoon && bytes <= chunkBytes && this.#lines.size === 0 && from.up.carryFrom) {
			// An event of its own would cost more than it tells.
			from.codingUntil = at;
			began(at);
			const {latencySeconds} = from;
			from.up.carryFrom(at, openingBytes + bytes, latencySeconds + secondsPerMessage, () =>
				this.message(undefined, to, openingBytes + bytes, () => this.#finish(from, to, 0, events)),
			);
		} else {
			this.code(from, seconds, () => {
				began(this.agenda.now);
				this.transfer(from, to, bytes, events);
			});
		}
	}

	/** @param sent called when it has left the sender. */
	message(from: End | undefined, to: End | undefined, bytes: number, arrived: () => void, sent?: () => void): void {
		const {secondsPerMessage} = this.messaging;
		const down = to ? () => to.down.carry(bytes, to.latencySeconds + secondsPerMessage, arrived) : arrived;
		if (!from) {
			down();
			sent?.();
			return;
		}
		const later = from.latencySeconds + secondsPerMessage;
		if (sent) {
			from.up.carry(bytes, 0, () => {
				this.agenda.at(this.agenda.now + later, down);
				sent();
			});
		} else {
			from.up.carry(bytes, later, down);
		}
	}

	/** What was learnt of the way between two ends: a transfer goes on where the one before it was. */
	#pacing(way: string): Pacing {
		const pacing = new Pacing(defaultPacing, this.#learnt.get(way));
		this.#learnt.set(way, pacing);
		return pacing;
	}

	/** @param bytes of the tensors, without what the transfer adds. */
	transfer(from: End | undefined, to: End | undefined, bytes: number, events: TransferEvents): void {
		const {moved} = events;
		const finish = (receiving: number) => this.#finish(from, to, receiving, events);
		const fits = bytes <= this.messaging.chunkBytes;
		const whole = () =>
			this.message(from, to, openingBytes + bytes, () => {
				moved?.(bytes);
				finish(0);
			});
		if (fits && this.#lines.size === 0) {
			whole();
			return;
		}
		const way = wayOf(from, to);
		const pacing = fits ? undefined : this.#pacing(way);
		const start = () => {
			if (pacing) {
				this.#pieces(from, to, bytes, {finish, moved, sentAll: () => this.#passOn(way)}, pacing);
			} else {
				whole();
				this.#passOn(way);
			}
		};
		const line = this.#lines.get(way);
		if (line) {
			line.push(start);
		} else {
			this.#lines.set(way, []);
			start();
		}
	}

	#finish(
		from: End | undefined,
		to: End | undefined,
		receiving: number,
		{arrived, acknowledged}: TransferEvents,
	): void {
		arrived?.(receiving);
		if (acknowledged) {
			this.message(to, from, answerBytes, acknowledged);
		}
	}

	/** Transfers from one to another follow each other. */
	#passOn(way: string): void {
		const next = this.#lines.get(way)?.shift();
		if (next) {
			next();
		} else {
			this.#lines.delete(way);
		}
	}

	#pieces(
		from: End | undefined,
		to: End | undefined,
		bytes: number,
		{finish, moved, sentAll}: PieceEvents,
		pacing: Pacing,
	): void {
		const {agenda} = this;
		const {chunkBytes} = this.messaging;
		const chunks = Math.ceil(bytes / chunkBytes);
		/** Chunks of a piece. */
		const most = this.messaging.mostPieces ?? mostPieces;
		const group = Math.ceil(chunks / most);
		const pieces = Math.ceil(chunks / group);
		const per = (count: number) => Math.max(1, Math.floor(count / group));
		let [next, unsent, known, received, began, unasked, arrivals] = [0, 0, 0, 0, 0, 0, 0];
		/** When each piece was sent. */
		const times: number[] = [];
		let allowed = per(earlyChunks);
		let accepted = false;
		const push = () => {
			while (next < pieces && next - known < allowed && unsent < per(mostUnsent)) {
				const first = next * group;
				const count = Math.min(group, chunks - first);
				const data = Math.min(bytes - first * chunkBytes, count * chunkBytes);
				next++;
				unsent++;
				const piece = times.push(agenda.now) - 1;
				unasked += count;
				const ask = unasked >= pacing.window / 4 && pieces - next > per(pacing.window) - (next - known);
				unasked = ask ? 0 : unasked;
				let inCall = true;
				const sent = () => {
					// Waiting in front of the own link is no delay of the way.
					times[piece] = agenda.now;
					unsent--;
					if (!inCall) {
						push();
					}
				};
				this.message(from, to, data + count * chunkHeadBytes, () => come(ask, data), sent);
				inCall = false;
				if (next === pieces) {
					sentAll();
				}
			}
		};
		/** The sender hears of the pieces that have come: of some at once, of others when nothing more comes for a while. */
		const answer = () => {
			const count = received;
			this.message(to, from, answerBytes, () => {
				if (count > known) {
					const sample = 1000 * (agenda.now - times[count - 1]!);
					pacing.acknowledged(group * (count - known), sample, mostUnderWay);
					known = count;
					allowed = accepted ? per(pacing.window) : allowed;
					push();
				}
			});
		};
		const come = (asked: boolean, data: number) => {
			received++;
			moved?.(data);
			if (received === pieces) {
				finish(agenda.now - began);
			} else if (next < pieces) {
				const arrival = ++arrivals;
				if (asked) {
					answer();
				} else {
					agenda.at(agenda.now + answerAfterSeconds, () => {
						if (arrival === arrivals && received < pieces) {
							answer();
						}
					});
				}
			}
		};
		const waits = chunks > earlyChunks || bytes > earlyBytes;
		const opened = () => {
			began = agenda.now;
			if (waits) {
				this.message(to, from, answerBytes, () => {
					accepted = true;
					allowed = per(pacing.window);
					push();
				});
			}
		};
		// The opening takes the place of a chunk in front of the sender's link.
		unsent++;
		this.message(from, to, openingBytes, opened, () => {
			unsent--;
			push();
		});
		push();
	}
}
