/** Which part of a device's energy was measured, in ledgers old and new. */
import {formatDuration} from '../units.js';
import {type DeviceLedger, type Metering, type Phase, type PhaseCost, phases} from './ledger.js';

type Energy = Pick<DeviceLedger, 'phases' | 'joules' | 'energySource' | 'metering'>;

const secondsOf = (costs: Readonly<Record<Phase, PhaseCost>>): number =>
	phases.reduce((sum, phase) => sum + costs[phase].seconds, 0);

/** A ledger that says nothing about gaps has none. */
export function meteringOf({phases: costs, joules, energySource, metering}: Energy): Metering {
	const seconds = secondsOf(costs);
	return (
		metering ??
		(energySource === 'modelled'
			? {meteredSeconds: 0, modelledSeconds: seconds, modelledJoules: joules}
			: {meteredSeconds: seconds, modelledSeconds: 0, modelledJoules: 0})
	);
}

/** Gaps shorter than that are not worth a word. */
const leastGapSeconds = 0.5;

/** «rapl», «rapl, modelled for 12 s», «modelled». */
export function energySourceText(device: Energy): string {
	const {modelledSeconds} = meteringOf(device);
	return device.energySource === 'modelled' || modelledSeconds < leastGapSeconds
		? device.energySource
		: `${device.energySource}, modelled for ${formatDuration(modelledSeconds)}`;
}

/** What an account of some time says about where its joules come from. */
export interface Metered extends Omit<Energy, 'metering'> {
	/** Seconds of the phases that the meter saw; absent: all of them, or none where all is modelled. */
	readonly meteredSeconds?: number | undefined;
	readonly modelledJoules?: number | undefined;
}

/** Adds an account to what was before. The name of a meter stays, also through a time that was modelled. */
export function addMetering(before: Energy, {meteredSeconds, modelledJoules, ...now}: Metered): Partial<DeviceLedger> {
	const [past, plain] = [meteringOf(before), meteringOf(now)];
	const seconds = secondsOf(now.phases);
	const seen = Math.min(seconds, meteredSeconds ?? plain.meteredSeconds);
	const metering: Metering = {
		meteredSeconds: past.meteredSeconds + seen,
		modelledSeconds: past.modelledSeconds + seconds - seen,
		modelledJoules: past.modelledJoules + (modelledJoules ?? plain.modelledJoules),
	};
	const energySource = now.energySource === 'modelled' ? before.energySource : now.energySource;
	return energySource === 'modelled' ? {energySource} : {energySource, metering};
}
