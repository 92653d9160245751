/** The recurrences of `core/cost` and the simulator predict the same, for every builder. */

import test from 'ava';
import fc from 'fast-check';
import {checkpointsOf} from '../../../core/cost/checkpoints.js';
import {type Evaluation, evaluate} from '../../../core/cost/evaluate.js';
import {isDataParallel} from '../../../core/plan/plan.js';
import {type Simulation, simulate} from '../../../planners/simulator/simulate.js';
import {type Builder, builderNames, type RandomCase, randomCase} from '../../support/plans/random-costs.js';

/** Enough steps for what is learnt of links to settle; alike ones are counted instead of played. */
const mostSteps = 8;
const runs = 30;
const seeds = [2026, 7];

const apart = (predicted: number, simulated: number): number =>
	predicted === simulated ? 0 : Math.abs(predicted - simulated) / Math.max(simulated, 1e-12);

const isSoon = (predicted: Evaluation, simulated: Simulation): boolean =>
	predicted.steps === simulated.steps &&
	apart(predicted.stepSeconds, simulated.stepSeconds) <= 0.03 &&
	apart(predicted.seconds, simulated.seconds) <= 0.03;

function check(builder: Builder, seed: number, holds: (input: RandomCase) => boolean): void {
	fc.assert(fc.property(randomCase([builder]), holds), {numRuns: runs, seed, endOnFailure: true});
}

for (const builder of builderNames) {
	test(`${builder}: steps and runs of ${runs} random plans take as long as predicted within 3 %, and as many bytes`, t => {
		for (const seed of seeds) {
			check(builder, seed, ({training: {checkpointInterval, ...training}, ...rest}) => {
				const input = {...rest, training};
				const [predicted, simulated] = [evaluate(input), simulate({...input, mostSteps})];
				return isSoon(predicted, simulated) && apart(predicted.bytes, simulated.bytes) <= 0.001;
			});
		}
		t.pass();
	});

	test(`${builder}: with checkpoints within epochs runs take as long within 3 %, and no device sends another whole checkpoint`, t => {
		let more = 0;
		for (const seed of seeds) {
			check(builder, seed, input => {
				const {plan, costs, fleet, training} = input;
				const [predicted, simulated] = [evaluate(input), simulate({...input, mostSteps})];
				const rare = evaluate({...input, training: {...training, checkpointInterval: 1e9}});
				more = Math.max(more, predicted.bytes / rare.bytes - 1);
				const checkpoints = isDataParallel(plan) ? [] : checkpointsOf(plan, costs, fleet.messaging, training);
				return (
					isSoon(predicted, simulated) &&
					predicted.devices.every(({device, bytesSent}) => {
						const other = simulated.devices.find(one => one.device === device)!;
						const one = checkpoints
							.filter(checkpoint => checkpoint.device === device)
							.reduce((sum, {sent}) => sum + sent, 0);
						return Math.abs(bytesSent - other.bytesSent) <= one + 0.001 * simulated.bytes;
					})
				);
			});
		}
		// Whole models that several devices train are with the coordinator anyway.
		t.is(more > 0.05, !['d-sgd', 'fedavg'].includes(builder));
	});
}
