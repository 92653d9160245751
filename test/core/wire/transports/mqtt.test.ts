import {type ChildProcess, spawn} from 'node:child_process';
import {existsSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type {Duplex} from 'node:stream';
import test from 'ava';
import type {Will} from '../../../../core/wire/transport.js';
import {connectMqtt} from '../../../../core/wire/transports/mqtt-connect.js';
import {startBroker} from '../../../../fog-broker/broker.js';
import {type TransportBench, transportContract} from '../../../contracts/transport.js';

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

/** Absolute, or on the search path or where Debian puts it. */
const mosquitto = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin']
	.map(folder => path.join(folder, 'mosquitto'))
	.find(file => existsSync(file));

async function freePort(): Promise<number> {
	const server = net.createServer();
	await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
	const address = server.address();
	await new Promise(resolve => server.close(resolve));
	return typeof address === 'object' && address ? address.port : 0;
}

async function startMosquitto(binary: string): Promise<{port: number; child: ChildProcess; folder: string}> {
	const port = await freePort();
	const folder = mkdtempSync(path.join(os.tmpdir(), 'fpl-mosquitto-'));
	const config = path.join(folder, 'mosquitto.conf');
	writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
	const child = spawn(binary, ['-c', config], {stdio: 'ignore'});
	for (let attempt = 0; ; attempt++) {
		const up = await new Promise<boolean>(resolve => {
			const socket = net.connect({port, host: '127.0.0.1'});
			socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
			socket.once('connect', () => socket.destroy());
		});
		if (up) {
			return {port, child, folder};
		}
		if (attempt > 100) {
			throw new Error('mosquitto did not start');
		}
		await new Promise(resolve => setTimeout(resolve, 50));
	}
}

if (mosquitto) {
	transportContract(test, 'MQTT over Mosquitto', async () => {
		const {port, child, folder} = await startMosquitto(mosquitto);
		return benchOver(
			() => net.connect({port, host: '127.0.0.1', noDelay: true}),
			async () => {
				await new Promise(resolve => child.once('exit', resolve).kill());
				rmSync(folder, {recursive: true});
			},
		);
	});
} else {
	test('MQTT over Mosquitto is not tested here', t => {
		t.log('skipped: no mosquitto on this machine (apt install mosquitto)');
		t.pass();
	});
}
