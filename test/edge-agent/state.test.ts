import test from 'ava';
import fc from 'fast-check';
import {runId} from '../../core/ids.js';
import {type AgentEffect, type AgentEvent, type AgentState, stepAgent, type Task} from '../../edge-agent/state.js';

const task: Task = {run: runId('r1'), attempt: 1};
const later: Task = {...task, attempt: 2};
const other: Task = {run: runId('r2'), attempt: 1};

function play(...events: readonly AgentEvent[]) {
	let state: AgentState = {kind: 'idle'};
	let effects: readonly AgentEffect[] = [];
	for (const event of events) {
		[state, effects] = stepAgent(state, event);
	}
	return {state, effects: effects.map(({kind}) => kind)};
}

const staged: AgentEvent[] = [
	{kind: 'assigned', task},
	{kind: 'staged', task, items: 5},
];

test('an assignment is staged, answered with ready, worked on and released', t => {
	t.deepEqual(play(...staged), {state: {kind: 'ready', task, items: 5, lastRound: -1}, effects: ['say-ready']});
	const working = [...staged, {kind: 'round-asked', task, round: 0} as const];
	t.deepEqual(play(...working).effects, ['work']);
	t.is(play(...working, {kind: 'round-over', task, round: 0}).state.kind, 'ready');
	t.deepEqual(play(...working, {kind: 'released', run: task.run}), {
		state: {kind: 'idle'},
		effects: ['abort', 'discard'],
	});
});

test('a repeated assignment is answered again without staging again', t => {
	t.deepEqual(play(...staged, {kind: 'assigned', task}).effects, ['say-ready']);
	t.deepEqual(play({kind: 'assigned', task}, {kind: 'assigned', task}).effects, []);
});

test('a newer attempt of the same run replaces the older one', t => {
	t.deepEqual(play(...staged, {kind: 'assigned', task: later}).effects, ['abort', 'stage']);
	t.deepEqual(play({kind: 'assigned', task: later}, {kind: 'assigned', task}).effects, []);
});

test('another run is refused while one is under way', t => {
	t.deepEqual(play(...staged, {kind: 'assigned', task: other}).effects, ['refuse-busy']);
});

test('a later round replaces one that is still being worked on; a stale one is ignored', t => {
	const working: AgentEvent[] = [...staged, {kind: 'round-asked', task, round: 3}];
	t.deepEqual(play(...working, {kind: 'round-asked', task, round: 4}).effects, ['abort', 'work']);
	t.deepEqual(play(...working, {kind: 'round-asked', task, round: 2}).effects, []);
	t.deepEqual(play(...working, {kind: 'round-asked', task: later, round: 4}).effects, []);
});

test('a round that had no contribution is worked on again', t => {
	const over: AgentEvent[] = [...staged, {kind: 'round-asked', task, round: 3}, {kind: 'round-over', task, round: 3}];
	t.deepEqual(play(...over, {kind: 'round-asked', task, round: 3}).effects, ['work']);
});

const anyTask = fc.constantFrom(task, later, other);
const anyEvent: fc.Arbitrary<AgentEvent> = fc.oneof(
	fc.record({kind: fc.constant('assigned' as const), task: anyTask}),
	fc.record({kind: fc.constant('staged' as const), task: anyTask, items: fc.nat({max: 9})}),
	fc.record({kind: fc.constant('staging-failed' as const), task: anyTask}),
	fc.record({kind: fc.constant('round-asked' as const), task: anyTask, round: fc.nat({max: 5})}),
	fc.record({kind: fc.constant('round-over' as const), task: anyTask, round: fc.nat({max: 5})}),
	fc.record({kind: fc.constant('released' as const), run: fc.constantFrom(task.run, other.run)}),
);

test('work only begins for the task at hand, and never while other work is under way', t => {
	fc.assert(
		fc.property(fc.array(anyEvent, {maxLength: 50}), events => {
			let state: AgentState = {kind: 'idle'};
			for (const event of events) {
				const before: AgentState = state;
				const [after, effects] = stepAgent(before, event);
				const kinds = effects.map(({kind}) => kind);
				if (kinds.includes('work') && before.kind === 'working') {
					t.true(kinds.indexOf('abort') < kinds.indexOf('work') && kinds.includes('abort'));
				}
				if (kinds.includes('stage') && before.kind !== 'idle') {
					t.true(kinds.includes('abort'));
				}
				t.is(kinds.includes('work'), after.kind === 'working' && after !== before);
				state = after;
			}
		}),
	);
	t.pass();
});
