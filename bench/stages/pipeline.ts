/**
 * Two stages on two devices, one thread each: the median step against the ideal one, which has no time between passes.
 * The ideal is made of the shortest passes measured alone on this machine before; `median` and `best` compare it with the median
 * and the shortest step. `within` is the ideal of the passes as long as they took in a step of the run over that step: what is missing there is
 * time between passes, whatever else the machine did. `side_by_side` is the ideal of passes that two processes do at the same time
 * without any message.
 */
import type {Ledger} from '../../core/ledger/ledger.js';
import type {JobDocument} from '../../core/plan/job.js';
import type {PlanDocument} from '../../core/plan/plan.js';
import {startEngine} from '../../models/engines/index.js';
import {unitsOf} from '../../models/inspect/cuts.js';
import {buildModel} from '../../models/zoo/zoo.js';
import {median, pictureClasses, pictureShape, pictures} from './pictures.js';
import {startFleet, stepTimes} from './processes.js';
import {timesSideBySide} from './side-by-side.js';
import {balancedCut, idealStep, timesAt} from './stage-times.js';

/** Of each case; the timeline of the last step of each is looked at. */
const runs = 3;

/** The ideal of the passes of one step, as long as they took, over the time that the step took. */
function busyPart({passes, milliseconds}: NonNullable<Ledger['timeline']>, micros: number): number {
	const [first, second] = [0, 1].map(stage =>
		passes.filter(pass => pass.stage === stage).reduce((sum, {from, to}) => sum + to - from, 0),
	);
	return (Math.max(first!, second!) + Math.min(first!, second!) / micros) / milliseconds;
}

export interface PipelineOptions {
	readonly folder: string;
	readonly models: readonly string[];
	readonly steps: number;
	readonly batch: number;
	readonly microBatches: readonly number[];
	/** A slow profile makes passes so long that what else the machine does hardly counts: what is left is time between passes. */
	readonly emulate?: string | undefined;
}

export async function pipelineBench({
	folder,
	models,
	steps,
	batch,
	microBatches,
	emulate,
}: PipelineOptions): Promise<void> {
	console.log(
		'model,cut,micro_batches,schedule,forward_ms,backward_ms,learn_ms,ideal_ms,median_step_ms,least_step_ms,efficiency_median,efficiency_best,efficiency_within,ideal_side_by_side_ms,side_by_side_median',
	);
	const data = pictures(folder, steps * batch);
	for (const name of models) {
		const model = buildModel(name, {input: pictureShape, classes: pictureClasses, seed: 1});
		for (const micros of microBatches) {
			const engine = await startEngine('onnxruntime', {threads: 1});
			const cut = await balancedCut(engine, model, batch / micros, micros);
			const times = await timesAt(engine, model, cut, batch / micros, 7);
			await engine.close();
			const both = await timesSideBySide({model: name, cut, items: batch / micros, repeats: 7});
			const fleet = await startFleet(folder, ['first', 'second'], {emulate});
			try {
				for (const schedule of ['1f1b', 'gpipe'] as const) {
					const plan: PlanDocument = {
						version: 1,
						scheme: `pipeline, ${micros} micro-batches, ${schedule}`,
						model: name,
						stages: [
							{units: [0, cut - 1], replicas: [{device: 'first'}]},
							{units: [cut, unitsOf(model).units.length - 1], replicas: [{device: 'second'}]},
						],
						synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
						pipeline: {microBatches: micros, schedule},
					};
					const job: JobDocument = {
						version: 1,
						model: name,
						data: {dataset: 'npy', path: data},
						training: {optimizer: {kind: 'sgd', lr: 0.001, momentum: 0.9}, batch, epochs: 1, seed: 1},
						devices: {only: ['first', 'second']},
						faults: {checkpointInterval: '1 h'},
					};
					const all: number[] = [];
					const within: number[] = [];
					for (let run = 0; run < runs; run++) {
						const {ledger} = await fleet.run(job, plan);
						all.push(...stepTimes(ledger, 3));
						within.push(busyPart(ledger.timeline!, micros));
					}
					const [ideal, step, least] = [idealStep(times, micros), median(all), Math.min(...all)];
					const sideBySide = idealStep(both, micros);
					const {forward, backward, learn} = times;
					console.log(
						[
							name,
							cut,
							micros,
							schedule,
							...[forward, backward, learn, ideal, step, least].map(value => value.toFixed(1)),
							...[ideal / step, ideal / least, median(within)].map(value => value.toFixed(3)),
							sideBySide.toFixed(1),
							(sideBySide / step).toFixed(3),
						].join(),
					);
				}
			} finally {
				await fleet.close();
			}
		}
	}
}
