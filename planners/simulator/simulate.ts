/**
 * Executes a plan event by event, in virtual time: every chunk on every link, every pass, every order, answer and report. It
 * knows nothing of the recurrences of `core/cost`, with which it must agree; besides it can let times vary by chance.
 */
import type {Bottleneck, DeviceCosts} from '../../core/cost/evaluate.js';
import type {CostDevice} from '../../core/cost/fleet.js';
import type {PassTime} from '../../core/cost/step-clock.js';
import {phaseCosts} from '../../core/energy/model.js';
import {FplError} from '../../core/errors.js';
import {devicesOf} from '../../core/plan/fallback.js';
import {isDataParallel, type Plan} from '../../core/plan/plan.js';
import {Agent, type World} from './agent.js';
import {storeBeside} from './checkpoints.js';
import type {SimulationInput} from './input.js';
import {Kernel, type Process} from './kernel.js';
import {Network} from './network.js';
import {type Noise, noiseOf, noNoise} from './noise.js';
import {scenesOf} from './scenes.js';
import {type Spent, Tally} from './tally.js';
import {Post} from './transfer.js';

export type SimulatedDevice = Omit<DeviceCosts, 'memoryBytes'>;

/** As `evaluate` predicts it. */
export interface Simulation {
	readonly plan: Plan;
	/** Mean of the steps after and before which nothing else happens. Of a round where replicas train on their own. */
	readonly stepSeconds: number;
	/** Of the whole run. */
	readonly steps: number;
	readonly seconds: number;
	readonly bytes: number;
	readonly joules: number;
	readonly dollars: number;
	readonly devices: readonly SimulatedDevice[];
	readonly bottleneck: Bottleneck;
	/** Of the first step, in seconds since it began. */
	readonly passes: readonly PassTime[];
	/** Seconds of every step that was played, in the order of playing. */
	readonly played: readonly number[];
}

/** Runs a process, and everything that it causes, to the end. */
function play(kernel: Kernel, process: Process, {scheme}: Plan): void {
	const ended = kernel.spawn(process);
	kernel.run();
	if (!ended.fired) {
		throw new FplError('INTERNAL', {where: `plan «${scheme}»`, problem: 'a part waits for what nobody sends'});
	}
}

/** @throws FplError `PLAN_INVALID` where the plan names a device that is not in the fleet. */
export function simulate(input: SimulationInput): Simulation {
	const {plan, fleet, mostSteps = Number.POSITIVE_INFINITY, jitter, random} = input;
	const kernel = new Kernel();
	const network = new Network(kernel, fleet);
	let chance = jitter && random ? noiseOf(jitter, random) : noNoise;
	const noise: Noise = {compute: () => chance.compute(), link: () => chance.link()};
	const passes: PassTime[] = [];
	const plain: number[] = [];
	const played: number[] = [];
	const post = new Post(kernel, network, fleet.messaging.chunkBytes, noise);
	const onPass = (pass: PassTime) => {
		if (played.length === 0) {
			passes.push(pass);
		}
	};
	const world: World = {kernel, network, noise, post, onPass};
	const agents = new Map(devicesOf(plan).map(name => [name, new Agent(world, deviceOf(input, name))]));
	const tally = new Tally(agents.values(), network);
	const scenes = scenesOf(input, world, agents);
	const most = Math.max(1, Math.floor(mostSteps / scenes.length));
	let seconds = 0;
	let bottleneck: Bottleneck | undefined;
	function* run(): Process {
		for (const scene of scenes) {
			const count = Math.min(Math.ceil(scene.times), most);
			for (let index = 0; index < count; index++) {
				const began = kernel.now;
				const took = yield* scene.play();
				const interval = tally.since();
				tally.add(interval, scene.times / count);
				bottleneck ??= bottleneckOf(interval.spent, kernel.now - began);
				seconds += (scene.times / count) * (kernel.now - began);
				played.push(took);
				if (scene.plain) {
					plain.push(took);
				}
			}
		}
	}
	play(kernel, run(), plan);
	// What was still on its way.
	tally.add(tally.since(), 1);
	const steps = scenes.reduce((total, {times}) => total + times, 0);
	if (!isDataParallel(plan)) {
		// What a checkpoint holds up shows against a step without one only where nothing else varies.
		chance = noNoise;
		const parts = {kernel, tally};
		function* store(): Process {
			seconds += yield* storeBeside(input, {seconds, steps}, scenes, parts);
		}
		play(kernel, store(), plan);
	}
	const devices = [...tally.totals].map(([{device}, spent]) => deviceCosts(plan, device, spent, seconds));
	const sum = (of: (device: SimulatedDevice) => number) => devices.reduce((total, device) => total + of(device), 0);
	const typical = plain.length > 0 ? plain : played;
	return {
		plan,
		stepSeconds: typical.reduce((total, one) => total + one, 0) / typical.length,
		steps,
		seconds,
		bytes: tally.bytes,
		joules: sum(({joules}) => joules),
		dollars: sum(({dollars}) => dollars),
		devices,
		bottleneck: bottleneck!,
		passes,
		played,
	};
}

function deviceOf({fleet, plan}: SimulationInput, name: string): CostDevice {
	const found = fleet.devices.find(({device}) => device === name);
	if (!found) {
		throw new FplError('PLAN_INVALID', {
			where: `plan «${plan.scheme}», device «${name}»`,
			problem: 'this device is not in the fleet',
			expected: `one of ${fleet.devices.map(({device}) => `«${device}»`).join(', ')}`,
		});
	}
	return found;
}

function deviceCosts(
	plan: Plan,
	{device, profile, utilisation, pricePerSecond}: CostDevice,
	{compute, send, receive, bytesSent, bytesReceived, items}: Spent,
	seconds: number,
): SimulatedDevice {
	const stages = plan.stages.flatMap(({replicas}, stage) =>
		replicas.some(replica => replica.device === device) ? [stage] : [],
	);
	const {phases, joules, radioJoules} = phaseCosts(profile, {
		computeSeconds: Math.max(0, compute),
		// A device that waits less beside a checkpoint, in few steps, would be told of less than nothing.
		sendSeconds: Math.max(0, send),
		receiveSeconds: Math.max(0, receive),
		waitSeconds: Math.max(0, seconds - compute - send - receive),
		idleSeconds: 0,
		bytesUp: bytesSent,
		bytesDown: bytesReceived,
		utilisation,
	});
	return {
		device,
		role: stages.length === 1 ? `stage ${stages[0]}` : `stages ${stages.join(' and ')}`,
		phases,
		joules,
		radioJoules,
		bytesSent,
		bytesReceived,
		items: Math.round(items),
		dollars: pricePerSecond * seconds,
		...(profile.batteryJoules === undefined ? {} : {batteryLeft: profile.batteryJoules - joules}),
	};
}

/** What is busy for the longest part of a step. */
function bottleneckOf(spent: ReadonlyMap<Agent, Spent>, seconds: number): Bottleneck {
	const all = [...spent].flatMap(
		([
			{
				device: {device, profile},
			},
			{compute, bytesSent, bytesReceived},
		]): Bottleneck[] => {
			const busy = (part: number) => Math.min(1, part / seconds);
			return [
				{device, kind: 'compute', busy: busy(compute)},
				{device, kind: 'up', busy: busy(bytesSent / profile.link.upBytesPerSecond)},
				{device, kind: 'down', busy: busy(bytesReceived / profile.link.downBytesPerSecond)},
			];
		},
	);
	return all.reduce((most, one) => (one.busy > most.busy ? one : most));
}
