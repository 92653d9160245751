/** The processes of the wire bench: a broker, a sender and a receiver, told what to do by their parent. */
import {randomBytes} from 'node:crypto';
import {connect, type MqttClient} from 'mqtt';
import {deviceId, runId} from '../../core/ids.js';
import {createTensorLink} from '../../core/wire/link/tensor-link.js';
import type {TensorLink} from '../../core/wire/tensor-link.js';
import {createTopics} from '../../core/wire/topics.js';
import {connectMqtt} from '../../core/wire/transports/mqtt-connect.js';
import {startBroker} from '../../fog-broker/broker.js';

/** One block: `repeats` tensors of `bytes`, one after the other. */
export interface Block {
	readonly contender: 'raw' | 'link';
	readonly bytes: number;
	readonly messageBytes: number;
	readonly repeats: number;
}

export interface BlockResult {
	/** Payload bytes per second. */
	readonly rate: number;
	readonly repeatedChunks: number;
}

const topics = createTopics();
const [sender, receiver] = [deviceId('sender'), deviceId('receiver')];
/** Outside the namespace, as any program on the broker may use. */
const raw = {data: 'bench/data', done: 'bench/done'};
/** Publications handed to mqtt.js at once: enough to keep the socket busy. */
const inFlight = 8;

const say = (message: object) => process.send?.(message);

export async function brokerRole(): Promise<void> {
	const broker = await startBroker({listen: 'mqtt://127.0.0.1:0'});
	say({url: broker.url});
}

async function rawClient(url: string): Promise<MqttClient> {
	const client = connect(url, {reconnectPeriod: 0});
	await new Promise<void>(resolve => client.once('connect', () => resolve()));
	return client;
}

export async function receiverRole(url: string): Promise<void> {
	const client = await rawClient(url);
	let expected = 0;
	let seen = 0;
	client.on('message', (_topic, payload) => {
		if (expected === 0) {
			// The first message of a tensor says how long it is.
			expected = payload.readDoubleLE(0);
		}
		seen += payload.length;
		if (seen >= expected) {
			seen = 0;
			expected = 0;
			client.publish(raw.done, '', {qos: 0});
		}
	});
	await client.subscribeAsync(raw.data);
	const transport = await connectMqtt({broker: url, clientId: topics.clientId(receiver, 'bench')});
	const link = await createTensorLink(transport, receiver, {topics});
	link.onTransfer(() => ({chunk() {}, done() {}, abort() {}}));
	say({ready: true});
}

export async function senderRole(url: string): Promise<void> {
	const client = await rawClient(url);
	await client.subscribeAsync(raw.done);
	const transport = await connectMqtt({broker: url, clientId: topics.clientId(sender, 'bench')});
	const data = new Map<number, Buffer>();
	let open: {readonly messageBytes: number; readonly link: TensorLink} | undefined;
	let count = 0;

	async function sendRaw(tensor: Buffer, messageBytes: number): Promise<void> {
		tensor.writeDoubleLE(tensor.length, 0);
		const done = new Promise<void>(resolve => client.once('message', () => resolve()));
		let offset = 0;
		const worker = async () => {
			while (offset < tensor.length) {
				const part = tensor.subarray(offset, offset + messageBytes);
				offset += messageBytes;
				await client.publishAsync(raw.data, part, {qos: 0});
			}
		};
		await Promise.all(Array.from({length: inFlight}, worker));
		await done;
	}

	process.on('message', async ({contender, bytes, messageBytes, repeats}: Block) => {
		const tensor = data.get(bytes) ?? randomBytes(bytes);
		data.set(bytes, tensor);
		let repeatedChunks = 0;
		if (open?.messageBytes !== messageBytes) {
			await open?.link.close();
			open = {messageBytes, link: await createTensorLink(transport, sender, {topics, chunkBytes: messageBytes})};
		}
		const {link} = open;
		const started = performance.now();
		for (let index = 0; index < repeats; index++) {
			if (contender === 'raw') {
				await sendRaw(tensor, messageBytes);
			} else {
				const id = `t${process.pid}-${count++}`;
				const purpose = {kind: 'weights', run: runId('bench'), round: index} as const;
				const stats = await link.send(receiver, {id, purpose, data: tensor}, {stallMs: 20_000});
				repeatedChunks += stats.repeats;
			}
		}
		const seconds = (performance.now() - started) / 1000;
		say({rate: (repeats * bytes) / seconds, repeatedChunks} satisfies BlockResult);
	});
	say({ready: true});
}
