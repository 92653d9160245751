/**
 * What a step of synchronous training costs beside computing: a broker and its agents as real processes, D-SGD over MQTT on
 * this machine. Per step and device, in milliseconds: the whole step, computing, receiving, sending, waiting; and what is left of
 * the step when the devices' computing (one core each, as far as there are cores) is taken off.
 *
 *     node dist/bench/step/main.js [--agents 3] [--model lenet5] [--batch 32] [--steps 400]
 */
import {mkdtempSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {parseArgs} from 'node:util';
import type {JobDocument} from '../../core/plan/job.js';
import {startFleet} from '../stages/processes.js';

const {values} = parseArgs({
	options: {
		agents: {type: 'string', default: '3'},
		model: {type: 'string', default: 'lenet5'},
		batch: {type: 'string', default: '32'},
		steps: {type: 'string', default: '400'},
	},
});
const agents = Number(values.agents);
const batch = Number(values.batch);
const folder = mkdtempSync(path.join(os.tmpdir(), 'fpl-step-'));
const ids = Array.from({length: agents}, (_, index) => `dev-${index + 1}`);
const items = 600;
const job: JobDocument = {
	version: 1,
	model: values.model,
	scheme: {kind: 'd-sgd'},
	data: {dataset: 'digits', limit: items},
	training: {
		optimizer: {kind: 'sgd', lr: 0.01},
		batch,
		epochs: Math.max(1, Math.round((Number(values.steps) * batch) / items)),
	},
	devices: {only: ids, minimum: agents, wait: '60 s'},
};
const fleet = await startFleet(folder, ids);
try {
	const {ledger} = await fleet.run(job);
	const rounds = ledger.rounds.slice(20);
	const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[numbers.length >> 1]! * 1000;
	const apart = rounds.slice(1).map(({at}, index) => at - rounds[index]!.at);
	const devices = ledger.devices.filter(({device}) => ids.includes(device));
	const perStep = (phase: 'compute' | 'receive' | 'send' | 'wait') =>
		devices.reduce((sum, {phases, roundsDone}) => sum + (phases[phase].seconds * 1000) / roundsDone, 0) /
		devices.length;
	const compute = perStep('compute');
	const step = median(apart);
	console.log('model,agents,batch,steps,step_ms,round_ms,compute_ms,receive_ms,send_ms,wait_ms,left_ms');
	console.log(
		[
			values.model,
			agents,
			batch,
			ledger.rounds.length,
			...[
				step,
				median(rounds.map(({seconds}) => seconds)),
				compute,
				perStep('receive'),
				perStep('send'),
				perStep('wait'),
				step - compute * Math.max(1, agents / os.availableParallelism()),
			].map(value => value.toFixed(2)),
		].join(),
	);
} finally {
	await fleet.close();
	rmSync(folder, {recursive: true, force: true});
}
