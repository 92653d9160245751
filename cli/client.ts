/** A client of the coordinator: submits jobs, follows runs, fetches what they made. Used by every command that asks. */
import {createHash, randomBytes} from 'node:crypto';
import type {Command} from 'commander';
import {type Clock, systemClock} from '../core/clock.js';
import {asFplError, FplError, isFplError} from '../core/errors.js';
import {type DeviceId, deviceId, type RunId} from '../core/ids.js';
import type {RunUpdate} from '../core/ledger/run-update.js';
import type {Logger} from '../core/log.js';
import type {BodyOf, Kind} from '../core/wire/bodies.js';
import {Inbox} from '../core/wire/inbox.js';
import {createTensorLink} from '../core/wire/link/tensor-link.js';
import {decode} from '../core/wire/message.js';
import {createMessenger} from '../core/wire/messenger.js';
import {coordinatorId, createTopics, type Topics} from '../core/wire/topics.js';
import type {Transport} from '../core/wire/transport.js';
import {loggerOf, stopSignal} from './options.js';

const answerMs = 20_000;
/** A job is answered when its model has been built, its data have been opened and its files have been written. */
const submitMs = 120_000;
const transferMs = 120_000;
/** A run that says nothing is asked again this often: its last update may have been lost. */
const askAgainMs = 3000;
/** A coordinator that is silent for this long is given up. */
const patienceMs = 180_000;
const maxFileBytes = 2 * 1024 ** 3;

export interface ClientOptions {
	readonly broker: string;
	readonly namespace: string;
	readonly logger: Logger;
	readonly signal: AbortSignal;
}

export interface Client {
	ask<K extends Kind>(body: Parameters<Ask>[0], expect: K): Promise<BodyOf<K>>;
	/** Hands a file to the coordinator; answers its SHA-256 in hex. */
	upload(name: string, data: Uint8Array): Promise<string>;
	/**
	 * Every update of a run from number `from` on, in order, each once, until it has ended; survives restarts of the coordinator.
	 * @throws FplError `RUN_UNKNOWN`, `WIRE_TIMEOUT` when nothing is heard for minutes, `INTERRUPTED` when the signal aborts.
	 */
	follow(run: RunId, options?: {readonly from?: number; readonly signal?: AbortSignal}): AsyncGenerator<RunUpdate>;
	fetch(run: RunId, what: BodyOf<'fetch'>['what']): Promise<Uint8Array>;
	close(): Promise<void>;
}

type Ask = (body: BodyOf<'submit' | 'infer' | 'listDevices' | 'listRuns' | 'watch' | 'fetch' | 'stop'>) => unknown;

