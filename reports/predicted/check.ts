/** How far a prediction lay from what was measured: step, totals, every device and phase, and who holds a step up. Pure. */
import type {DeviceLedger, Ledger} from '../../core/ledger/ledger.js';
import type {PredictedBottleneck, Prediction} from '../../core/ledger/prediction.js';
import {dash, duration, enumerate, integer, oneLine, percent} from '../format.js';
import {summarise} from '../summary.js';

/** The same quantity, predicted and measured. Undefined: it was not predicted, or not measured. */
export interface Pair {
	readonly predicted: number | undefined;
	readonly measured: number | undefined;
}

/** (predicted − measured) / measured; undefined where there is nothing to compare with. */
export const errorOf = ({predicted, measured}: Pair): number | undefined =>
	predicted !== undefined && measured !== undefined && measured > 0 ? predicted / measured - 1 : undefined;

/** Waiting and idling are one: a prediction knows only that a device has nothing to do. */
export const checkedPhases = ['compute', 'send', 'receive', 'rest'] as const;
export type CheckedPhase = (typeof checkedPhases)[number];

export interface DeviceCheck {
	readonly device: string;
	readonly emulated: boolean;
	readonly seconds: Readonly<Record<CheckedPhase, Pair>>;
	readonly phaseJoules: Readonly<Record<CheckedPhase, Pair>>;
	readonly joules: Pair;
	readonly sent: Pair;
	readonly received: Pair;
}

