/** Times the way to the broker and back: messages that a device sends to itself. */
import {type Clock, withDeadline} from '../../core/clock.js';
import type {DeviceId} from '../../core/ids.js';
import type {Topics} from '../../core/wire/topics.js';
import type {Transport} from '../../core/wire/transport.js';
import type {MeasuredLink} from '../probe.js';

const pings = 9;
const payloadBytes = 64 * 1024;
/** Together 1 MiB each way: a moment on Ethernet, some seconds on a slow radio. */
const payloads = 16;
const deadlineMs = 20_000;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/**
 * Latency is half a round trip. Both directions are busy at once while the payloads go round, so the slower of the two limits
 * both, and its rate is taken for both.
 * @throws FplError `WIRE_TIMEOUT` when the echo does not come, `WIRE_CLOSED`.
 */
export async function measureLink(
	transport: Transport,
	topics: Topics,
	self: DeviceId,
	clock: Clock,
): Promise<MeasuredLink> {
	const topic = topics.between('tensor', self, self);
	let arrived = 0;
	let expected = 0;
	let all = () => {};
	const subscription = await transport.subscribe(topic, () => {
		arrived += 1;
		if (arrived === expected) {
			all();
		}
	});
	const echo = async (count: number, bytes: number): Promise<number> => {
		arrived = 0;
		expected = count;
		const back = new Promise<void>(resolve => {
			all = resolve;
		});
		const began = clock.monotonic();
		const payload = new Uint8Array(Math.min(bytes, transport.maxPayloadBytes));
		for (let index = 0; index < count; index++) {
			await transport.publish(topic, payload);
		}
		await withDeadline(clock, deadlineMs, 'measuring the link', back);
		return (clock.monotonic() - began) / 1000;
	};
	try {
		const trips: number[] = [];
		for (let index = 0; index < pings; index++) {
			trips.push(await echo(1, 16));
		}
		const trip = median(trips);
		const seconds = await echo(payloads, payloadBytes);
		const rate = (payloads * Math.min(payloadBytes, transport.maxPayloadBytes)) / Math.max(1e-6, seconds - trip);
		return {latencySeconds: trip / 2, upBytesPerSecond: rate, downBytesPerSecond: rate};
	} finally {
		await subscription.unsubscribe();
	}
}
