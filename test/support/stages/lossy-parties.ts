/** Parties on the network that misbehave when they are told to: they fall silent without a last word, or mix up digests. */
import {decode, encode} from '../../../core/wire/message.js';
import type {Payload, Transport} from '../../../core/wire/transport.js';
import {delegate} from '../delegate.js';

export interface LossyParties {
	readonly wrap: (party: string, transport: Transport) => Transport;
	/** From now on nothing reaches this party, and nothing comes from it, though its connection stands. */
	silence(party: string): void;
	/** This party names another model and plan in every boundary transfer. */
	misname(party: string): void;
}

export function lossyParties(): LossyParties {
	const silent = new Set<string>();
	const misnamed = new Set<string>();
	return {
		silence: party => silent.add(party),
		misname: party => misnamed.add(party),
		wrap: (party, transport) =>
			delegate(transport, {
				publish: async (topic, payload, options) => {
					if (!silent.has(party)) {
						await transport.publish(topic, misnamed.has(party) ? otherDigest(payload) : payload, options);
					}
				},
				subscribe: (filter, handler, options) =>
					transport.subscribe(
						filter,
						(...message) => {
							if (!silent.has(party)) {
								handler(...message);
							}
						},
						options,
					),
			}),
	};
}

const bytesOf = (payload: Payload): Uint8Array =>
	typeof payload === 'string'
		? Buffer.from(payload)
		: payload instanceof Uint8Array
			? payload
			: Buffer.concat([...payload]);

function otherDigest(payload: Payload): Payload {
	const bytes = bytesOf(payload);
	const message = decode(bytes);
	return message.body.kind === 'begin' && message.body.purpose.kind === 'boundary'
		? encode({...message, body: {...message.body, purpose: {...message.body.purpose, digest: 'f'.repeat(32)}}})
		: payload;
}