export interface PredictionCheck {
	/** Steps that were done and those that were predicted; predicted totals are those of the steps done. */
	readonly steps: Pair;
	/** Seconds of one step, or of one round where replicas train on their own. */
	readonly step: Pair;
	/** Seconds of all steps: without getting ready, and what lies between the steps. */
	readonly seconds: Pair;
	/** Each transfer counted once. */
	readonly bytes: Pair;
	/** Of the devices that were predicted; `busyJoules` without what they spent waiting and idling. */
	readonly joules: Pair;
	readonly busyJoules: Pair;
	readonly devices: readonly DeviceCheck[];
	readonly bottleneck: {
		readonly predicted: PredictedBottleneck;
		/** By the same measure: part of a step that it is busy with. */
		readonly measured: PredictedBottleneck | undefined;
	};
	/** What a reader must know to judge the errors. */
	readonly remarks: readonly string[];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Seconds of all rounds, without what lies between them (evaluation, checkpoints). */
const steppingSeconds = ({rounds}: Ledger): number => sum(rounds.map(({seconds}) => seconds));

const pick = (ledger: DeviceLedger | undefined, phase: CheckedPhase, key: 'seconds' | 'joules') =>
	ledger && (phase === 'rest' ? ledger.phases.wait[key] + ledger.phases.idle[key] : ledger.phases[phase][key]);

function checkDevice(
	predicted: DeviceLedger | undefined,
	measured: DeviceLedger | undefined,
	scale: number,
): DeviceCheck {
	const pair = (of: (ledger: DeviceLedger | undefined) => number | undefined): Pair => {
		const expected = of(predicted);
		return {predicted: expected === undefined ? undefined : expected * scale, measured: of(measured)};
	};
	const perPhase = (key: 'seconds' | 'joules') =>
		Object.fromEntries(
			checkedPhases.map(phase => [phase, pair(ledger => pick(ledger, phase, key))]),
		) as unknown as Record<CheckedPhase, Pair>;
	return {
		device: (measured ?? predicted)!.device,
		emulated: (measured ?? predicted)!.emulated,
		seconds: perPhase('seconds'),
		phaseJoules: perPhase('joules'),
		joules: pair(ledger => ledger?.joules),
		sent: pair(ledger => ledger?.bytesSent),
		received: pair(ledger => ledger?.bytesReceived),
	};
}

/** What was busy for the largest part of the steps: computing by its time, a link by its bytes and the rate it was said to have. */
function measuredBottleneck(measured: Ledger, {links}: Prediction): PredictedBottleneck | undefined {
	const seconds = steppingSeconds(measured);
	if (!(seconds > 0)) {
		return undefined;
	}
	const busy = measured.devices.flatMap(({device, phases, bytesSent, bytesReceived}): PredictedBottleneck[] => {
		const link = links.find(one => one.device === device);
		const of = (part: number) => Math.min(1, part / seconds);
		return [
			{device, kind: 'compute', busy: of(phases.compute.seconds)},
			...(link
				? [
						{device, kind: 'up' as const, busy: of(bytesSent / link.upBytesPerSecond)},
						{device, kind: 'down' as const, busy: of(bytesReceived / link.downBytesPerSecond)},
					]
				: []),
		];
	});
	return busy
		.filter(one => Number.isFinite(one.busy))
		.reduce<PredictedBottleneck | undefined>((best, one) => (best && best.busy >= one.busy ? best : one), undefined);
}

/** «computing of fog-1, 82 % of a step». */
export function bottleneckText({device, kind, busy}: PredictedBottleneck): string {
	const what = {compute: 'computing of', up: 'the uplink of', down: 'the downlink of'}[kind];
	return `${what} ${oneLine(device)}, busy for ${percent(busy)} of a step`;
}

/** Steps that take longer than predicted are explained from this part on, where devices are emulated. */
const toldSlowness = 0.2;
/** Steps of the first half that take so much longer than those of the second are told apart, where there are so many. */
const toldWarming = 0.05;
const leastWarming = 20;
/** More bytes than predicted are explained from this part on. */
const toldBytes = 0.01;

/** Whoever has just been started is slower at first than later. */
function warmingOf({rounds}: Ledger, stepSeconds: number): string | undefined {
	const half = rounds.length >> 1;
	const mean = (part: Ledger['rounds']) => sum(part.map(({seconds}) => seconds)) / part.length;
	const [first, later] = [mean(rounds.slice(0, half)), mean(rounds.slice(half))];
	// In the order in which they reported.
	const taking = (index: number) => rounds.at(index)?.devices.toSorted().join();
	const isSame = taking(0) === taking(-1);
	if (rounds.length < leastWarming || !isSame || first <= (1 + toldWarming) * later) {
		return undefined;
	}
	const error = errorText({predicted: stepSeconds, measured: later});
	return `Steps of the first half took ${duration(first)}, those of the second ${duration(later)} (error ${error}): processes are slower for a while after they have been started, which is not predicted.`;
}

/** Devices that missed more than this part of the rounds are told. */
const toldAway = 0.01;

/** Devices that were away for some rounds, or for all; those that never work all in one round take turns. */
function awayRemark({rounds}: Ledger, {devices}: Ledger): string[] {
	const parts = devices.map(({device}) => ({
		device,
		done: rounds.filter(round => round.devices.includes(device)).length,
	}));
	const came = parts.filter(({done}) => done > 0);
	const together = rounds.some(round => came.every(({device}) => round.devices.includes(device)));
	const away = parts.filter(
		({done}) => rounds.length > 0 && (done === 0 || (together && done < (1 - toldAway) * rounds.length)),
	);
	if (away.length === 0) {
		return [];
	}
	const named = away.map(
		({device, done}) => `${oneLine(device)} for ${integer(done)} of ${integer(rounds.length)} rounds`,
	);
	return [
		`Predicted with devices that were not there all the time: ${enumerate(named)}. What they did not compute and send is in the errors.`,
	];
}

function remarksOn(measured: Ledger, {ledger, steps, stepSeconds}: Prediction, done: number): string[] {
	const remarks: string[] = [];
	if (measured.scheme !== ledger.scheme) {
		remarks.push(`Predicted was «${oneLine(ledger.scheme)}», but «${oneLine(measured.scheme)}» ended the run.`);
	}
	if (Math.abs(done / Math.max(1, steps) - 1) > 0.005) {
		remarks.push(
			`${integer(done)} steps were done, ${integer(steps)} predicted: predicted totals are those of ${integer(done)}.`,
		);
	}
	remarks.push(...awayRemark(measured, ledger));
	const beyond = measured.seconds - steppingSeconds(measured);
	if (beyond > 0.05 * measured.seconds) {
		remarks.push(
			`Getting ready, evaluating and what else lies between steps took ${duration(beyond)}: it is measured with each device's rest, and its energy, but not predicted.`,
		);
	}
	const scale = done / Math.max(1, steps);
	const isMore = summarise(measured).bytes > (1 + toldBytes) * summarise(ledger).bytes * scale;
	if (isMore && steppingSeconds(measured) > ledger.seconds * scale) {
		remarks.push(
			'Checkpoints within epochs come by the clock: a run that takes longer than predicted sends more of them.',
		);
	}
	const warming = warmingOf(measured, stepSeconds);
	if (warming !== undefined) {
		remarks.push(warming);
	}
	const isPlayed = measured.devices.some(({emulated}) => emulated);
	if (isPlayed && steppingSeconds(measured) > (1 + toldSlowness) * ledger.seconds * scale) {
		remarks.push(
			'Devices are emulated: whatever else the machine that plays them has to do lengthens steps, mostly as waiting.',
		);
	}
	const unpredicted = measured.devices.filter(({device}) => !ledger.devices.some(one => one.device === device));
	if (unpredicted.length > 0) {
		const names = unpredicted.map(({device}) => oneLine(device)).join(', ');
		remarks.push(`Not predicted: ${names}. Its energy is in no error.`);
	}
	return remarks;
}

export function checkPrediction(measured: Ledger, prediction: Prediction): PredictionCheck {
	const {ledger: predicted, stepSeconds} = prediction;
	const done = measured.rounds.at(-1)?.step ?? 0;
	const scale = done / Math.max(1, prediction.steps);
	const stepping = steppingSeconds(measured);
	const names = [...new Set([...predicted.devices, ...measured.devices].map(({device}) => device))];
	const find = ({devices}: Ledger, name: string) => devices.find(({device}) => device === name);
	const expected = predicted.devices.map(({device}) => device);
	const asPredicted = measured.devices.filter(({device}) => expected.includes(device));
	const busy = (devices: readonly DeviceLedger[]) =>
		sum(devices.flatMap(({phases: {compute, send, receive}}) => [compute.joules, send.joules, receive.joules]));
	return {
		steps: {predicted: prediction.steps, measured: done},
		step: {predicted: stepSeconds, measured: done > 0 ? stepping / done : undefined},
		seconds: {predicted: predicted.seconds * scale, measured: stepping},
		bytes: {predicted: summarise(predicted).bytes * scale, measured: summarise(measured).bytes},
		joules: {
			predicted: summarise(predicted).joules * scale,
			measured: sum(asPredicted.map(({joules}) => joules)),
		},
		busyJoules: {predicted: busy(predicted.devices) * scale, measured: busy(asPredicted)},
		devices: names.map(name => checkDevice(find(predicted, name), find(measured, name), scale)),
		bottleneck: {predicted: prediction.bottleneck, measured: measuredBottleneck(measured, prediction)},
		remarks: remarksOn(measured, prediction, done),
	};
}

/** «+3.2 %», «−12 %»; a dash where there is none. */
export function errorText(pair: Pair): string {
	const error = errorOf(pair);
	if (error === undefined) {
		return dash;
	}
	const size = Math.abs(error) * 100;
	const digits = size >= 9.95 ? Math.round(size) : Number(size.toFixed(1));
	return digits === 0 ? '0 %' : `${error > 0 ? '+' : '−'}${digits} %`;
}
