/** A prediction held against what was measured, for programs and spreadsheets. Base units; errors are relative. */
import type {Ledger} from '../../core/ledger/ledger.js';
import type {Prediction} from '../../core/ledger/prediction.js';
import {csv} from '../csv.js';
import {checkedPhases, checkPrediction, type DeviceCheck, errorOf, type Pair} from './check.js';

const withError = (pair: Pair) => ({...pair, error: errorOf(pair)});

const deviceJson = ({device, emulated, seconds, phaseJoules, joules, sent, received}: DeviceCheck) => ({
	device,
	emulated,
	phases: Object.fromEntries(
		checkedPhases.map(phase => [phase, {seconds: withError(seconds[phase]), joules: withError(phaseJoules[phase])}]),
	),
	joules: withError(joules),
	bytesSent: withError(sent),
	bytesReceived: withError(received),
});

/** `{objective, step, seconds, bytes, joules, devices, bottleneck, remarks, alternatives}`, each number with its error. */
export function predictionData(measured: Ledger, prediction: Prediction) {
	const check = checkPrediction(measured, prediction);
	const {steps, step, seconds, bytes, joules, busyJoules, devices, bottleneck, remarks} = check;
	return {
		objective: prediction.objective,
		planDigest: prediction.planDigest,
		steps: withError(steps),
		stepSeconds: withError(step),
		seconds: withError(seconds),
		bytes: withError(bytes),
		joules: withError(joules),
		busyJoules: withError(busyJoules),
		devices: devices.map(deviceJson),
		bottleneck,
		remarks,
		alternatives: prediction.alternatives,
	};
}

/** A run with what was predicted of it. */
export interface PredictedRun {
	readonly ledger: Ledger;
	readonly prediction: Prediction | undefined;
}

/** A row per quantity: those of the whole run have no device. Runs without a prediction have no rows. */
export const predictionsCsv = (runs: readonly PredictedRun[]): string =>
	csv(
		['run', 'device', 'quantity', 'unit', 'predicted', 'measured', 'error'],
		runs.flatMap(({ledger, prediction}) => {
			if (!prediction) {
				return [];
			}
			const {step, seconds, bytes, joules, busyJoules, devices} = checkPrediction(ledger, prediction);
			const row = (device: string | undefined, quantity: string, unit: string, pair: Pair) => [
				ledger.run,
				device,
				quantity,
				unit,
				pair.predicted,
				pair.measured,
				errorOf(pair),
			];
			return [
				row(undefined, 'step', 's', step),
				row(undefined, 'steps', 's', seconds),
				row(undefined, 'bytes', 'B', bytes),
				row(undefined, 'energy', 'J', joules),
				row(undefined, 'energy, busy', 'J', busyJoules),
				...devices.flatMap(check => [
					...checkedPhases.map(phase => row(check.device, phase, 's', check.seconds[phase])),
					...checkedPhases.map(phase => row(check.device, phase, 'J', check.phaseJoules[phase])),
					row(check.device, 'energy', 'J', check.joules),
					row(check.device, 'sent', 'B', check.sent),
					row(check.device, 'received', 'B', check.received),
				]),
			];
		}),
	);
