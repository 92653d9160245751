/** Wires an agent together: connection, presence, engine, profile, and the agent itself. */
import {randomBytes} from 'node:crypto';
import {availableParallelism} from 'node:os';
import path from 'node:path';
import {systemClock} from '../../core/clock.js';
import {codecNames} from '../../core/codec/spec.js';
import type {EnergyMeter} from '../../core/energy/meter.js';
import {asFplError, FplError} from '../../core/errors.js';
import {deviceId} from '../../core/ids.js';
import type {Logger} from '../../core/log.js';
import {libraryProfile} from '../../core/profile/library.js';
import type {DeviceProfile, LinkProfile} from '../../core/profile/profile.js';
import {overrideProfile} from '../../core/profile/schema.js';
import type {BodyOf} from '../../core/wire/bodies.js';
import {createTopics} from '../../core/wire/topics.js';
import {connectMqtt} from '../../core/wire/transports/mqtt-connect.js';
import {shapeTransport} from '../../core/wire/transports/shaped-transport.js';
import type {AgentConfig} from '../../edge-agent/config.js';
import {Meter} from '../../edge-agent/meter.js';
import {ModelCache} from '../../edge-agent/model-cache.js';
import {measureLink} from '../../edge-agent/probe/link.js';
import {type RunningDevice, startDevice} from '../../edge-agent/service.js';
import {openJobData} from '../../models/datasets/job-data.js';
import type {Places} from '../../models/datasets/locate.js';
import {datasetNames, isAvailable} from '../../models/datasets/open.js';
import type {Engine} from '../../models/engines/engine.js';
import {startEngine} from '../../models/engines/index.js';
import {softwareVersion} from '../version.js';
import {BatteryGauge, localMeter, meterSpecOf, plugMeter} from './agent-meter.js';
import {Closing} from './closing.js';
import {letHeapGrow} from './heap.js';
import {takeIdentity} from './identity.js';
import {login} from './login.js';
import {ownProfile} from './own-profile.js';

type Holding = NonNullable<BodyOf<'birth'>['holdings']>[number];

const shapeOf = ({upBytesPerSecond, downBytesPerSecond, latencySeconds}: LinkProfile) => ({
	upBytesPerSecond,
	downBytesPerSecond,
	latencyMs: latencySeconds * 1000,
});

/** Names of the datasets that runs may ask this device for. */
async function datasetsHere({data}: AgentConfig, places: Places): Promise<string[]> {
	const here = await Promise.all(datasetNames.map(async name => ((await isAvailable(name, places)) ? [name] : [])));
	return [...new Set([...here.flat(), ...Object.keys(data)])];
}

/** How many training items of its own this device has. They are counted one dataset after the other, since memory may be small. */
async function holdingsOf({data}: AgentConfig, places: Places, logger: Logger): Promise<Holding[]> {
	const holdings: Holding[] = [];
	for (const [dataset, path] of Object.entries(data)) {
		try {
			const {train} = await openJobData({dataset, path, limit: undefined}, places);
			holdings.push({dataset, items: train.items});
		} catch (error) {
			logger.warn(`how much data there is of «${dataset}» is not told: ${asFplError(error).message}`);
		}
	}
	return holdings;
}

/** The profile that the agent takes on, with what the configuration says otherwise. */
function emulatedProfile({emulate, overrides = {}}: AgentConfig): DeviceProfile | undefined {
	if (emulate !== undefined) {
		return overrideProfile(libraryProfile(emulate, 'emulate'), overrides, 'agent configuration');
	}
	if (Object.keys(overrides).length > 0) {
		throw new FplError('CONFIG_VALUE', {
			where: 'overrides',
			problem: 'a real device is as it is: what it can do is measured',
			fix: 'Name the profile to emulate («emulate»), or describe the device in the fleet file.',
		});
	}
	return undefined;
}

