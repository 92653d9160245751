/**
 * A run while it goes on: lines of a panel to be redrawn on a terminal, lines of a log, or JSON lines for a pipe. Pure:
 * whoever prints decides where, and how often.
 */

import type {InferenceFigures, RoundRecord} from '../core/ledger/ledger.js';
import type {DeviceProgress, RunUpdate} from '../core/ledger/run-update.js';
import {devicesOf} from '../core/plan/fallback.js';
import {
	byteCount,
	cut,
	dash,
	duration,
	energy,
	enumerate,
	fraction,
	integer,
	loss,
	oneLine,
	percent,
} from './format.js';
import {inferenceProgress} from './inference.js';
import {type TableStyle, textTable, wrap} from './table.js';

export interface ProgressState {
	readonly headline: string;
	/** The plan in words, and what is predicted of it. */
	readonly plan?: string;
	/** The last round, with what is known of the plan's length. */
	readonly record?: RoundRecord;
	/** Optimiser updates done before the last round; undefined before there were two. */
	readonly stepsInRound?: number;
	readonly rounds?: number;
	readonly epochs?: number;
	readonly accuracy?: number;
	/** Of inference runs: everything answered so far. */
	readonly inference?: InferenceFigures;
	readonly devices: readonly DeviceProgress[];
	/** The last few things worth telling. */
	readonly notes: readonly string[];
	readonly ended?: 'done' | 'failed' | 'interrupted';
}

export const noProgress: ProgressState = {headline: 'starting', devices: [], notes: []};

const mostNotes = 4;

/** «planned: stages of 3 → 1 devices, 4 micro-batches; predicted 21 s, 2.4 MB, 180 J». */
function planText({plan, predicted}: Extract<RunUpdate, {kind: 'planned'}>): string {
	const {seconds, bytes, joules, stepSeconds} = predicted!;
	const amounts = [duration(seconds), byteCount(bytes), energy(joules), `${duration(stepSeconds)} a step`];
	return `planned: ${oneLine(plan.scheme)}; predicted ${amounts.join(', ')}`;
}

/** The state after an update. */
export function advance(state: ProgressState, update: RunUpdate): ProgressState {
	switch (update.kind) {
		case 'gathering': {
			const whom = update.expected?.length
				? enumerate(update.expected.map(oneLine))
				: `at least ${update.minimum} ${update.minimum === 1 ? 'device' : 'devices'}`;
			return {...state, headline: `waiting for ${whom}`};
		}
		case 'planned': {
			const resumed = update.resumedFrom === undefined ? '' : `, resumed after round ${update.resumedFrom}`;
			return {
				...state,
				...(update.predicted && {plan: planText(update)}),
				headline: `${update.inference ? 'answering' : 'training'}${update.attempt > 1 ? `, attempt ${update.attempt}` : ''}${resumed}`,
			};
		}
		case 'round': {
			const {record, rounds, epochs, devices, inference} = update;
			const before = state.record;
			const follows = before !== undefined && before.round < record.round;
			const stepsInRound = follows ? (record.step - before.step) / (record.round - before.round) : undefined;
			return {
				...state,
				record,
				rounds,
				epochs,
				devices,
				...(stepsInRound !== undefined && {stepsInRound}),
				...(inference && {inference, headline: 'answering'}),
				...(record.accuracy !== undefined && {accuracy: record.accuracy}),
			};
		}
		case 'evaluated':
			return update.accuracy === undefined ? state : {...state, accuracy: update.accuracy};
		case 'checkpoint':
			return state;
		case 'note': {
			const who = update.device === undefined ? '' : `${oneLine(update.device)}: `;
			return {...state, notes: [...state.notes, `${who}${oneLine(update.text)}`].slice(-mostNotes)};
		}
		case 'ended': {
			const because = update.because === undefined ? '' : `: ${oneLine(update.because)}`;
			return {...state, ended: update.state, headline: `${update.state}${because}`};
		}
		default:
			return update satisfies never;
	}
}

/** «[#####-----] 50 %»; nothing where the length is not known. */
export function bar(done: number, width: number, ascii = false): string {
	const share = Math.min(1, Math.max(0, done));
	const filled = Math.round(share * width);
	const [full, empty] = ascii ? ['#', '-'] : ['█', '░'];
	return `${full.repeat(filled)}${empty.repeat(width - filled)}`;
}

