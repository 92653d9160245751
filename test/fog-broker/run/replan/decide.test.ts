/** When a run goes on by another plan, and when it does not. */
import test from 'ava';
import {leastGain, shouldReplan} from '../../../../fog-broker/run/replan/decide.js';

test('a plan that makes what is left much cheaper is taken, and its gain told', t => {
	t.deepEqual(shouldReplan({current: 100, proposed: 50, moving: 0}, 0), {kind: 'move', gain: 0.5});
	const halfway = shouldReplan({current: 100, proposed: 50, moving: 5}, 0.5);
	t.is(halfway.kind, 'move');
	t.is(halfway.gain, 0.4);
});

test('a plan that is hardly better is not worth a move', t => {
	t.is(shouldReplan({current: 100, proposed: 100 * (1 - leastGain) + 0.1, moving: 0}, 0).kind, 'stay');
	t.is(shouldReplan({current: 100, proposed: 100 * (1 - leastGain) - 0.1, moving: 0}, 0).kind, 'move');
	t.is(shouldReplan({current: 100, proposed: 120, moving: 0}, 0).kind, 'stay');
});

test('near the end of a run a move costs more than it brings', t => {
	const weighing = {current: 100, proposed: 50, moving: 4};
	t.is(shouldReplan(weighing, 0.5).kind, 'move');
	t.is(shouldReplan(weighing, 0.95).kind, 'stay');
	t.is(shouldReplan(weighing, 1).kind, 'stay');
});

test('a run that cannot go on takes any plan that there is', t => {
	t.deepEqual(shouldReplan({current: undefined, proposed: 1000, moving: 100}, 0.9), {kind: 'move', gain: 1});
	t.is(shouldReplan({current: undefined, proposed: Number.NaN, moving: 0}, 0).kind, 'stay');
});

test('costs of nothing are no reason to move', t => {
	t.is(shouldReplan({current: 0, proposed: 0, moving: 0}, 0).kind, 'stay');
	t.is(shouldReplan({current: Number.NaN, proposed: 1, moving: 0}, 0).kind, 'stay');
});
