/**
 * How fast tensors travel over the link, against plain mqtt.js publications (QoS 0) over the same broker: one broker, one
 * sender and one receiver, each in its own process. Contenders alternate in short blocks; printed as CSV are medians, of
 * the rates, of the ratios of neighbouring blocks, and of the processor time that all three processes took.
 *
 *     node dist/bench/wire/main.js [--mosquitto] [--quick] [--case TENSOR_BYTES/MESSAGE_BYTES]
 */
import {type ChildProcess, fork, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {cpuSeconds} from './cpu.js';
import {type Block, type BlockResult, brokerRole, receiverRole, senderRole} from './roles.js';

const KiB = 1024;
const MiB = 1024 * KiB;

const start = (...args: string[]): ChildProcess => fork(import.meta.filename, args, {stdio: 'inherit'});

/** The next message of a process; an end of the process is an error. */
function answer<T>(child: ChildProcess): Promise<T> {
	return new Promise((resolve, reject) => {
		const ended = (code: number | null) => reject(new Error(`a process of the bench ended with status ${code}`));
		child.once('exit', ended);
		child.once('message', message => {
			child.off('exit', ended);
			resolve(message as T);
		});
	});
}

interface Running {
	readonly url: string;
	readonly pid: number;
	stop(): void;
}

async function mosquitto(): Promise<Running> {
	const probe = net.createServer().listen(0, '127.0.0.1');
	await once(probe, 'listening');
	const address = probe.address();
	const port = typeof address === 'object' && address ? address.port : 0;
	probe.close();
	const folder = mkdtempSync(path.join(os.tmpdir(), 'fpl-bench-'));
	const config = path.join(folder, 'mosquitto.conf');
	writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
	const child = spawn('mosquitto', ['-c', config], {
		stdio: 'ignore',
		env: {...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/usr/local/sbin`},
	});
	await new Promise(resolve => setTimeout(resolve, 500));
	return {
		url: `mqtt://127.0.0.1:${port}`,
		pid: child.pid ?? 0,
		stop() {
			child.kill();
			rmSync(folder, {recursive: true});
		},
	};
}

async function embedded(): Promise<Running> {
	const child = start('broker');
	const {url} = await answer<{url: string}>(child);
	return {url, pid: child.pid ?? 0, stop: () => child.kill()};
}

const median = (values: readonly number[]) => {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

const cases = [
	{bytes: 64 * KiB, messageBytes: 64 * KiB, repeats: 200},
	{bytes: MiB, messageBytes: 256 * KiB, repeats: 50},
	{bytes: 16 * MiB, messageBytes: 256 * KiB, repeats: 4},
	{bytes: 64 * MiB, messageBytes: 64 * KiB, repeats: 1},
	{bytes: 64 * MiB, messageBytes: 256 * KiB, repeats: 1},
	{bytes: 64 * MiB, messageBytes: MiB - 16 * KiB, repeats: 1},
];

const wanted = process.argv[process.argv.indexOf('--case') + 1];
const chosen = process.argv.includes('--case')
	? cases.filter(({bytes, messageBytes}) => `${bytes}/${messageBytes}` === wanted)
	: cases;

async function measure(name: string, {url, pid}: Running, blocks: number): Promise<void> {
	const receiver = start('receiver', url);
	await answer(receiver);
	const sender = start('sender', url);
	await answer(sender);
	const pids = [pid, sender.pid ?? 0, receiver.pid ?? 0];
	const run = async (block: Block) => {
		const before = cpuSeconds(pids);
		sender.send(block);
		const result = await answer<BlockResult>(sender);
		return {...result, cpu: (cpuSeconds(pids) - before) / ((block.bytes * block.repeats) / 1e9)};
	};
	for (const size of chosen) {
		const rates: Record<Block['contender'], number[]> = {raw: [], link: []};
		const cpus: Record<Block['contender'], number[]> = {raw: [], link: []};
		let repeated = 0;
		// One block of each to warm up.
		for (let index = -1; index < blocks; index++) {
			for (const contender of index % 2 ? (['raw', 'link'] as const) : (['link', 'raw'] as const)) {
				const {rate, cpu, repeatedChunks} = await run({...size, contender});
				if (index >= 0) {
					rates[contender].push(rate / 1e6);
					cpus[contender].push(cpu);
					repeated += repeatedChunks;
				}
			}
		}
		const [raw, link] = [median(rates.raw), median(rates.link)];
		// Neighbouring blocks met the same machine, so their ratio says more than that of the medians.
		const ratio = median(rates.link.map((rate, index) => rate / rates.raw[index]!)).toFixed(2);
		const {bytes, messageBytes} = size;
		const [rawCpu, linkCpu] = [median(cpus.raw), median(cpus.link)].map(value => value.toFixed(2));
		console.log(
			[name, bytes, messageBytes, raw.toFixed(1), link.toFixed(1), ratio, rawCpu, linkCpu, repeated].join(','),
		);
	}
	sender.kill();
	receiver.kill();
}

const [role, url = ''] = process.argv.slice(2);
if (role === 'broker') {
	await brokerRole();
} else if (role === 'receiver') {
	await receiverRole(url);
} else if (role === 'sender') {
	await senderRole(url);
} else {
	const blocks = process.argv.includes('--quick') ? 3 : 9;
	console.log(
		'broker,tensor_bytes,message_bytes,raw_MB_per_s,link_MB_per_s,ratio,raw_cpu_s_per_GB,link_cpu_s_per_GB,repeated_chunks',
	);
	const brokers = [{name: 'aedes', open: embedded}];
	if (process.argv.includes('--mosquitto')) {
		brokers.push({name: 'mosquitto', open: mosquitto});
	}
	for (const {name, open} of brokers) {
		const broker = await open();
		try {
			await measure(name, broker, blocks);
		} finally {
			broker.stop();
		}
	}
}
