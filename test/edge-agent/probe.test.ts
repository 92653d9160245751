import test from 'ava';
import {opClasses} from '../../core/profile/profile.js';
import {parseProfile} from '../../core/profile/schema.js';
import type {Machine} from '../../edge-agent/probe/machine.js';
import {workloads} from '../../edge-agent/probe/workloads.js';
import {probeDevice, probeText} from '../../edge-agent/probe.js';
import type {Engine} from '../../models/engines/engine.js';
import {onnxruntimeEngine} from '../../models/engines/onnxruntime/engine.js';

const machine: Machine = {
	description: 'Raspberry Pi 4 Model B Rev 1.4',
	cores: 4,
	memoryBytes: 4e9,
	likeness: 'raspberry-pi-4b',
	recognised: true,
	medium: 'wifi',
};

const truth = {convolution: 12e9, depthwise: 2e9, matmul: 20e9, elementwise: 0.4e9, memory: 5e9} as const;
const truthDispatch = 15e-6;

/** An engine without a computer: it turns a clock by the time that a device of known speeds would take. */
function modelEngine({noise = 0, copySeconds = 2e-3} = {}) {
	let now = 0;
	let calls = 0;
	let open = 0;
	const engine = {
		name: 'onnxruntime',
		description: 'a model of an engine',
		predictor: async ({name}: {name: string}) => {
			open += 1;
			const op = name.split('-')[1] as keyof typeof workloads;
			const {amount, calls: operators} = workloads[op]();
			const speed = op === 'dispatch' ? 1 : truth[op];
			return {
				predict: async ({x}: {x: {shape: readonly number[]}}) => {
					const items = x.shape[0]!;
					const chain = name.endsWith('baseline') ? 0 : (items * amount) / speed + operators * truthDispatch;
					calls += 1;
					const disturbance = calls % 5 === 0 ? 0 : noise;
					now += (copySeconds + chain + disturbance) * 1000;
					return {};
				},
				close: async () => {
					open -= 1;
				},
			};
		},
	};
	return {engine: engine as unknown as Engine, clock: {monotonic: () => now}, open: () => open};
}

test('the probe finds the speeds of the device, whatever copying its data costs', async t => {
	const {engine, clock, open} = modelEngine();
	const profile = await probeDevice({name: 'cam-1', engine, clock, machine});
	for (const op of opClasses) {
		t.true(Math.abs(profile.speeds[op] / truth[op] - 1) < 0.01, `${op}: ${profile.speeds[op]}`);
	}
	t.true(Math.abs(profile.dispatchSeconds / truthDispatch - 1) < 0.01, `${profile.dispatchSeconds}`);
	t.is(open(), 0);
});

test('a disturbance of most runs does not move the result', async t => {
	const {engine, clock} = modelEngine({noise: 0.05});
	const {speeds} = await probeDevice({name: 'cam-1', engine, clock, machine, seconds: 5});
	for (const op of opClasses) {
		t.true(Math.abs(speeds[op] / truth[op] - 1) < 0.01, `${op}: ${speeds[op]}`);
	}
});

test('it takes about the time it was given', async t => {
	const {engine, clock} = modelEngine();
	await probeDevice({name: 'cam-1', engine, clock, machine, seconds: 3});
	t.true(clock.monotonic() < 6000, `${clock.monotonic()} ms`);
});

test('power is taken from the likeliest profile and never called measured', async t => {
	const {engine, clock} = modelEngine();
	const profile = await probeDevice({name: 'cam-1', engine, clock, machine});
	t.is(profile.busyWatts, 6.4);
	t.is(
		profile.sources['busyWatts'],
		'not measured: built-in profile raspberry-pi-4b (pidramble.com: 6.4 W at 400 % CPU)',
	);
	const unknown: Machine = {...machine, description: 'EPYC', likeness: 'server-core', recognised: false, cores: 8};
	const server = await probeDevice({name: 'big', engine, clock, machine: unknown});
	t.is(server.busyWatts, 48);
	t.regex(server.sources['busyWatts']!, /^not measured: built-in profile server-core × 8, a guess for «EPYC»/u);
});

test('a measured link wins over the typical one, and its energy follows the medium', async t => {
	const {engine, clock} = modelEngine();
	const link = async () => ({latencySeconds: 0.006, upBytesPerSecond: 3e6, downBytesPerSecond: 4e6});
	const profile = await probeDevice({name: 'cam-1', engine, clock, machine, link});
	t.like(profile.link, {medium: 'wifi', upBytesPerSecond: 3e6, downBytesPerSecond: 4e6, latencySeconds: 0.006});
	t.is(profile.sources['link.upBytesPerSecond'], 'measured by probe');
	t.regex(profile.sources['link.joulesPerByteUp']!, /not measured$/u);
	const local = await probeDevice({
		name: 'cam-1',
		engine,
		clock,
		machine,
		link: async () => ({...(await link()), medium: 'loopback'}),
	});
	t.like(local.link, {medium: 'loopback', joulesPerByteUp: 0});
});

test('a link that answers nonsense is refused', async t => {
	const {engine, clock} = modelEngine();
	const link = async () => ({latencySeconds: 0.006, upBytesPerSecond: Number.NaN, downBytesPerSecond: 4e6});
	await t.throwsAsync(probeDevice({name: 'cam-1', engine, clock, machine, link}), {
		code: 'CONFIG_VALUE',
		message: /probe of «cam-1», link\.upBytesPerSecond/u,
	});
});

test('an engine that fails closes its sessions, and the failure is told', async t => {
	const {engine, clock, open} = modelEngine();
	let runs = 0;
	const failing = {
		...engine,
		predictor: async (model: Parameters<Engine['predictor']>[0]) => {
			const predictor = await engine.predictor(model);
			return {
				...predictor,
				predict: async (inputs: Parameters<typeof predictor.predict>[0]) => {
					runs += 1;
					if (runs > 10) {
						throw new Error('out of memory');
					}
					return predictor.predict(inputs);
				},
			};
		},
	} as Engine;
	await t.throwsAsync(probeDevice({name: 'cam-1', engine: failing, clock, machine}), {message: 'out of memory'});
	t.is(open(), 0);
});

test('this machine measures itself with onnxruntime', async t => {
	t.timeout(60_000);
	const engine = await onnxruntimeEngine({threads: 1});
	try {
		const profile = await probeDevice({name: 'here', engine, seconds: 0.6});
		t.log(probeText(profile));
		t.deepEqual(parseProfile(JSON.parse(JSON.stringify(profile))), profile);
		t.is(profile.origin, 'measured');
		for (const op of opClasses) {
			t.true(profile.speeds[op] > 1e7 && profile.speeds[op] < 1e14, `${op}: ${profile.speeds[op]}`);
			t.regex(
				profile.sources[`speeds.${op}`]!,
				/^measured by probe: onnxruntime-node \S+, 1 thread, best of \d+ runs/u,
			);
		}
		t.true(profile.dispatchSeconds > 1e-9 && profile.dispatchSeconds < 1e-2);
	} finally {
		await engine.close();
	}
});
