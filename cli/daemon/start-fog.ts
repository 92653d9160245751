/** Wires the fog broker together: engine, embedded or external MQTT broker, coordinator. */
import {randomBytes} from 'node:crypto';
import path from 'node:path';
import {makeFolder} from '../../core/atomic-file.js';
import {systemClock} from '../../core/clock.js';
import {deviceId} from '../../core/ids.js';
import type {Logger} from '../../core/log.js';
import {libraryProfile} from '../../core/profile/library.js';
import {coordinatorId, createTopics} from '../../core/wire/topics.js';
import {connectMqtt} from '../../core/wire/transports/mqtt-connect.js';
import type {Credential} from '../../fog-broker/access.js';
import {startBroker} from '../../fog-broker/broker.js';
import type {BrokerConfig} from '../../fog-broker/config.js';
import {startCoordinator} from '../../fog-broker/service.js';
import {startEngine} from '../../models/engines/index.js';
import {Closing} from './closing.js';
import {letHeapGrow} from './heap.js';
import {login} from './login.js';

export interface Fog {
	/** Where agents and clients connect. */
	readonly url: string;
	close(): Promise<void>;
}

const credentialsOf = (users: NonNullable<BrokerConfig['users']>): Credential[] =>
	users.map(({username, password, device}) => ({
		username,
		password,
		...(device === undefined ? {} : {device: deviceId(device)}),
	}));

/** @throws FplError `FILE_WRITE`, `PORT_TAKEN`, `BROKER_UNREACHABLE`, `ENGINE_UNAVAILABLE`, `DEVICE_UNKNOWN`. */
export async function startFog(config: BrokerConfig, state: string, logger: Logger, signal: AbortSignal): Promise<Fog> {
	letHeapGrow();
	const clock = systemClock;
	const topics = createTopics(config.namespace);
	const host = libraryProfile(config.profile, 'profile');
	// A folder that cannot be written is told now, not when the first run has to be kept.
	await makeFolder(path.join(state, 'runs'));
	const closing = new Closing(logger);
	try {
		const embedded =
			config.external === undefined
				? await startBroker({
						listen: config.listen,
						topics,
						clock,
						logger: logger.child('broker'),
						...(config.users && {credentials: credentialsOf(config.users)}),
					})
				: undefined;
		closing.add(() => embedded?.close());
		const engine = await startEngine(config.engine, {threads: config.threads ?? 1});
		closing.add(() => engine.close());
		const transport = await connectMqtt({
			broker: embedded?.open ?? config.external!,
			clientId: topics.clientId(coordinatorId, randomBytes(4).toString('hex')),
			...(embedded ? {} : await login(config)),
			clock,
			logger: logger.child('mqtt'),
			signal,
		});
		closing.add(() => transport.close());
		closing.add(await startCoordinator({transport, topics, engine, state, host, clock, logger}));
		return {url: embedded?.url ?? config.external!, close: () => closing.close()};
	} catch (error) {
		await closing.close();
		throw error;
	}
}
