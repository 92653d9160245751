/** Who may connect, publish and subscribe at the embedded broker. Pure decisions; broker.ts hooks them into aedes. */
import {timingSafeEqual} from 'node:crypto';
import type {DeviceId} from '../core/ids.js';
import {coordinatorId, type Topics} from '../core/wire/topics.js';

export interface Credential {
	readonly username: string;
	readonly password: string;
	/** When given, this user may only be that device. */
	readonly device?: DeviceId;
}

export interface Visitor {
	readonly clientId: string;
	readonly username?: string | undefined;
	readonly password?: Uint8Array | undefined;
	/** Connected from within the process. */
	readonly inside: boolean;
}

export interface AccessRules {
	readonly topics: Topics;
	/** When given, everybody from outside must be one of these. */
	readonly credentials?: readonly Credential[];
	/** Whether a coordinator may connect from another process. */
	readonly remoteCoordinator: boolean;
}

/** Retained messages stay in memory: only small ones, and from parties only those that presence needs. */
const maxRetainedBytes = 128 * 1024;

function samePassword(given: Uint8Array | undefined, wanted: string): boolean {
	const expected = Buffer.from(wanted);
	return given !== undefined && given.length === expected.length && timingSafeEqual(given, expected);
}

/** The reason why somebody may not connect, with its CONNACK return code (MQTT 3.1.1, 3.2.2.3); undefined: may. */
export function refuseConnection(
	{topics, credentials, remoteCoordinator}: AccessRules,
	{clientId, username, password, inside}: Visitor,
): {readonly code: 4 | 5; readonly because: string} | undefined {
	if (inside) {
		return undefined;
	}
	const party = topics.partyOf(clientId);
	if (party === coordinatorId && !remoteCoordinator) {
		return {code: 5, because: 'the coordinator of this broker runs in its own process'};
	}
	if (credentials === undefined) {
		return undefined;
	}
	const credential = credentials.find(candidate => candidate.username === username);
	if (!credential || !samePassword(password, credential.password)) {
		return {code: 4, because: 'unknown user or wrong password'};
	}
	return credential.device !== undefined && party !== credential.device
		? {code: 5, because: `user ${credential.username} may only connect as device ${credential.device}`}
		: undefined;
}

/** The reason why a message may not be published, or undefined. */
export function refusePublish(
	topics: Topics,
	party: DeviceId | undefined,
	{topic, retain, bytes}: {readonly topic: string; readonly retain: boolean; readonly bytes: number},
): string | undefined {
	if (!topics.mayPublish(party, topic)) {
		return party === undefined ? 'only parties may publish in the namespace' : `${party} may not publish there`;
	}
	if (!retain) {
		return undefined;
	}
	const parsed = topics.parse(topic);
	if (parsed && parsed.kind !== 'birth' && parsed.kind !== 'death') {
		return 'this topic holds no retained messages';
	}
	return bytes > maxRetainedBytes ? `a retained message of more than ${maxRetainedBytes} bytes` : undefined;
}