export interface ClientParts {
	readonly transport: Transport;
	readonly topics: Topics;
	readonly self: DeviceId;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** A client on a transport that it then owns. */
export async function createClient({transport, topics, self, clock, logger}: ClientParts): Promise<Client> {
	const messenger = await createMessenger({transport, self, topics, clock, logger});
	const link = await createTensorLink(transport, self, {topics, clock, logger});
	const inbox = new Inbox({clock, maxBytes: maxFileBytes, maxKept: 2});
	link.onTransfer(transfer => (transfer.from === coordinatorId ? inbox.accept(transfer) : {refuse: 'not expected'}));

	let uploads = 0;

	const ask: Client['ask'] = async (body, expect) =>
		(
			await messenger.request(coordinatorId, body, {
				expect: [expect],
				deadlineMs: body.kind === 'submit' || body.kind === 'infer' ? submitMs : answerMs,
			})
		).body;

	return {
		ask,

		async upload(name, data) {
			const digest = createHash('sha256').update(data).digest('hex');
			// The coordinator forgets a file once a job has taken it: sent again, it is another transfer.
			const id = `upload/${digest.slice(0, 32)}/${self}/${++uploads}`;
			await link.send(coordinatorId, {id, purpose: {kind: 'file', run: '', name, digest}, data}, {stallMs: transferMs});
			return digest;
		},

		async *follow(run, {from = 0, signal} = {}) {
			const waiting = new Map<number, RunUpdate>();
			let wake = new AbortController();
			let next = from;
			const receive = (event: BodyOf<'runEvent'>) => {
				if (event.run === run && event.sequence >= next && waiting.size < 10_000) {
					waiting.set(event.sequence, JSON.parse(event.event) as RunUpdate);
					wake.abort();
				}
			};
			messenger.serve(({body}) => {
				if (body.kind === 'runEvent') {
					receive(body);
				}
				return undefined;
			});
			const subscription = await transport.subscribe(topics.events(run), (_topic, payload) => {
				const {body} = decode(payload);
				if (body.kind === 'runEvent') {
					receive(body);
				}
			});
			try {
				let heard = clock.monotonic();
				let asked = Number.NEGATIVE_INFINITY;
				let lost: FplError | undefined;
				for (;;) {
					for (let update = waiting.get(next); update; update = waiting.get(next)) {
						waiting.delete(next);
						next += 1;
						heard = clock.monotonic();
						yield update;
						if (update.kind === 'ended') {
							return;
						}
					}
					if (lost) {
						throw lost;
					}
					if (signal?.aborted) {
						throw new FplError('INTERRUPTED', {where: `following ${run}`});
					}
					if (clock.monotonic() - heard > patienceMs) {
						throw new FplError('WIRE_TIMEOUT', {
							where: `following ${run}`,
							expected: `news within ${patienceMs / 1000} s`,
							got: 'none',
							fix: 'See whether the fog broker runs; «fpl run --resume» goes on with the run.',
						});
					}
					if (clock.monotonic() - Math.max(heard, asked) >= askAgainMs || asked < 0) {
						asked = clock.monotonic();
						messenger
							.request(coordinatorId, {kind: 'watch', run, fromSequence: next}, {expect: ['ack'], deadlineMs: answerMs})
							.then(() => {
								heard = clock.monotonic();
							})
							.catch((error: unknown) => {
								lost = isFplError(error, 'RUN_UNKNOWN') ? error : lost;
								logger.debug(`watch: ${asFplError(error).message}`);
								wake.abort();
							});
					}
					wake = new AbortController();
					if (!waiting.has(next)) {
						await clock.sleep(askAgainMs, signal ? AbortSignal.any([wake.signal, signal]) : wake.signal);
					}
				}
			} finally {
				await subscription.unsubscribe();
			}
		},

		async fetch(run, what) {
			const reply = await ask({kind: 'fetch', run, what}, 'fetchReply');
			return reply.transfer === '' ? Buffer.from(reply.content) : (await inbox.take(reply.transfer, transferMs)).data;
		},

		async close() {
			await link.close();
			await messenger.close();
			await transport.close();
		},
	};
}

/** @throws FplError `BROKER_UNREACHABLE`, `BROKER_REFUSED`, `INTERRUPTED`. */
export async function connectClient({broker, namespace, logger, signal}: ClientOptions): Promise<Client> {
	const clock = systemClock;
	const topics = createTopics(namespace);
	const nonce = randomBytes(6).toString('hex');
	const self = deviceId(`client-${nonce}`);
	const {connectMqtt} = await import('../core/wire/transports/mqtt-connect.js');
	const transport = await connectMqtt({broker, clientId: topics.clientId(self, nonce), logger, signal, clock});
	return createClient({transport, topics, self, clock, logger});
}

/** Connects as the command's `--broker` and `--namespace` say, and closes the connection whatever happens. */
export async function withClient<T>(
	command: Command,
	use: (client: Client, signal: AbortSignal) => Promise<T>,
): Promise<T> {
	const {broker, namespace} = command.opts() as {broker: string; namespace: string};
	const signal = stopSignal();
	const client = await connectClient({broker, namespace, logger: loggerOf(command), signal});
	try {
		return await use(client, signal);
	} finally {
		await client.close();
	}
}