/** One round in words, without the devices. */
function roundText({record, stepsInRound, rounds, accuracy, inference}: ProgressState): string {
	if (!record) {
		return '';
	}
	if (inference) {
		return inferenceProgress(inference, record);
	}
	// Before two rounds were seen, the steps of the only one are those since the start.
	const steps = stepsInRound ?? record.step / (record.round + 1);
	return [
		`round ${integer(record.round + 1)}${rounds === undefined ? '' : `/${integer(rounds)}`}`,
		`epoch ${fraction(record.epoch)}`,
		`loss ${loss(record.loss)}`,
		`accuracy ${percent(accuracy)}`,
		`step ${duration(steps > 0 ? record.seconds / steps : undefined)}`,
		`${byteCount(record.bytes)}`,
		`${energy(record.joules)}`,
	].join(', ');
}

const finished = ({record, rounds, epochs, ended}: ProgressState): number | undefined => {
	if (ended === 'done') {
		return 1;
	}
	if (!record) {
		return undefined;
	}
	return rounds ? (record.round + 1) / rounds : epochs ? record.epoch / epochs : undefined;
};

export interface PanelOptions extends TableStyle {
	/** Rows for devices at most. */
	readonly devices?: number;
}

/**
 * The lines to show now, none wider than the terminal, at most `devices` + 13 of them: a bar, the plan, the round in numbers, a row per
 * device with its totals so far, the last notes. The caller moves the cursor back over the lines it printed before.
 */
export function progressPanel(state: ProgressState, options: PanelOptions): string[] {
	const {devices: most = 12, ascii = false} = options;
	const width = Math.max(20, options.width);
	const done = finished(state);
	const left =
		done !== undefined && done > 0 && done < 1 && state.record && !state.ended
			? `, ${duration((state.record.at * (1 - done)) / done)} left`
			: '';
	const headline =
		done === undefined
			? state.headline
			: `${bar(done, 20, ascii)} ${Math.round(done * 100)} % ${state.headline}${left}`;
	const shown = state.devices.slice(0, most);
	const table =
		shown.length === 0
			? []
			: textTable(
					[
						{title: 'device'},
						{title: 'computing', align: 'right', expendable: 1},
						{title: 'bytes', align: 'right'},
						{title: 'energy', align: 'right'},
						{title: 'items', align: 'right', expendable: 2},
					],
					shown.map(device => [
						device.emulated ? `${device.device} ~` : device.device,
						duration(device.computeSeconds),
						byteCount(device.bytes),
						energy(device.joules),
						integer(device.items),
					]),
					{width, ascii},
					{quiet: true},
				).filter((_, index) => index !== 1);
	const hidden = state.devices.length - shown.length;
	const lines = [
		headline,
		...(state.plan && !state.ended ? [state.plan] : []),
		...wrap(roundText(state), width),
		...table,
		...(hidden > 0 ? [`and ${hidden} more devices`] : []),
		...state.notes.map(note => `! ${note}`),
	];
	return lines.filter(line => line !== '').map(line => cut(line, width));
}

/** One line for a log where nothing can be redrawn; undefined for updates that say nothing to people. */
export function progressLine(state: ProgressState, update: RunUpdate): string | undefined {
	switch (update.kind) {
		case 'round':
			return roundText(state);
		case 'evaluated':
			return `after round ${integer(update.round + 1)}: test accuracy ${percent(update.accuracy)}, test loss ${loss(update.testLoss)}`;
		case 'note':
			return state.notes.at(-1);
		case 'planned': {
			const from = update.resumedFrom === undefined ? '' : `; goes on after round ${integer(update.resumedFrom)}`;
			return state.plan === undefined
				? state.headline
				: `${state.plan}, on ${enumerate(devicesOf(update.plan).map(oneLine))}${from}`;
		}
		case 'gathering':
		case 'ended':
			return state.headline || dash;
		case 'checkpoint':
			return undefined;
		default:
			return update satisfies never;
	}
}

/**
 * One update as a line of JSON for a pipe: the update as it is, with the time of printing as `time` (ISO 8601) in front. The
 * plan, which is long and stands in the ledger, is left out.
 */
export function progressJson(update: RunUpdate, now: number): string {
	const rest = update.kind === 'planned' ? {...update, plan: undefined} : update;
	return JSON.stringify({time: new Date(now).toISOString(), ...rest});
}
