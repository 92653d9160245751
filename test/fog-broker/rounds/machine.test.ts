import test from 'ava';
import fc from 'fast-check';
import {startRun, stepRun} from '../../../fog-broker/rounds/machine.js';
import {
	initialRun,
	type RunEffect,
	type RunEvent,
	type RunSettings,
	type RunState,
} from '../../../fog-broker/rounds/state.js';

const settings: RunSettings = {
	sync: {kind: 'step', batch: 8},
	epochs: 2,
	minimum: 1,
	waitMs: 1000,
	roundDeadlineMs: 500,
	stagingDeadlineMs: 1000,
	targetAccuracy: undefined,
};

const shares = new Map([
	['a', 1],
	['b', 1],
]);

/** Plays events into a run and keeps all effects. */
function play(events: readonly RunEvent[], changes: Partial<RunSettings> = {}) {
	let [state, effects] = startRun(initialRun({...settings, ...changes}, ['a', 'b'], undefined));
	const all: RunEffect[] = [...effects];
	for (const event of events) {
		[state, effects] = stepRun(state, event, shares);
		all.push(...effects);
	}
	return {state, effects: all, last: effects};
}

const kinds = (effects: readonly RunEffect[]) => effects.map(({kind}) => kind);
const join = (device: string, items = 8): RunEvent[] => [
	{kind: 'present', device},
	{kind: 'ready', device, items},
];
const answer = (device: string, round: number, loss = 1): RunEvent[] => [
	{kind: 'delivered', device, round},
	{kind: 'report', device, round, report: {loss, items: 4}},
];

test('a run waits for all devices of the plan before its first round', t => {
	const {state, effects} = play(join('a'));
	t.is(state.phase, 'gathering');
	t.false(kinds(effects).includes('start-round'));
	t.is(play([...join('a'), ...join('b')]).state.phase, 'training');
});

test('a run ends at once when every device refuses for good, and waits when one may change its mind', t => {
	const refused = (device: string, final: boolean): RunEvent[] => [
		{kind: 'present', device},
		{kind: 'refused', device, because: 'it has no such data', final},
	];
	const {effects} = play([...refused('a', true), ...refused('b', true)]);
	const [end] = effects.flatMap(effect => (effect.kind === 'wind-up' ? [effect.outcome] : []));
	t.like(end, {
		kind: 'failed',
		code: 'RUN_NO_DEVICES',
		facts: {problem: 'every device refuses; b: it has no such data'},
	});
	t.is(play([...refused('a', true), ...refused('b', false)]).state.phase, 'gathering');
	t.is(play([...refused('a', true)]).state.phase, 'gathering');
	const back = play([...refused('a', true), ...refused('b', false), ...join('a'), ...refused('b', true)]);
	t.is(back.state.phase, 'training');
});

test('a device that cannot take part just now is asked again, after longer and longer pauses, and said so once', t => {
	const no: RunEvent = {kind: 'refused', device: 'a', because: 'its disk is full', final: false};
	const again: RunEvent = {kind: 'present', device: 'a'};
	const {effects} = play([again, no, again, no, again, no]);
	const pauses = effects.flatMap(effect => (effect.kind === 'ask-again' ? [effect.ms] : []));
	t.deepEqual(pauses, [500, 1000, 2000]);
	t.is(effects.filter(effect => effect.kind === 'note').length, 1);
	t.is(effects.filter(effect => effect.kind === 'assign').length, 3);
	const later = play([again, no, ...join('a'), ...join('b'), {kind: 'gone', device: 'a'}, again, no]);
	t.like(later.last.at(-1), {kind: 'ask-again', ms: 500}, 'once it was ready, troubles are counted anew');
});

test('a resumed run waits for all devices again, and keeps its number of rounds', t => {
	const resumed = {
		round: 1,
		rounds: 4,
		totalItems: 16,
		members: new Map([
			['a', {items: 8, cursor: 4}],
			['b', {items: 8, cursor: 4}],
		]),
	};
	let [state] = startRun(initialRun(settings, ['a', 'b'], resumed));
	for (const event of join('a', 30)) {
		[state] = stepRun(state, event, shares);
	}
	t.is(state.phase, 'gathering');
	for (const event of join('b')) {
		[state] = stepRun(state, event, shares);
	}
	t.like(state, {phase: 'training', round: 1, rounds: 4, totalItems: 16});
});