/** One engine per name, started when first asked for. */
function engines(preferred: AgentConfig['engine'], threads: number) {
	const started = new Map<AgentConfig['engine'], Promise<Engine>>();
	return {
		get(wanted: AgentConfig['engine']): Promise<Engine> {
			const name = wanted === 'auto' ? preferred : wanted;
			const before = started.get(name);
			if (before) {
				return before;
			}
			const engine = startEngine(name, {threads});
			started.set(name, engine);
			return engine;
		},
		async close() {
			await Promise.allSettled([...started.values()].map(async engine => (await engine).close()));
		},
	};
}

/**
 * @param reallyOf how the link of an emulated device really is: as the profile says, except where it is looked at what comes of that.
 * @throws FplError `BROKER_REFUSED`, `ID_TAKEN`, `DEVICE_UNKNOWN`, `CONFIG_VALUE`, `INTERRUPTED`.
 */
export async function startAgent(
	config: AgentConfig,
	state: string,
	logger: Logger,
	signal: AbortSignal,
	reallyOf: (emulated: DeviceProfile) => LinkProfile = ({link}) => link,
): Promise<RunningDevice> {
	letHeapGrow();
	const clock = systemClock;
	const device = deviceId(config.id);
	const topics = createTopics(config.namespace);
	const folder = path.join(state, 'agents', config.id);
	const places: Places = {environment: process.env};
	const cores = availableParallelism();
	const threads = config.threads ?? cores;
	const closing = new Closing(logger);
	try {
		const identity = await takeIdentity(folder);
		const emulation = emulatedProfile(config);
		const spec = meterSpecOf(config);
		let meter: EnergyMeter | undefined = spec.kind === 'plug' ? undefined : await localMeter(spec, {clock, logger});
		closing.add(() => meter?.close());
		const gauge = emulation ? undefined : new BatteryGauge();
		const works = engines(config.engine, threads);
		closing.add(() => works.close());
		const engine = await works.get('auto');
		const secrets = await login(config);
		const running = await startDevice({
			device,
			topics,
			...identity,
			async connect(will) {
				const connection = await connectMqtt({
					broker: config.broker,
					clientId: topics.clientId(device, randomBytes(4).toString('hex')),
					...secrets,
					will,
					keepTrying: true,
					clock,
					logger: logger.child('mqtt'),
					signal,
				});
				return emulation ? shapeTransport(connection, shapeOf(reallyOf(emulation)), {clock, logger}) : connection;
			},
			staging: {
				engine: name => works.get(name),
				models: new ModelCache(path.join(folder, 'models')),
				places,
				dataPaths: config.data,
			},
			async describe(transport) {
				const link = () => measureLink(transport, topics, device, clock);
				const profile = emulation ?? (await ownProfile({id: config.id, folder, engine, link, logger}));
				if (spec.kind === 'plug') {
					meter = await plugMeter(spec, transport, config, {clock, logger, signal});
				}
				await gauge?.read();
				return {
					facts: {
						softwareVersion,
						// Asked for whenever the birth is published, which it is when work begins and ends.
						get profile() {
							return JSON.stringify(gauge?.inProfile(profile) ?? profile);
						},
						emulated: config.emulate ?? '',
						engines: [engine.name],
						datasets: await datasetsHere(config, places),
						holdings: await holdingsOf(config, places, logger),
						codecs: [...codecNames],
					},
					meter: new Meter({
						clock,
						log: logger.child('meter'),
						profile,
						emulated: emulation !== undefined,
						utilisation: emulation ? 1 : Math.min(1, threads / cores),
						...(meter && {meter}),
						...(gauge && {batteryLeft: gauge.read}),
					}),
				};
			},
			clock,
			logger,
		});
		closing.add(() => running.close());
		logger.info('joined the fleet', {device, broker: config.broker, engine: engine.description});
		return {taken: running.taken, close: () => closing.close()};
	} catch (error) {
		await closing.close();
		throw error;
	}
}
