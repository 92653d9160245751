/** What a profile allows but nobody should be surprised by, in words. */
import {formatDuration, formatSi} from '../units.js';
import type {DeviceProfile} from './profile.js';

/** The model that the text speaks of: LeNet-5 is a quarter of it, a small residual network ten times as large. */
const megabyte = 1e6;
/** Most of the European 868 MHz band: ETSI EN 300 220. */
const dutyCycle = 0.01;
/** Below this a gradient of a small model takes a minute: such a link is fit for results only. */
const slowBytesPerSecond = megabyte / 60;

/** One sentence each; none for a device that is fit for training. */
export function profileWarnings(device: string, {link}: DeviceProfile): readonly string[] {
	const rate = Math.min(link.upBytesPerSecond, link.downBytesPerSecond);
	const seconds = formatDuration(megabyte / rate);
	if (link.medium === 'lora') {
		return [
			`«${device}» is on LoRa at ${formatSi(rate * 8, 'bit/s')}: 1 MB takes ${seconds} on air, ${formatDuration(megabyte / rate / dutyCycle)} where a duty cycle of 1 % is the law. That carries results, hardly weights or activations; the duty cycle is not part of what is predicted.`,
		];
	}
	return rate < slowBytesPerSecond
		? [`«${device}» has a link of ${formatSi(rate * 8, 'bit/s')}: 1 MB takes ${seconds}.`]
		: [];
}