test('a run begins without a device that does not come before the deadline', t => {
	const {state, effects} = play([...join('a'), {kind: 'deadline', name: 'gather-0'}]);
	t.is(state.phase, 'training');
	t.deepEqual([...state.asked.keys()], ['a']);
	t.is(effects.filter(({kind}) => kind === 'start-round').length, 1);
});

test('a global batch is divided by the shares, and the cursor moves by what was contributed', t => {
	const {state, effects} = play([...join('a'), ...join('b'), ...answer('a', 0), ...answer('b', 0)]);
	const start = effects.find(effect => effect.kind === 'start-round');
	t.deepEqual(start?.kind === 'start-round' && [...start.work.values()], [
		{cursor: 0, count: 4},
		{cursor: 0, count: 4},
	]);
	t.is(state.phase, 'updating');
	t.is(state.members.get('a')?.cursor, 4);
});

test('two epochs over sixteen items with batches of eight are four rounds', t => {
	let events = [...join('a'), ...join('b')];
	for (let round = 0; round < 4; round++) {
		events = [...events, ...answer('a', round), ...answer('b', round), {kind: 'updated', round, tookMs: 5}];
	}
	const {state, effects} = play(events);
	t.is(state.phase, 'finishing');
	const closed = effects.filter(effect => effect.kind === 'close-round');
	t.deepEqual(
		closed.map(effect => effect.kind === 'close-round' && effect.milestone),
		[false, true, false, true],
	);
	t.deepEqual(effects.at(-1), {kind: 'wind-up', outcome: {kind: 'done'}});
});

test('a device that leaves in mid-round is not waited for, and takes part again once it is back', t => {
	const left = play([...join('a'), ...join('b'), ...answer('a', 0), {kind: 'gone', device: 'b'}]);
	t.is(left.state.phase, 'updating');
	const back = play([
		...join('a'),
		...join('b'),
		...answer('a', 0),
		{kind: 'gone', device: 'b'},
		{kind: 'updated', round: 0, tookMs: 5},
		...join('b'),
		...answer('a', 1),
		{kind: 'updated', round: 1, tookMs: 5},
	]);
	t.deepEqual([...back.state.asked.keys()].sort(), ['a', 'b']);
	t.is(back.state.round, 2);
});

test('a contribution that was complete still counts when its device leaves before the round ends', t => {
	const {state, effects} = play([
		...join('a'),
		...join('b'),
		...answer('b', 0),
		{kind: 'gone', device: 'b'},
		...answer('a', 0),
	]);
	t.is(state.phase, 'updating');
	const closed = effects.find(effect => effect.kind === 'close-round');
	t.deepEqual(closed?.kind === 'close-round' && [...closed.contributors.keys()], ['a', 'b']);
});

test('a silent device costs one deadline, then the rounds go on without it until it speaks again', t => {
	const first = [...join('a'), ...join('b'), ...answer('a', 0), {kind: 'deadline', name: 'round-0'} as const];
	const {state} = play(first);
	t.is(state.phase, 'updating');
	t.is(state.members.get('b')?.state, 'late');
	t.deepEqual(
		play(first).last.filter(({kind}) => kind === 'assign'),
		[{kind: 'assign', device: 'b'}],
		'it may have missed the order, and would wait for ever',
	);
	const second = play([...first, {kind: 'updated', round: 0, tookMs: 5}]);
	t.deepEqual([...second.state.asked.keys()], ['a']);
	const third = play([...first, {kind: 'updated', round: 0, tookMs: 5}, ...answer('b', 0), ...answer('a', 1)]);
	t.is(third.state.members.get('b')?.state, 'ready');
});

test('a loss that is not finite ends the run and names the round and the device', t => {
	const {last} = play([...join('a'), ...join('b'), ...answer('b', 0, Number.NaN)]);
	const windUp = last.find(effect => effect.kind === 'wind-up');
	t.like(windUp, {kind: 'wind-up', outcome: {kind: 'failed', code: 'RUN_LOSS_NAN'}});
	t.regex(JSON.stringify(windUp), /round 1, device «b»/u);
});

