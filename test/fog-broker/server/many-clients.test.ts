/** The parameter server takes many contributions at once in the memory of one. */
import test, {type ExecutionContext} from 'ava';
import {type DeviceId, deviceId} from '../../../core/ids.js';
import {bytesOf} from '../../../core/tensor/tensor.js';
import {createTensorLink} from '../../../core/wire/link/tensor-link.js';
import type {IncomingTransfer} from '../../../core/wire/tensor-link.js';
import {coordinatorId, createTopics} from '../../../core/wire/topics.js';
import {MemoryBroker} from '../../../core/wire/transports/memory-broker.js';
import {ParameterServer} from '../../../fog-broker/server/parameter-server.js';
import type {Trainer, TrainerState} from '../../../models/engines/engine.js';

const megabyte = 1024 ** 2;
const elements = megabyte;
const topics = createTopics('many');

/** A trainer that only keeps weights: what is measured here is the server. */
function aTrainer(): Trainer {
	let state: TrainerState = {
		parameters: new Float32Array(elements),
		buffers: new Float32Array(0),
		slots: [],
		updates: 0,
	};
	const unused = () => Promise.reject(new Error('not used here'));
	return {
		parameters: {length: elements, entries: []},
		buffers: {length: 0, entries: []},
		save: async () => state,
		load: async change => {
			state = {...state, ...change};
		},
		step: unused,
		gradient: unused,
		apply: unused,
		evaluate: unused,
		close: async () => {},
	};
}

/** Everybody sends at once, in chunks. Answers the memory of buffers that this took at its peak, sender's side excluded. */
async function round(t: ExecutionContext, clients: number): Promise<number> {
	const broker = new MemoryBroker();
	const trainer = aTrainer();
	const names = Array.from({length: clients}, (_, index) => deviceId(`dev-${index + 1}`));
	const delivered = new Set<DeviceId>();
	const server = new ParameterServer({
		run: 'run',
		attempt: 1,
		exchange: 'weights',
		trainer,
		onDelivered: device => delivered.add(device),
	});
	server.openRound(0, names);
	const link = await createTensorLink(broker.attach(), coordinatorId, {topics});
	let under = 0;
	let mostUnder = 0;
	link.onTransfer((transfer: IncomingTransfer) => {
		const sink = server.accept(transfer);
		if (sink === 'already' || 'refuse' in sink) {
			return sink;
		}
		mostUnder = Math.max(mostUnder, ++under);
		return {
			...sink,
			done() {
				under--;
				sink.done();
			},
		};
	});
	// One vector for all senders, so that what grows is on the receiver's side.
	const data = bytesOf({data: Float32Array.from({length: elements}, (_, index) => index % 1000)});
	const senders = await Promise.all(
		names.map(name => createTensorLink(broker.attach(), name, {topics, chunkBytes: 64 * 1024})),
	);
	let peak = 0;
	const before = process.memoryUsage().arrayBuffers;
	let inProcess = 0;
	const watch = setInterval(() => {
		peak = Math.max(peak, server.bufferBytes);
		inProcess = Math.max(inProcess, process.memoryUsage().arrayBuffers - before);
	}, 1);
	await Promise.all(
		senders.map((sender, index) =>
			sender.send(
				coordinatorId,
				{
					id: `c-${index}`,
					purpose: {
						kind: 'contribution',
						run: 'run',
						round: 0,
						attempt: 1,
						weight: index + 1,
						parameters: elements,
						buffers: 0,
						key: '',
					},
					data,
				},
				{stallMs: 30_000},
			),
		),
	);
	clearInterval(watch);
	peak = Math.max(peak, server.bufferBytes);
	t.is(delivered.size, clients);
	t.true(mostUnder > clients / 2, `${mostUnder} at once`);
	await server.closeRound(1);
	const {parameters} = await trainer.save();
	t.true(parameters.every((value, index) => Math.abs(value - (index % 1000)) < 1e-3));
	await Promise.all([...senders.map(sender => sender.close()), link.close()]);
	t.log(
		`${clients} clients: ${(peak / megabyte).toFixed(2)} MB in the server`,
		`(chunks on their way through this process included ${(inProcess / megabyte).toFixed(0)} MB)`,
	);
	return peak;
}

test('fifty clients with 4 MB each take hardly more memory than two', async t => {
	const few = await round(t, 2);
	const many = await round(t, 50);
	// A double per element and a weight per block; per client there is only a mark per block of 4 kB.
	t.true(many < 8.2 * megabyte, `${many}`);
	t.true(many - few < 50 * 1024, `${many - few}`);
});
