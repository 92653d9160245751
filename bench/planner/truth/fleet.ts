/** The emulated fleet: two cameras on Wi-Fi, one of them far away, a gateway and a fog node on Ethernet. */
import type {DeviceProfile} from '../../../core/profile/profile.js';
import {declaredProfile} from '../../../core/profile/schema.js';
import type {Emulation} from '../../stages/processes.js';

const fleet: Readonly<Record<string, Emulation>> = {
	'cam-1': {profile: 'raspberry-pi-zero-2w', overrides: {link: 'wifi'}},
	'cam-2': {profile: 'raspberry-pi-zero-2w', overrides: {link: {preset: 'wifi', up: '20 Mbit/s', latency: '8 ms'}}},
	'gate-1': {profile: 'raspberry-pi-3b-plus'},
	'fog-1': {profile: 'raspberry-pi-4b'},
};

/** Those that own data come first. */
export const devices: readonly string[] = Object.keys(fleet);
export const sources: readonly string[] = ['cam-1', 'cam-2', 'gate-1'];

export const emulationOf = (device: string): Emulation => fleet[device]!;

/** As the agents take it on. */
export function profileOf(device: string): DeviceProfile {
	const {profile, overrides} = emulationOf(device);
	return declaredProfile(profile, overrides, device);
}