test('without enough devices the run ends with a reason instead of waiting for ever', t => {
	const {last} = play([{kind: 'deadline', name: 'gather-0'}]);
	t.like(last[0], {kind: 'wind-up', outcome: {kind: 'failed', code: 'RUN_NO_DEVICES'}});
});

test('a round without any contribution is repeated', t => {
	const {state, effects} = play([...join('a'), ...join('b'), {kind: 'deadline', name: 'round-0'}]);
	t.is(state.phase, 'gathering');
	t.is(state.round, 0);
	t.true(kinds(effects).includes('abandon-round'));
});

test('a run leaves its plan when the round under way is done, or the epoch', t => {
	const leave = (at: 'step' | 'epoch'): RunEvent => ({kind: 'leave', because: 'another plan is better', at});
	const round = (number: number): RunEvent[] => [
		...answer('a', number),
		...answer('b', number),
		{kind: 'updated', round: number, tookMs: 10},
	];
	const begun = [...join('a'), ...join('b')];
	const under = play([...begun, leave('step')]);
	t.is(under.state.phase, 'training');
	const left = play([...begun, leave('step'), ...round(0)]);
	t.deepEqual(left.last, [{kind: 'wind-up', outcome: {kind: 'moved', because: 'another plan is better'}}]);
	t.is(left.state.round, 1);
	// Two rounds are an epoch.
	t.is(play([...begun, leave('epoch'), ...round(0)]).state.phase, 'training');
	t.is(play([...begun, leave('epoch'), ...round(0), ...round(1)]).state.phase, 'finishing');
	t.deepEqual(kinds(play([leave('step')]).last), ['wind-up']);
});

test('the target accuracy ends the run', t => {
	const {last} = play([...join('a'), ...join('b'), {kind: 'evaluated', round: 0, accuracy: 0.96}], {
		targetAccuracy: 0.95,
	});
	t.like(last.at(-1), {kind: 'wind-up', outcome: {kind: 'done'}});
});

const device = fc.constantFrom('a', 'b', 'stranger');
const round = fc.nat({max: 4});
const anyEvent: fc.Arbitrary<RunEvent> = fc.oneof(
	fc.record({kind: fc.constant('present' as const), device}),
	fc.record({kind: fc.constant('gone' as const), device}),
	fc.record({kind: fc.constant('ready' as const), device, items: fc.integer({min: 1, max: 20})}),
	fc.record({kind: fc.constant('refused' as const), device, because: fc.constant('no'), final: fc.boolean()}),
	fc.record({kind: fc.constant('report' as const), device, round, report: fc.constant({loss: 1, items: 4})}),
	fc.record({kind: fc.constant('delivered' as const), device, round}),
	fc.record({kind: fc.constant('updated' as const), round, tookMs: fc.constant(3)}),
	fc.record({kind: fc.constant('evaluated' as const), round, accuracy: fc.constant(0.5)}),
);

/** A run is waiting for somebody: either a deadline is set or an effect is under way that answers with an event. */
const alive = (state: RunState) =>
	state.deadline !== undefined || state.phase === 'updating' || state.phase === 'finishing' || state.phase === 'ended';

test('whatever happens, a run always has a deadline or an answer to wait for, and asks nobody twice in a round', t => {
	fc.assert(
		fc.property(fc.array(fc.oneof(anyEvent, fc.constant('deadline' as const)), {maxLength: 60}), events => {
			let [state] = startRun(initialRun(settings, ['a', 'b'], undefined));
			for (const event of events) {
				const actual: RunEvent = event === 'deadline' ? {kind: 'deadline', name: state.deadline ?? 'none'} : event;
				const before = state;
				const [after, effects] = stepRun(state, actual, shares);
				state = after;
				t.true(alive(state), `after ${JSON.stringify(actual)} in ${before.phase}`);
				for (const effect of effects) {
					if (effect.kind === 'close-round') {
						t.true([...effect.contributors.keys()].every(name => before.asked.has(name)));
						t.true(effect.contributors.size > 0);
					}
				}
				for (const [name, member] of state.members) {
					t.false(member.state === 'working' && state.phase === 'training' && !state.asked.has(name));
				}
			}
		}),
		{numRuns: 500},
	);
	t.pass();
});
