/** Several runs side by side for spreadsheets: a row each, in base units. */
import {csv} from '../csv.js';
import {checkPrediction} from '../predicted/check.js';
import type {PredictedRun} from '../predicted/data.js';
import {summarise} from '../summary.js';
import {metrics} from './compare.js';

const head = [
	'run',
	'kind',
	'model',
	'dataset',
	'scheme',
	'state',
	'seconds',
	'training_seconds',
	'predicted_seconds',
	'bytes',
	'predicted_bytes',
	'joules',
	'modelled_joules',
	'predicted_joules',
	'accuracy',
	'loss',
	'test_loss',
	'rounds',
	'steps',
	'devices',
] as const;

/** What was predicted is of the steps that were done, and of the devices that were predicted. */
export const runsCsv = (runs: readonly PredictedRun[]): string =>
	csv(
		head,
		runs.map(({ledger, prediction}) => {
			const {bytes, joules, modelledJoules, rounds, steps} = summarise(ledger);
			const check = prediction && checkPrediction(ledger, prediction);
			return [
				ledger.run,
				ledger.kind,
				ledger.model,
				ledger.dataset,
				ledger.scheme,
				ledger.final.state,
				ledger.seconds,
				metrics.training.of(ledger),
				check?.seconds.predicted,
				bytes,
				check?.bytes.predicted,
				joules,
				modelledJoules,
				check?.joules.predicted,
				ledger.final.accuracy,
				ledger.final.loss,
				metrics.testLoss.of(ledger),
				rounds,
				steps,
				metrics.devices.of(ledger),
			];
		}),
	);
