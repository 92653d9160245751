/** A fleet on this machine: a fog broker and emulated devices, each a process of its own. */
import path from 'node:path';
import {systemClock} from '../../core/clock.js';
import {FplError} from '../../core/errors.js';
import {libraryProfile} from '../../core/profile/library.js';
import type {Client} from '../client.js';
import {type Child, lineOf, startChild} from './children.js';

const joinMs = 60_000;

export interface LocalFleet {
	/** Where clients connect. */
	readonly url: string;
	/** Stops every process. */
	close(): Promise<void>;
}

/**
 * Starts the broker, and the agents without waiting for them.
 * @param devices name → profile that it emulates.
 * @param state folder for the runs, the devices and their logs; it exists.
 * @throws FplError `DEVICE_UNKNOWN` for a profile that is not in the library; `AGENT_FAILED`, `WIRE_TIMEOUT` of the broker.
 */
export async function startLocalFleet(
	devices: Readonly<Record<string, string>>,
	state: string,
	tell: (line: string) => void,
): Promise<LocalFleet> {
	for (const profile of Object.values(devices)) {
		libraryProfile(profile, 'profile');
	}
	const children: Child[] = [];
	const close = async () => {
		await Promise.all(children.reverse().map(child => child.stop()));
	};
	try {
		const broker = startChild('broker', state, ['broker', '--listen', 'mqtt://127.0.0.1:0', '--state', state]);
		children.push(broker);
		const [, url] = await lineOf(broker, /listening on (\S+)/u);
		tell(`Fog broker at ${url}; devices:`);
		for (const [id, profile] of Object.entries(devices)) {
			const where = ['--broker', url!, '--state', path.join(state, id)];
			const args = ['agent', 'run', '--id', id, ...where, '--emulate', profile, '--threads', '1'];
			children.push(startChild(id, state, args));
			tell(`  ${id}: emulates a ${profile}`);
		}
		return {url: url!, close};
	} catch (error) {
		await close();
		throw error;
	}
}

/** Waits until all devices have joined. @throws FplError `RUN_NO_DEVICES` after a minute. */
export async function untilJoined(client: Client, names: readonly string[], signal: AbortSignal): Promise<void> {
	const deadline = systemClock.monotonic() + joinMs;
	for (;;) {
		const {devices} = await client.ask({kind: 'listDevices'}, 'deviceList');
		const here = (JSON.parse(devices) as Array<{readonly device: string}>).filter(({device}) => names.includes(device));
		if (here.length === names.length) {
			return;
		}
		if (systemClock.monotonic() > deadline || signal.aborted) {
			throw new FplError('RUN_NO_DEVICES', {
				expected: `${names.length} devices within ${joinMs / 1000} s`,
				got: `${here.length}`,
			});
		}
		await systemClock.sleep(200, signal);
	}
}
