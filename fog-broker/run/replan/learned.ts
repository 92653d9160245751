/** What a run learns of its devices: how many times as slow as their profiles say they compute, send and receive. Pure. */
import type {DeviceProfile} from '../../../core/profile/profile.js';
import {formatSi} from '../../../core/units.js';
import type {Slowness} from './memory.js';
import {paceText, slowed} from './pace.js';

/** One direction of a device's link: to the broker, or from it. */
export type Direction = 'up' | 'down';

/** Names of links stand beside names of devices, in which no «/» occurs; a device's own name stands for its computing. */
export const linkName = (device: string, direction: Direction): string => `${device}/${direction}`;

/** The names under which something may be known of a device. */
export const namesOf = (device: string): readonly string[] => [
	device,
	linkName(device, 'up'),
	linkName(device, 'down'),
];

/** The profile with what is known of the device; the same one where nothing is. */
export function asLearned<P extends DeviceProfile>(profile: P, device: string, slowness: Slowness): P {
	const [compute, up, down] = namesOf(device).map(name => slowness.get(name));
	const {link} = profile;
	const rates = {
		...link,
		upBytesPerSecond: link.upBytesPerSecond / (up ?? 1),
		downBytesPerSecond: link.downBytesPerSecond / (down ?? 1),
	};
	const linked = up === undefined && down === undefined ? profile : {...profile, link: rates};
	return compute === undefined ? linked : {...linked, ...slowed(linked, compute)};
}

const rateText = (bytesPerSecond: number): string => formatSi(Number((bytesPerSecond * 8).toPrecision(2)), 'bit/s');

/** «cam-1 sends at 8 Mbit/s, where its profile says 40 Mbit/s». */
export function learnedText(
	name: string,
	slowness: number,
	profileOf: (device: string) => DeviceProfile | undefined,
): string {
	const [device, direction] = name.split('/') as [string, Direction?];
	if (direction === undefined) {
		return paceText(device, slowness);
	}
	const profile = profileOf(device);
	const verb = direction === 'up' ? 'sends' : 'receives';
	if (!profile) {
		return `${device} ${verb} at ${Number((1 / slowness).toPrecision(2))} times the rate of its profile`;
	}
	const {upBytesPerSecond, downBytesPerSecond} = profile.link;
	const rate = direction === 'up' ? upBytesPerSecond : downBytesPerSecond;
	return Number(slowness.toPrecision(2)) === 1
		? `${device} ${verb} as fast as its profile says again (${rateText(rate)})`
		: `${device} ${verb} at ${rateText(rate / slowness)}, where its profile says ${rateText(rate)}`;
}
