/** A real Mosquitto as a child process, where it is installed. */
import {type ChildProcess, spawn} from 'node:child_process';
import {existsSync} from 'node:fs';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

/** Absolute, or on the search path or where Debian puts it. */
export const mosquitto: string | undefined = [
	...(process.env['PATH'] ?? '').split(path.delimiter),
	'/usr/sbin',
	'/usr/local/sbin',
]
	.map(folder => path.join(folder, 'mosquitto'))
	.find(file => existsSync(file));

export const noMosquitto = 'skipped: no mosquitto on this machine (apt install mosquitto)';

export interface RunningMosquitto {
	readonly port: number;
	readonly url: string;
	/** SIGKILL, and wait. */
	kill(): Promise<void>;
	/** SIGTERM, and wait. */
	stop(): Promise<void>;
}

async function freePort(): Promise<number> {
	const server = net.createServer();
	await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
	const address = server.address();
	await new Promise(resolve => server.close(resolve));
	return typeof address === 'object' && address ? address.port : 0;
}

const answers = (port: number): Promise<boolean> =>
	new Promise(resolve => {
		const socket = net.connect({port, host: '127.0.0.1'});
		socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
		socket.once('connect', () => socket.destroy());
	});

/** Starts it without persistence: what it retained is gone when it is killed. A port that somebody took meanwhile is tried again. */
export async function startMosquitto(wanted?: number): Promise<RunningMosquitto> {
	for (let attempt = 1; ; attempt++) {
		const port = wanted ?? (await freePort());
		const folder = await mkdtemp(path.join(os.tmpdir(), 'fpl-mosquitto-'));
		const config = path.join(folder, 'mosquitto.conf');
		await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
		const child: ChildProcess = spawn(mosquitto ?? 'mosquitto', ['-c', config], {stdio: 'ignore'});
		const ended = new Promise<void>(resolve => {
			child.once('exit', () => resolve()).once('error', () => resolve());
		});
		const running = () => child.exitCode === null && child.signalCode === null && child.pid !== undefined;
		const end = async (signal: NodeJS.Signals) => {
			child.kill(signal);
			await ended;
			await rm(folder, {recursive: true, force: true});
		};
		for (let look = 0; look < 200 && running(); look++) {
			if (await answers(port)) {
				return {port, url: `mqtt://127.0.0.1:${port}`, kill: () => end('SIGKILL'), stop: () => end('SIGTERM')};
			}
			await new Promise(resolve => setTimeout(resolve, 50));
		}
		await end('SIGKILL');
		if (attempt === 3) {
			throw new Error('mosquitto did not start');
		}
	}
}
