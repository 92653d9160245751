/**
 * What codecs of links do to what is learnt: sources with samples of their own before a trunk, the same runs with each codec.
 * Test accuracy in percent, and bytes per step that cross the cut, in both directions together; what runs note (such as a second
 * attempt) goes to stderr. The learning rate falls along a cosine to zero, so that the last accuracy is not that of a chance moment.
 */
import type {JobDocument} from '../../core/plan/job.js';
import type {PlanDocument} from '../../core/plan/plan.js';
import {startFleet} from './processes.js';

interface Task {
	readonly model: string;
	readonly dataset: string;
	readonly units: readonly [number, number];
	readonly lr: number;
}

/** Steps in which the learning rate rises. */
const warmup = 50;

/** lenet5 has 12 units; sensor-cnn 11. */
const tasks: readonly Task[] = [
	{model: 'lenet5', dataset: process.env['FPL_DATA_DIR'] ? 'mnist' : 'digits', units: [3, 11], lr: 0.02},
	{model: 'sensor-cnn', dataset: 'vibration', units: [3, 10], lr: 0.05},
];

const specs = {
	fp32: {kind: 'fp32'},
	fp16: {kind: 'fp16'},
	int8: {kind: 'int8'},
} as const;

export interface CodecOptions {
	readonly folder: string;
	readonly epochs: number;
	readonly seeds: readonly number[];
	/** Names of codecs, of those above. */
	readonly codecs: readonly string[];
	/** Only the tasks with these models. */
	readonly models: readonly string[];
}

export async function codecBench({folder, epochs, seeds, codecs, models}: CodecOptions): Promise<void> {
	console.log('model,dataset,codec,seed,accuracy_percent,training_loss,steps,cut_bytes_per_step,seconds');
	const fleet = await startFleet(folder, ['src-1', 'src-2', 'fog-1']);
	try {
		for (const {model, dataset, units, lr} of tasks.filter(task => models.includes(task.model))) {
			for (const seed of seeds) {
				for (const [name, codec] of Object.entries(specs).filter(([known]) => codecs.includes(known))) {
					const plan: PlanDocument = {
						version: 1,
						scheme: `FPL stacked, ${name}`,
						model,
						stages: [
							{units: [0, units[0] - 1], replicas: [{device: 'src-1'}, {device: 'src-2'}]},
							{units: [...units], replicas: [{device: 'fog-1'}]},
						],
						synchronisation: {exchange: 'gradients', every: {kind: 'step'}},
						links: [{codec}],
					};
					const job: JobDocument = {
						version: 1,
						model,
						data: {dataset},
						training: {
							optimizer: {kind: 'sgd', lr, momentum: 0.9},
							schedule: {kind: 'cosine', warmup},
							batch: 64,
							epochs,
							seed,
						},
						faults: {checkpointInterval: '1 h'},
					};
					const {ledger} = await fleet.run(job, plan);
					for (const {at, device, text} of ledger.notes) {
						console.error(`${model}, ${name}, seed ${seed}, ${at.toFixed(1)} s: ${device ?? ''} ${text}`);
					}
					const bytes = ledger.devices.reduce((sum, device) => sum + (device.codecs?.bytesAfter ?? 0), 0);
					console.log(
						[
							model,
							dataset,
							name,
							seed,
							((ledger.final.accuracy ?? 0) * 100).toFixed(2),
							ledger.final.loss.toFixed(4),
							ledger.rounds.at(-1)!.round + 1,
							Math.round(bytes / (ledger.rounds.at(-1)!.round + 1)),
							ledger.seconds.toFixed(1),
						].join(),
					);
				}
			}
		}
	} finally {
		await fleet.close();
	}
}
