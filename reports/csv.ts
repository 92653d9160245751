/** Ledgers as CSV (RFC 4180 with line feeds) for spreadsheets and data frames: numbers in base units, headed by name and unit. */
import {type DeviceLedger, type Ledger, phases} from '../core/ledger/ledger.js';

type Cell = string | number | boolean | undefined;

/** Text that a spreadsheet would take for a formula gets an apostrophe in front, as spreadsheets themselves write it. */
function quote(cell: Cell): string {
	if (typeof cell === 'number') {
		return Number.isFinite(cell) ? String(cell) : '';
	}
	const text = cell === undefined ? '' : String(cell);
	const safe = /^[=+\-@\t\r]/u.test(text) ? `'${text}` : text;
	return /[",\n\r']/u.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const csv = (head: readonly string[], rows: readonly (readonly Cell[])[]): string =>
	[head, ...rows].map(row => `${row.map(quote).join(',')}\n`).join('');

/** Of a device that sent no tensors. */
const noCodecs: Partial<NonNullable<DeviceLedger['codecs']>> = {};

const deviceHead = [
	'run',
	'kind',
	'device',
	'profile',
	'emulated',
	'role',
	'phase',
	'seconds',
	'joules',
	'energy_source',
	'bytes',
	'items',
	'rounds_asked',
	'rounds_done',
	'saturated',
	'non_finite',
	'bytes_before_codec',
	'bytes_after_codec',
] as const;

/**
 * A row per device and phase. `bytes` are those sent in the `send` row and those received in the `receive` row; what codecs
 * did stands in the `send` row, items and rounds in the `compute` row: so each column can be summed.
 */
export const devicesCsv = (ledgers: readonly Ledger[]): string =>
	csv(
		deviceHead,
		ledgers.flatMap(({run, kind, devices}) =>
			devices.flatMap(device =>
				phases.map(phase => {
					const {seconds, joules} = device.phases[phase];
					const bytes = {send: device.bytesSent, receive: device.bytesReceived};
					const work =
						phase === 'compute'
							? [device.items, device.roundsAsked, device.roundsDone]
							: [undefined, undefined, undefined];
					const {saturated, nonFinite, bytesBefore, bytesAfter} =
						phase === 'send' ? (device.codecs ?? noCodecs) : noCodecs;
					return [
						run,
						kind,
						device.device,
						device.profile,
						device.emulated,
						device.role,
						phase,
						seconds,
						joules,
						device.energySource,
						phase === 'send' || phase === 'receive' ? bytes[phase] : undefined,
						...work,
						saturated,
						nonFinite,
						bytesBefore,
						bytesAfter,
					];
				}),
			),
		),
	);

const roundHead = [
	'run',
	'kind',
	'round',
	'step',
	'epoch',
	'at_seconds',
	'seconds',
	'loss',
	'test_loss',
	'accuracy',
	'bytes',
	'joules',
	'devices',
] as const;

/** A row per round; `devices` counts those whose contribution came in time. */
export const roundsCsv = (ledgers: readonly Ledger[]): string =>
	csv(
		roundHead,
		ledgers.flatMap(({run, kind, rounds}) =>
			rounds.map(record => [
				run,
				kind,
				record.round,
				record.step,
				record.epoch,
				record.at,
				record.seconds,
				record.loss,
				record.testLoss,
				record.accuracy,
				record.bytes,
				record.joules,
				record.devices.length,
			]),
		),
	);

const inferenceHead = [
	'run',
	'model',
	'dataset',
	'items',
	'seconds',
	'items_per_second',
	'latency_p50_ms',
	'latency_p95_ms',
	'latency_p99_ms',
	'latency_max_ms',
	'accuracy',
	'batch',
	'in_flight',
	'joules',
] as const;

/** A row per inference run; other runs have none. */
export const inferenceCsv = (ledgers: readonly Ledger[]): string =>
	csv(
		inferenceHead,
		ledgers.flatMap(({run, model, dataset, inference, devices}) =>
			inference
				? [
						[
							run,
							model,
							dataset,
							inference.items,
							inference.seconds,
							inference.itemsPerSecond,
							inference.latencyMs.p50,
							inference.latencyMs.p95,
							inference.latencyMs.p99,
							inference.latencyMs.max,
							inference.accuracy,
							inference.batch,
							inference.inFlight,
							devices.reduce((sum, {joules}) => sum + joules, 0),
						],
					]
				: [],
		),
	);
