/** D-SGD over the real broker: how many times the steps of one single-threaded device two of them do, on the same batch. */
import type {JobDocument} from '../../core/plan/job.js';
import {median, pictures} from './pictures.js';
import {startFleet, stepTimes} from './processes.js';

const batch = 64;

export interface DataParallelOptions {
	readonly folder: string;
	readonly model: string;
	readonly steps: number;
	/** Pairs of runs, one after the other. */
	readonly pairs: number;
}

export async function dataParallelBench({folder, model, steps, pairs}: DataParallelOptions): Promise<void> {
	console.log(
		'model,batch,one_step_ms,two_step_ms,speedup_median,speedup_best,one_compute_ms,two_compute_ms,broker_cpu_ms',
	);
	const data = pictures(folder, steps * batch);
	const fleet = await startFleet(folder, ['dev-1', 'dev-2']);
	try {
		for (let pair = 0; pair < pairs; pair++) {
			const run = async (devices: readonly string[]) => {
				const job: JobDocument = {
					version: 1,
					model,
					data: {dataset: 'npy', path: data},
					scheme: {kind: 'd-sgd'},
					training: {optimizer: {kind: 'sgd', lr: 0.001, momentum: 0.9}, batch, epochs: 1, seed: 1},
					devices: {only: [...devices], minimum: devices.length},
					faults: {checkpointInterval: '1 h'},
				};
				const {ledger, cpu} = await fleet.run(job);
				const computes = ledger.devices
					.filter(({device}) => devices.includes(device))
					.map(({phases, roundsDone}) => (phases.compute.seconds * 1000) / roundsDone);
				return {
					step: median(stepTimes(ledger, 3)),
					least: Math.min(...stepTimes(ledger, 3)),
					compute: Math.max(...computes),
					broker: (cpu[0]! * 1000) / ledger.rounds.length,
				};
			};
			const one = await run(['dev-1']);
			const two = await run(['dev-1', 'dev-2']);
			console.log(
				[
					model,
					batch,
					one.step.toFixed(1),
					two.step.toFixed(1),
					(one.step / two.step).toFixed(3),
					(one.least / two.least).toFixed(3),
					one.compute.toFixed(1),
					two.compute.toFixed(1),
					two.broker.toFixed(1),
				].join(),
			);
		}
	} finally {
		await fleet.close();
	}
}
