/** The classic data-parallel schemes, as plan documents. */
import type {Job} from './job.js';
import {type Plan, type PlanDocument, planSchema, type Synchronisation} from './plan.js';

const dataParallel = (
	model: string,
	devices: readonly string[],
	scheme: string,
	synchronisation: Synchronisation,
): Plan =>
	planSchema.parse({
		version: 1,
		scheme,
		model,
		stages: [{units: 'all', replicas: devices.map(device => ({device, share: 1}))}],
		synchronisation,
	} satisfies PlanDocument);

/** Synchronous data-parallel SGD: every step, gradients go up and weights come down. */
export const dSgd = (model: string, devices: readonly string[]): Plan =>
	dataParallel(model, devices, 'D-SGD', {
		topology: 'parameter-server',
		exchange: 'gradients',
		every: {kind: 'step'},
	});

/** Federated averaging (McMahan et al. 2017, algorithm 1) with all clients in every round. */
export const fedAvg = (model: string, devices: readonly string[], localEpochs: number): Plan =>
	dataParallel(model, devices, `FedAvg, ${localEpochs} local epoch${localEpochs === 1 ? '' : 's'}`, {
		topology: 'parameter-server',
		exchange: 'weights',
		every: {kind: 'epochs', epochs: localEpochs},
	});

/** The plan that a job asks for by its `scheme`. */
export function planFor(job: Job, devices: readonly string[]): Plan {
	switch (job.scheme.kind) {
		case 'd-sgd':
			return dSgd(job.model, devices);
		case 'fedavg':
			return fedAvg(job.model, devices, job.scheme.localEpochs);
		default:
			return job.scheme satisfies never;
	}
}
