/** The recurrences of `core/cost` and the simulator predict the same, for every builder. */
import test from 'ava';
import fc from 'fast-check';
import {evaluate} from '../../../core/cost/evaluate.js';
import {simulate} from '../../../planners/simulator/simulate.js';
import {type Builder, builderNames, randomCase} from '../../support/plans/random-costs.js';

/** Enough steps for what is learnt of links to settle; alike ones are counted instead of played. */
const mostSteps = 8;
const runs = 30;

const apart = (predicted: number, simulated: number): number =>
	predicted === simulated ? 0 : Math.abs(predicted - simulated) / Math.max(simulated, 1e-12);

function check(builder: Builder): void {
	fc.assert(
		fc.property(randomCase([builder]), input => {
			const predicted = evaluate(input);
			const simulated = simulate({...input, mostSteps});
			const step = apart(predicted.stepSeconds, simulated.stepSeconds);
			const run = apart(predicted.seconds, simulated.seconds);
			const bytes = apart(predicted.bytes, simulated.bytes);
			return predicted.steps === simulated.steps && step <= 0.03 && run <= 0.03 && bytes <= 0.001;
		}),
		{numRuns: runs, seed: 2026},
	);
}

for (const builder of builderNames) {
	test(`${builder}: steps and runs of ${runs} random plans take as long as predicted within 3 %, and as many bytes`, t => {
		check(builder);
		t.pass();
	});
}
