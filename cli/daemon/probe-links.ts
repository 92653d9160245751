/** The ways from this device to the broker and to other agents, measured over a connection of its own. */
import {randomBytes} from 'node:crypto';
import {systemClock} from '../../core/clock.js';
import {FplError} from '../../core/errors.js';
import {type DeviceId, deviceId} from '../../core/ids.js';
import type {Logger} from '../../core/log.js';
import type {PeerLink} from '../../core/profile/profile.js';
import {createTensorLink} from '../../core/wire/link/tensor-link.js';
import {createMessenger} from '../../core/wire/messenger.js';
import {createTopics} from '../../core/wire/topics.js';
import {connectMqtt} from '../../core/wire/transports/mqtt-connect.js';
import type {AgentConfig} from '../../edge-agent/config.js';
import {measureLink} from '../../edge-agent/probe/link.js';
import {measurePeer} from '../../edge-agent/probe/peer.js';
import type {MeasuredLink} from '../../edge-agent/probe.js';
import {login} from './login.js';

export interface ProbedLinks {
	readonly link: MeasuredLink;
	readonly pairs: readonly PeerLink[];
}

/** A user may be bound to a device's name; without one, a name of its own does not disturb an agent that runs. */
const partyOf = ({id, username}: AgentConfig): DeviceId =>
	deviceId(username === undefined ? `${id.slice(0, 58)}.probe` : id);

/**
 * @throws FplError `BROKER_UNREACHABLE`, `BROKER_REFUSED`, `WIRE_TIMEOUT` when a peer is not there, `AGENT_FAILED` when it has
 * other work, `INTERRUPTED`.
 */
export async function probeLinks(
	config: AgentConfig,
	peers: readonly DeviceId[],
	logger: Logger,
	signal: AbortSignal,
): Promise<ProbedLinks> {
	const clock = systemClock;
	const topics = createTopics(config.namespace);
	const self = partyOf(config);
	const own = peers.find(peer => peer === self || peer === config.id);
	if (own !== undefined) {
		throw new FplError('USAGE', {where: '--peer', expected: 'another device', got: `«${own}», which is this one`});
	}
	const transport = await connectMqtt({
		broker: config.broker,
		clientId: topics.clientId(self, randomBytes(4).toString('hex')),
		...(await login(config)),
		clock,
		logger,
		signal,
	});
	try {
		const link = await measureLink(transport, topics, self, clock);
		const messenger = await createMessenger({transport, self, topics, clock, logger});
		const tensors = await createTensorLink(transport, self, {topics, clock, logger});
		try {
			const pairs: PeerLink[] = [];
			for (const peer of peers) {
				pairs.push(await measurePeer({messenger, link: tensors, clock, signal}, peer));
			}
			return {link, pairs};
		} finally {
			await tensors.close();
			await messenger.close();
		}
	} finally {
		await transport.close();
	}
}
