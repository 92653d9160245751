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
		fc.property(randomCase([builder]), ({training: {checkpointInterval, ...training}, ...rest}) => {
			const input = {...rest, training};
			const predicted = evaluate(input);
			const simulated = simulate({...input, mostSteps});
			const step = apart(predicted.stepSeconds, simulated.stepSeconds);
			const run = apart(predicted.seconds, simulated.seconds);
			const bytes = apart(predicted.bytes, simulated.bytes);
			return predicted.steps === simulated.steps && step <= 0.03 && run <= 0.03 && bytes <= 0.001;
		}),
		{numRuns: runs, seed: 42, endOnFailure: true},
	);
}

for (const builder of builderNames) {
	test(`${builder}: steps and runs of ${runs} random plans take as long as predicted within 3 %, and as many bytes`, t => {
		check(builder);
		t.pass();
	});
}

/** That weights take a little longer may put every checkpoint off by a step; where steps are long, that is every other one. */
const most = 0.9;

for (const builder of ['pipeline', 'fpl-stacked', 'split-learning', 'u-shaped'] as const) {
	test(`${builder}: with checkpoints within epochs nine in ten runs take as long within 3 %, and as many bytes within 1 %`, t => {
		const inputs = fc.sample(randomCase([builder]), {numRuns: runs, seed: 7});
		const both = inputs.map(input => ({predicted: evaluate(input), simulated: simulate({...input, mostSteps})}));
		const seconds = both.map(({predicted, simulated}) => apart(predicted.seconds, simulated.seconds));
		const bytes = both.map(({predicted, simulated}) => apart(predicted.bytes, simulated.bytes));
		t.true(seconds.filter(off => off <= 0.03).length >= most * runs, seconds.map(off => off.toFixed(3)).join(' '));
		t.true(bytes.filter(off => off <= 0.01).length >= most * runs, bytes.map(off => off.toFixed(3)).join(' '));
		t.true(Math.max(...seconds) <= 0.12, seconds.map(off => off.toFixed(3)).join(' '));
		const without = inputs.map(input => evaluate({...input, training: {...input.training, checkpointInterval: 1e9}}));
		t.true(both.some(({predicted}, index) => predicted.bytes > 1.05 * without[index]!.bytes));
	});
}
