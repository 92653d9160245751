import type {Transport} from '../../core/wire/transport.js';

/** A transport that hands everything on to another one, except for what is given. */
export const delegate = (
	transport: Transport,
	changes: Partial<Pick<Transport, 'publish' | 'subscribe'>>,
): Transport => ({
	get status() {
		return transport.status;
	},
	get maxPayloadBytes() {
		return transport.maxPayloadBytes;
	},
	publish: (topic, payload, options) => transport.publish(topic, payload, options),
	subscribe: (filter, handler, options) => transport.subscribe(filter, handler, options),
	onStatus: listener => transport.onStatus(listener),
	close: () => transport.close(),
	...changes,
});
