/** One message: an envelope around one body, and its bytes (protobuf, `messages.proto`). */
import protobuf from 'protobufjs';
import type {z} from 'zod';
import {FplError} from '../errors.js';
import {type DeviceId, isId} from '../ids.js';
import {type Body, bodySchemas, type Kind, kinds, maxMessageBytes} from './bodies.js';
import {descriptor} from './messages_pb.js';

/** Raised when an older peer would misread a message. */
export const protocolVersion = 1;

export interface Message<B extends Body = Body> {
	/** Unique per message; a repetition of the same request carries the same id. 1–64 characters. */
	readonly id: string;
	readonly from: DeviceId;
	/** Empty when it is meant for whoever listens. */
	readonly to: DeviceId | '';
	/** Milliseconds since 1970 on the sender's clock. */
	readonly sentAtMs: number;
	/** Id of the message this one answers, or empty. */
	readonly inReplyTo: string;
	readonly body: B;
}

const envelope = protobuf.Root.fromJSON(descriptor).lookupType('fpl.Envelope');
const purposeKinds = ['model', 'weights', 'contribution', 'file', 'boundary', 'state'] as const;

const invalid = (problem: string, cause?: unknown) => new FplError('WIRE_INVALID', {problem}, {cause});

/** A body as protobufjs wants it: the purpose of a transfer is laid out differently, and absent data are left out. */
function toWire(body: Body): Record<string, unknown> {
	if (body.kind === 'begin') {
		const {purpose, data, crc, ...rest} = body;
		return {...rest, [purpose.kind]: purpose, ...(data.length > 0 ? {data, crc} : {})};
	}
	return {...body};
}

function fromWire(kind: Kind, fields: Record<string, unknown>): Record<string, unknown> {
	if (kind !== 'begin') {
		return fields;
	}
	const given = purposeKinds.filter(purpose => fields[purpose] !== undefined);
	const purpose = given.length === 1 ? {kind: given[0]!, ...(fields[given[0]!] as object)} : undefined;
	return {...fields, purpose};
}

const describeIssues = (error: z.ZodError) =>
	error.issues
		.slice(0, 3)
		.map(issue => `${issue.path.join('.') || 'body'}: ${issue.message}`)
		.join('; ');

function checkedBody(kind: Kind, fields: Record<string, unknown>): Body {
	const result = bodySchemas[kind].safeParse(fields);
	if (!result.success) {
		throw new FplError('WIRE_INVALID', {where: kind, problem: describeIssues(result.error)});
	}
	return {kind, ...result.data} as Body;
}

/**
 * @throws FplError `WIRE_TOO_LARGE` above `maxMessageBytes`; `WIRE_INVALID` when a field breaks its schema, so that a
 * sender's mistake is found at the sender.
 */
export function encode(message: Message): Uint8Array {
	const {body} = message;
	checkedBody(body.kind, body);
	const bytes = envelope
		.encode(
			envelope.fromObject({
				version: protocolVersion,
				id: message.id,
				from: message.from,
				to: message.to,
				sentAtMs: message.sentAtMs,
				inReplyTo: message.inReplyTo,
				[body.kind]: toWire(body),
			}),
		)
		.finish();
	if (bytes.length > maxMessageBytes) {
		throw tooLarge(body.kind, bytes.length);
	}
	return bytes;
}

const tooLarge = (where: string, size: number) =>
	new FplError('WIRE_TOO_LARGE', {where, expected: `at most ${maxMessageBytes} bytes`, got: `${size}`});

const shortText = (value: unknown): value is string => typeof value === 'string' && value.length <= 64;

/**
 * @param bytes one encoded message. Byte fields of the result are views of it.
 * @throws FplError `WIRE_TOO_LARGE`, `WIRE_VERSION` when the sender speaks another protocol version, `WIRE_INVALID`.
 */
export function decode(bytes: Uint8Array): Message {
	if (bytes.length > maxMessageBytes) {
		throw tooLarge('message', bytes.length);
	}
	let raw: Record<string, unknown>;
	try {
		const decoded = envelope.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
		raw = envelope.toObject(decoded, {longs: Number, enums: String, defaults: true});
	} catch (error) {
		throw invalid('not a protobuf message of this protocol', error);
	}
	const {version, id, from, to, sentAtMs, inReplyTo} = raw;
	if (version !== protocolVersion) {
		throw new FplError('WIRE_VERSION', {
			where: isId(from) ? String(from) : 'message',
			expected: `protocol version ${protocolVersion}`,
			got: String(version),
			fix: 'Install the same version of fpl on every device.',
		});
	}
	if (!shortText(id) || !isId(from) || !(to === '' || isId(to)) || !shortText(inReplyTo)) {
		throw invalid('the envelope has an id or a party that is none');
	}
	if (!Number.isSafeInteger(sentAtMs)) {
		throw invalid('the time of sending is no whole number of milliseconds');
	}
	const kind = kinds.find(candidate => raw[candidate] !== undefined);
	if (kind === undefined) {
		throw invalid('there is no body that this version knows');
	}
	return {
		id,
		from: from as DeviceId,
		to: to as DeviceId | '',
		sentAtMs: sentAtMs as number,
		inReplyTo,
		body: checkedBody(kind, fromWire(kind, raw[kind] as Record<string, unknown>)),
	};
}
