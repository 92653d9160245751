/** The fog machine as a device of its own fleet: an agent in a process beside the broker's, started again when it ends. */
import path from 'node:path';
import {makeFolder} from '../../core/atomic-file.js';
import {systemClock} from '../../core/clock.js';
import type {Logger} from '../../core/log.js';
import type {BrokerConfig} from '../../fog-broker/config.js';
import {type Child, startChild} from './children.js';

const restartMs = 5000;

/** Its own machine reaches the broker however it listens. */
function localUrl(url: string): string {
	const parsed = new URL(url);
	if (['0.0.0.0', '[::]'].includes(parsed.hostname)) {
		parsed.hostname = '127.0.0.1';
	}
	return parsed.href.replace(/\/$/u, '');
}

/** A password is no argument: every user of the machine can read those. */
function loginOf({external, username, password, users}: BrokerConfig, id: string): NodeJS.ProcessEnv {
	const own = external === undefined ? users?.find(({device}) => device === id || device === undefined) : undefined;
	const login = own ?? {username, password};
	return {
		...(login.username === undefined ? {} : {FPL_USERNAME: login.username}),
		...(login.password === undefined ? {} : {FPL_PASSWORD: login.password}),
	};
}

/**
 * @param id the name of the fog machine in the fleet.
 * @param url of the broker.
 * @param state the fog broker's folder; the agent's is in it.
 * @throws FplError `FILE_WRITE`
 */
export async function startFogAgent(
	id: string,
	{config, url, state, logger}: {config: BrokerConfig; url: string; state: string; logger: Logger},
): Promise<() => Promise<void>> {
	const folder = path.join(state, 'agent');
	await makeFolder(folder);
	const args = ['agent', 'run', '--id', id, '--broker', localUrl(url), '--state', folder];
	const command = [...args, '--namespace', config.namespace, '--engine', config.engine];
	let cancel = () => {};
	let stopping = false;
	let child: Child;
	const start = () => {
		child = startChild(id, folder, command, loginOf(config, id));
		child.process.once('exit', status => {
			if (!stopping) {
				logger.warn('the agent of this machine ended and is started again', {status, log: child.log});
				cancel = systemClock.after(restartMs, start);
			}
		});
	};
	start();
	return async () => {
		stopping = true;
		cancel();
		await child.stop();
	};
}
