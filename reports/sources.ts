/** How much of a run's energy each meter saw, and how much is modelled. */
import type {Ledger} from '../core/ledger/ledger.js';
import {meteringOf} from '../core/ledger/metering.js';
import {duration, energy, enumerate, oneLine, percent} from './format.js';

export interface SourceShare {
	/** «modelled» or the name of a meter. */
	readonly source: string;
	readonly devices: readonly string[];
	/** Device seconds. */
	readonly seconds: number;
	readonly joules: number;
}

/** Meters in the order of the devices, what is modelled last. A prediction has none. */
export function energyShares({kind, devices}: Ledger): SourceShare[] {
	const shares = new Map<string, {devices: string[]; seconds: number; joules: number}>();
	const add = (source: string, device: string, seconds: number, joules: number) => {
		if (seconds > 0 || joules > 0) {
			const share = shares.get(source) ?? {devices: [], seconds: 0, joules: 0};
			shares.set(source, {
				devices: [...share.devices, device],
				seconds: share.seconds + seconds,
				joules: share.joules + joules,
			});
		}
	};
	for (const device of kind === 'predicted' ? [] : devices) {
		const {meteredSeconds, modelledJoules} = meteringOf(device);
		if (device.energySource !== 'modelled') {
			add(device.energySource, device.device, meteredSeconds, Math.max(0, device.joules - modelledJoules));
		}
	}
	for (const device of kind === 'predicted' ? [] : devices) {
		const {modelledSeconds, modelledJoules} = meteringOf(device);
		add('modelled', device.device, modelledSeconds, modelledJoules);
	}
	return [...shares].map(([source, share]) => ({source, ...share}));
}

export const sourceColumns = [
	{title: 'Energy from', text: true},
	{title: 'device time'},
	{title: 'energy'},
	{title: 'of all'},
	{title: 'devices', text: true},
] as const;

/** Empty where there is a single source: the tables of devices say it. */
export function sourceRows(ledger: Ledger): string[][] {
	const shares = energyShares(ledger);
	const sum = shares.reduce((total, {joules}) => total + joules, 0);
	return shares.length < 2
		? []
		: shares.map(({source, devices, seconds, joules}) => [
				source === 'modelled' ? 'the model' : oneLine(source),
				duration(seconds),
				energy(joules),
				percent(sum > 0 ? joules / sum : undefined),
				enumerate(devices.map(oneLine)),
			]);
}
