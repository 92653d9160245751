/** What every report says about a ledger before its tables: totals, and the honest marks about where numbers come from. */

import {type DeviceLedger, type Ledger, type Phase, phases, type RoundRecord} from '../core/ledger/ledger.js';
import {energySourceText, meteringOf} from '../core/ledger/metering.js';
import {byteCount, duration, energy, enumerate, integer, oneLine, ratio} from './format.js';

export interface Summary {
	readonly devices: number;
	readonly rounds: number;
	readonly steps: number;
	readonly epochs: number;
	/** Each transfer counted once. */
	readonly bytes: number;
	readonly bytesSent: number;
	readonly bytesReceived: number;
	readonly joules: number;
	/** The part of `joules` that is modelled, not metered; 0 in a prediction, where nothing could have been metered. */
	readonly modelledJoules: number;
	readonly items: number;
	readonly bestAccuracy: number | undefined;
	/** Seconds and joules of all devices. */
	readonly phases: Readonly<Record<Phase, {readonly seconds: number; readonly joules: number}>>;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export const isModelled = (device: DeviceLedger): boolean => device.energySource === 'modelled';

/** Where a device's joules come from: «predicted», «modelled», or the name of the meter and for how long it was silent. */
export const energyOrigin = ({kind}: Ledger, device: DeviceLedger): string =>
	kind === 'predicted' ? 'predicted' : energySourceText(device);

/** The device's name with «~» when it is emulated. */
export const markedName = ({device, emulated}: DeviceLedger): string => (emulated ? `${device} ~` : device);

/** «12 J», «12 J modelled», or «12 J (5 J modelled)». */
export const energyText = (joules: number, modelled: number): string =>
	modelled <= 0
		? energy(joules)
		: modelled >= joules
			? `${energy(joules)} modelled`
			: `${energy(joules)} (${energy(modelled)} modelled)`;

export const phaseSeconds = (device: DeviceLedger): number => sum(phases.map(phase => device.phases[phase].seconds));

export function summarise({devices, kind, rounds}: Ledger): Summary {
	const last = rounds.at(-1);
	const bytesSent = sum(devices.map(device => device.bytesSent));
	const accuracies = rounds.flatMap(({accuracy}) => (accuracy === undefined ? [] : [accuracy]));
	return {
		devices: devices.length,
		rounds: last ? last.round + 1 : 0,
		steps: last?.step ?? 0,
		epochs: last?.epoch ?? 0,
		bytes: rounds.length > 0 ? sum(rounds.map(({bytes}) => bytes)) : bytesSent,
		bytesSent,
		bytesReceived: sum(devices.map(device => device.bytesReceived)),
		joules: sum(devices.map(({joules}) => joules)),
		modelledJoules: kind === 'predicted' ? 0 : sum(devices.map(device => meteringOf(device).modelledJoules)),
		items: sum(devices.map(({items}) => items)),
		bestAccuracy: accuracies.length > 0 ? accuracies.reduce((best, one) => Math.max(best, one), 0) : undefined,
		phases: Object.fromEntries(
			phases.map(phase => [
				phase,
				{
					seconds: sum(devices.map(device => device.phases[phase].seconds)),
					joules: sum(devices.map(device => device.phases[phase].joules)),
				},
			]),
		) as unknown as Summary['phases'],
	};
}

/** What codecs made of the tensors that a device sent: «98 MB to 25 MB, 4× less»; undefined where it sent none. */
export function codecText({codecs}: DeviceLedger): string | undefined {
	if (!codecs || codecs.bytesBefore <= 0 || codecs.bytesAfter <= 0) {
		return undefined;
	}
	const times = codecs.bytesBefore / codecs.bytesAfter;
	return times < 1.005
		? 'as they are'
		: `${byteCount(codecs.bytesBefore)} to ${byteCount(codecs.bytesAfter)}, ${ratio(times)} less`;
}

/** Whether any device sent tensors that a codec made smaller. */
export const isEncoded = ({devices}: Ledger): boolean =>
	devices.some(device => codecText(device)?.includes('less') === true);

/** What codecs could not say, each device in a sentence. */
function overflows({devices}: Ledger): string[] {
	return devices.flatMap(({device, codecs}) => {
		if (!codecs || (codecs.saturated === 0 && codecs.nonFinite === 0)) {
			return [];
		}
		const what = [
			...(codecs.saturated > 0 ? [`${integer(codecs.saturated)} values were beyond its range and were clamped`] : []),
			...(codecs.nonFinite > 0 ? [`${integer(codecs.nonFinite)} were no numbers`] : []),
		];
		return [`! Overflow in the codec of ${oneLine(device)}: ${what.join(', ')}.`];
	});
}

/** A run that is still under way, or that was cut off. */
const soFar = ({final, rounds}: Ledger): string[] =>
	final.state === 'running'
		? [
				`! The run has not ended: these are the figures of its last checkpoint, after step ${integer(rounds.at(-1)?.step ?? 0)}, without the coordinator's own. If its broker was ended, start it again with the same state folder: the run goes on.`,
			]
		: [];

/** «D-SGD», «done in 1 min 32 s» and the like, for the head of a report. */
export function stateText({final, kind, seconds}: Ledger): string {
	if (kind === 'predicted') {
		return `predicted to take ${duration(seconds)}`;
	}
	const words = {
		done: 'done in',
		failed: 'failed after',
		interrupted: 'interrupted after',
		running: 'not ended, so far',
	} as const;
	const because = final.because === undefined ? '' : ` because: ${oneLine(final.because)}`;
	return `${words[final.state]} ${duration(seconds)}${because}`;
}

/**
 * Sentences about runs that have not ended and what codecs could not say (`!`), what is modelled (`*` beside numbers), emulated (`~` beside devices) or
 * predicted. They stand in every
 * report, near the numbers they are about.
 */
export function honestMarks(ledger: Ledger): string[] {
	const {devices, kind} = ledger;
	if (kind === 'predicted') {
		return ['Everything in this ledger is predicted by the cost model; nothing was run.'];
	}
	const marks = [...soFar(ledger), ...overflows(ledger)];
	const named = (list: readonly DeviceLedger[]) =>
		list.length === devices.length && list.length > 1
			? `all ${list.length} devices`
			: enumerate(list.map(({device}) => oneLine(device)));
	const modelled = devices.filter(isModelled);
	if (modelled.length > 0) {
		marks.push(
			`* Modelled energy, not measured: ${named(modelled)}. It is the profile's idle and busy power over time, and energy per byte.`,
		);
	}
	const meters = new Map<string, DeviceLedger[]>();
	for (const device of devices.filter(one => !isModelled(one))) {
		meters.set(device.energySource, [...(meters.get(device.energySource) ?? []), device]);
	}
	for (const [meter, list] of meters) {
		const joules = energy(sum(list.map(device => device.joules)));
		marks.push(`Energy measured by ${oneLine(meter)}: ${named(list)} (${joules}).`);
	}
	for (const device of devices.filter(one => energySourceText(one) !== one.energySource)) {
		const {modelledSeconds, modelledJoules} = meteringOf(device);
		marks.push(
			`* Modelled energy in part: ${oneLine(device.device)} for ${duration(modelledSeconds)}, while ${oneLine(device.energySource)} did not answer (${energy(modelledJoules)} modelled).`,
		);
	}
	const emulated = devices.filter(device => device.emulated);
	if (emulated.length > 0) {
		marks.push(
			`~ Emulated: ${named(emulated)}. Another machine computes, and slows computing and transfers down to the profile.`,
		);
	}
	return marks;
}

/** At most `most` rounds that tell the story: the first, the last, every evaluated one while there is room, others evenly. */
export function someRounds(rounds: readonly RoundRecord[], most: number): RoundRecord[] {
	if (rounds.length <= most) {
		return [...rounds];
	}
	const last = rounds.length - 1;
	const chosen = new Set([0, last]);
	const evaluated = rounds.flatMap(({accuracy, testLoss}, index) =>
		accuracy === undefined && testLoss === undefined ? [] : [index],
	);
	const spread = (indices: readonly number[]) => {
		const free = indices.filter(index => !chosen.has(index));
		const room = Math.min(most - chosen.size, free.length);
		for (let slot = 0; slot < room; slot++) {
			chosen.add(free[Math.floor(((slot + 0.5) * free.length) / room)]!);
		}
	};
	spread(evaluated);
	spread(rounds.map((_, index) => index));
	return [...chosen].sort((a, b) => a - b).map(index => rounds[index]!);
}
