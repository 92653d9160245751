import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test from 'ava';
import {inspectMachine, type Machine, type SystemFacts} from '../../../edge-agent/probe/machine.js';

const folder = mkdtempSync(path.join(tmpdir(), 'fpl-machine-'));
test.after.always(() => rmSync(folder, {recursive: true}));

const facts: SystemFacts = {cpuModel: 'Some Processor', cores: 4, memoryBytes: 4e9};
let trees = 0;

function inspect(files: Readonly<Record<string, string>>, own: Partial<SystemFacts> = {}): Promise<Machine> {
	const root = path.join(folder, String(trees++));
	for (const [name, text] of Object.entries(files)) {
		mkdirSync(path.join(root, path.dirname(name)), {recursive: true});
		writeFileSync(path.join(root, name), text);
	}
	return inspectMachine(root, {...facts, ...own});
}

test('a machine that shows nothing is described by its processor', async t => {
	t.deepEqual(await inspect({}), {
		description: 'Some Processor',
		cores: 4,
		memoryBytes: 4e9,
		likeness: 'server-core',
		recognised: false,
		medium: undefined,
	});
});

for (const [model, likeness] of [
	['Raspberry Pi 4 Model B Rev 1.4', 'raspberry-pi-4b'],
	['Raspberry Pi 400 Rev 1.0', 'raspberry-pi-4b'],
	['Raspberry Pi 5 Model B Rev 1.0', 'raspberry-pi-5'],
	['Raspberry Pi Compute Module 5 Rev 1.0', 'raspberry-pi-5'],
	['Raspberry Pi 3 Model B Plus Rev 1.3', 'raspberry-pi-3b-plus'],
	['Raspberry Pi Zero 2 W Rev 1.0', 'raspberry-pi-zero-2w'],
	['NVIDIA Jetson Nano Developer Kit', 'jetson-nano'],
	['NVIDIA Jetson Orin Nano Developer Kit', 'jetson-orin-nano'],
] as const) {
	test(`«${model}» is a ${likeness}`, async t => {
		const machine = await inspect({'proc/device-tree/model': `${model}\0`});
		t.like(machine, {description: model, likeness, recognised: true});
	});
}

test('a processor tells a mini PC, a battery a laptop', async t => {
	t.like(await inspect({}, {cpuModel: 'Intel(R) N100'}), {likeness: 'mini-pc-n100', recognised: true});
	t.like(await inspect({'sys/class/power_supply/BAT0/type': 'Battery'}), {likeness: 'laptop', recognised: false});
	t.like(await inspect({'sys/class/power_supply/AC/type': 'Mains'}), {likeness: 'server-core'});
});

test('quotas of the control group bound cores and memory', async t => {
	const limited = await inspect({
		'sys/fs/cgroup/cpu.max': '250000 100000\n',
		'sys/fs/cgroup/memory.max': '500000000\n',
	});
	t.like(limited, {cores: 2, memoryBytes: 5e8});
	t.like(await inspect({'sys/fs/cgroup/cpu.max': '50000 100000\n'}), {cores: 1});
	t.like(await inspect({'sys/fs/cgroup/cpu.max': 'max 100000\n', 'sys/fs/cgroup/memory.max': 'max\n'}), {
		cores: 4,
		memoryBytes: 4e9,
	});
	t.like(await inspect({'sys/fs/cgroup/cpu.max': 'nonsense', 'sys/fs/cgroup/memory.max': '-3'}), {
		cores: 4,
		memoryBytes: 4e9,
	});
});

test('the interface of the default route tells the medium', async t => {
	const head = 'Iface\tDestination\tGateway \tFlags\n';
	const route = (name: string) => ({
		'proc/net/route': `${head}${name}\t0000A8C0\t0\t1\n${name}\t00000000\t0100A8C0\t3\n`,
	});
	t.is((await inspect(route('wlan0'))).medium, 'wifi');
	t.is((await inspect(route('wlp3s0'))).medium, 'wifi');
	t.is((await inspect(route('eth0'))).medium, 'ethernet');
	t.is((await inspect(route('wwan0'))).medium, 'lte');
	t.is((await inspect({'proc/net/route': head})).medium, undefined);
});

test('this very machine can be inspected', async t => {
	const machine = await inspectMachine();
	t.true(machine.cores >= 1);
	t.true(machine.memoryBytes > 1e8);
	t.not(machine.description, '');
});
