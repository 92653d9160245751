/** The whole model on every device: one stage. */
import type {Plan, Synchronisation} from '../plan.js';
import {everyEpochs, everyStep, localEpochsText, planOf, replicas} from './parts.js';

const wholeModel = (
	model: string,
	devices: readonly string[],
	scheme: string,
	synchronisation: Synchronisation,
): Plan => planOf({model}, {scheme, stages: [{units: 'all', replicas: replicas(devices)}], synchronisation});

/** One device that has all the data: what every other scheme is compared with. */
export const centralised = (model: string, device: string): Plan =>
	wholeModel(model, [device], 'centralised', everyStep);

/** Synchronous data-parallel SGD: every step, gradients go up and weights come down. */
export const dSgd = (model: string, devices: readonly string[]): Plan => wholeModel(model, devices, 'D-SGD', everyStep);

/** Federated averaging (McMahan et al. 2017, algorithm 1) with all clients in every round. */
export const fedAvg = (model: string, devices: readonly string[], localEpochs: number): Plan =>
	wholeModel(model, devices, `FedAvg, ${localEpochsText(localEpochs)}`, everyEpochs(localEpochs));
