/**
 * The names of topics, who may publish and subscribe where, and the client ids that say who is who. All below one
 * namespace, so that several systems can share a broker:
 *
 *     <ns>/devices/<device>/birth        retained; the device itself
 *     <ns>/devices/<device>/death        retained; last will or polite end of one session
 *     <ns>/devices/<device>/telemetry    QoS 0
 *     <ns>/probe/<from>/<to>             are you alive?
 *     <ns>/control/<from>/<to>           messages of message.ts, QoS 1
 *     <ns>/tensor/<from>/<to>            transfers, QoS 0
 *     <ns>/runs/<run>/events             what happens in a run; the coordinator
 */
import {FplError} from '../errors.js';
import {type DeviceId, deviceId, isId, type RunId} from '../ids.js';

/** The one party that drives runs; no device may take its name. */
export const coordinatorId: DeviceId = deviceId('coordinator');

const pairChannels = ['probe', 'control', 'tensor'] as const;
const deviceChannels = ['birth', 'death', 'telemetry'] as const;
type PairChannel = (typeof pairChannels)[number];
type DeviceChannel = (typeof deviceChannels)[number];

export type ParsedTopic =
	| {readonly kind: DeviceChannel; readonly device: DeviceId}
	| {readonly kind: PairChannel; readonly from: DeviceId; readonly to: DeviceId}
	| {readonly kind: 'events'; readonly run: RunId};

export interface Topics {
	readonly namespace: string;
	of(device: DeviceId, channel: DeviceChannel): string;
	/** Filter for one channel of all devices. */
	ofAll(channel: DeviceChannel): string;
	between(channel: PairChannel, from: DeviceId, to: DeviceId): string;
	/** Filter for everything sent to one party on a channel. */
	inbox(channel: PairChannel, to: DeviceId): string;
	events(run: RunId): string;
	/** Undefined for a topic that is none of ours. */
	parse(topic: string): ParsedTopic | undefined;
	/** MQTT client id of one connection of a party: `<ns>-<party>-<nonce>`. The nonce has no hyphen. */
	clientId(party: DeviceId, nonce: string): string;
	/** The party behind a client id; undefined when it belongs to no party of this namespace. */
	partyOf(clientId: string): DeviceId | undefined;
	/** A party publishes under its own name only; who is no party of ours stays out of the namespace. */
	mayPublish(party: DeviceId | undefined, topic: string): boolean;
	/** A party reads its own inboxes, presence and the events of runs; the coordinator reads everything. */
	maySubscribe(party: DeviceId | undefined, filter: string): boolean;
}

const includes = <T extends string>(list: readonly T[], text: string | undefined): text is T =>
	(list as readonly (string | undefined)[]).includes(text);

/** @throws FplError `CONFIG_VALUE` when the namespace is no valid topic level. */
export function createTopics(namespace = 'fpl'): Topics {
	if (!isId(namespace)) {
		throw new FplError('CONFIG_VALUE', {
			where: 'namespace',
			expected: '1–64 letters, digits, «-», «_» or «.»',
			got: `«${namespace.slice(0, 80)}»`,
		});
	}
	const prefix = `${namespace}/`;
	const clientPrefix = `${namespace}-`;

	function parse(topic: string): ParsedTopic | undefined {
		if (!topic.startsWith(prefix)) {
			return undefined;
		}
		const [area, first, second, ...rest] = topic.slice(prefix.length).split('/');
		if (rest.length > 0 || !isId(first)) {
			return undefined;
		}
		if (area === 'devices' && includes(deviceChannels, second)) {
			return {kind: second, device: first as DeviceId};
		}
		if (includes(pairChannels, area) && isId(second)) {
			return {kind: area, from: first as DeviceId, to: second as DeviceId};
		}
		return area === 'runs' && second === 'events' ? {kind: 'events', run: first as unknown as RunId} : undefined;
	}

	return {
		namespace,
		of: (device, channel) => `${prefix}devices/${device}/${channel}`,
		ofAll: channel => `${prefix}devices/+/${channel}`,
		between: (channel, from, to) => `${prefix}${channel}/${from}/${to}`,
		inbox: (channel, to) => `${prefix}${channel}/+/${to}`,
		events: run => `${prefix}runs/${run}/events`,
		parse,
		clientId: (party, nonce) => `${clientPrefix}${party}-${nonce.replaceAll('-', '')}`,
		partyOf(clientId) {
			const end = clientId.lastIndexOf('-');
			const party = clientId.slice(clientPrefix.length, end);
			return clientId.startsWith(clientPrefix) && end > clientPrefix.length && isId(party)
				? (party as DeviceId)
				: undefined;
		},
		mayPublish(party, topic) {
			if (topic.startsWith('$')) {
				return false;
			}
			if (topic !== namespace && !topic.startsWith(prefix)) {
				// Other software on the same broker, a power plug for instance.
				return party === undefined;
			}
			const parsed = parse(topic);
			if (party === undefined || parsed === undefined) {
				return false;
			}
			switch (parsed.kind) {
				case 'birth':
				case 'death':
				case 'telemetry':
					return parsed.device === party;
				case 'probe':
				case 'control':
				case 'tensor':
					return parsed.from === party;
				case 'events':
					return party === coordinatorId;
				default:
					return parsed satisfies never;
			}
		},
		maySubscribe(party, filter) {
			if (party === coordinatorId) {
				return true;
			}
			const [root, area, ...rest] = filter.split('/');
			if (root !== namespace) {
				// A wildcard in front would reach into the namespace.
				return root !== '+' && root !== '#';
			}
			if (party === undefined || area === undefined) {
				return false;
			}
			return (
				area === 'devices' ||
				area === 'runs' ||
				(includes(pairChannels, area) && rest.length === 2 && rest[1] === party)
			);
		},
	};
}
