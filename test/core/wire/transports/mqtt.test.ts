import net from 'node:net';
import type {Duplex} from 'node:stream';
import test from 'ava';
import type {Will} from '../../../../core/wire/transport.js';
import {connectMqtt} from '../../../../core/wire/transports/mqtt-connect.js';
import {startBroker} from '../../../../fog-broker/broker.js';
import {type TransportBench, transportContract} from '../../../contracts/transport.js';
import {mosquitto, noMosquitto, startMosquitto} from '../../../support/mosquitto.js';

let nonce = 0;

/** Connections whose sockets the test holds, so that it can break them. */
function benchOver(openSocket: () => Duplex, closeBroker: () => Promise<void>): TransportBench {
	const transports: Array<{close(): Promise<void>}> = [];
	return {
		async connect(name: string, will?: () => Will) {
			let socket: Duplex | undefined;
			let dead = false;
			const transport = await connectMqtt({
				broker() {
					socket = openSocket();
					if (dead) {
						socket.destroy();
					}
					return socket;
				},
				clientId: `test-${name}-${process.pid}-${nonce++}`,
				backoffMs: {first: 20, longest: 100},
				...(will && {will}),
			});
			transports.push(transport);
			return {
				transport,
				kill() {
					dead = true;
					socket?.destroy();
				},
				breakLink: () => void socket?.destroy(),
				reconnect() {},
			};
		},
		async close() {
			await Promise.all(transports.map(transport => transport.close()));
			await closeBroker();
		},
	};
}

transportContract(test, 'MQTT over aedes', async () => {
	const broker = await startBroker({listen: 'mqtt://127.0.0.1:0'});
	return benchOver(
		() => net.connect({port: broker.port, host: '127.0.0.1', noDelay: true}),
		() => broker.close(),
	);
});

transportContract(test, 'MQTT over aedes in the process', async () => {
	const broker = await startBroker({listen: 'mqtt://127.0.0.1:0'});
	return benchOver(broker.open, () => broker.close());
});

if (mosquitto) {
	transportContract(test, 'MQTT over Mosquitto', async () => {
		const {port, stop} = await startMosquitto();
		return benchOver(() => net.connect({port, host: '127.0.0.1', noDelay: true}), stop);
	});
} else {
	test('MQTT over Mosquitto is not tested here', t => {
		t.log(noMosquitto);
		t.pass();
	});
}
