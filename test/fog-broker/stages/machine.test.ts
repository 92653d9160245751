/** What a run with stages decides, without anybody carrying it out. */
import test from 'ava';
import fc from 'fast-check';
import {fplAligned, fplStacked} from '../../../core/plan/builders/fpl.js';
import {splitLearning} from '../../../core/plan/builders/split.js';
import {devicesOf} from '../../../core/plan/fallback.js';
import type {Plan} from '../../../core/plan/plan.js';
import {startStages, stepStages} from '../../../fog-broker/stages/machine.js';
import {
	initialState,
	type Outcome,
	type StageEffect,
	type StageEvent,
	type StageSettings,
	type StageState,
} from '../../../fog-broker/stages/state.js';
import {anyPlan} from '../../support/a-plan.js';

const settings: StageSettings = {
	epochs: 2,
	batch: 12,
	waitMs: 1000,
	stagingDeadlineMs: 1000,
	stepDeadlineMs: 500,
	targetAccuracy: undefined,
};

const itemsEach = 24;
const flow = {microBatches: 1, schedule: '1f1b'} as const;
const place = (sources: readonly string[], trunk: readonly string[]) => ({
	model: 'some-model',
	units: 9,
	sources,
	trunk,
	cuts: [3],
});
const stacked = fplStacked(place(['a', 'b'], ['fog']), 'step', flow);
const aligned = fplAligned(place(['a', 'b'], ['fog']), 'scalar', flow);

/** A run, and everything that it ever wanted. */
class Play {
	state: StageState;
	readonly effects: StageEffect[] = [];
	last: readonly StageEffect[] = [];

	constructor(plan: Plan, changes: Partial<StageSettings> = {}) {
		this.state = initialState({...settings, ...changes}, plan, 1, undefined);
		this.#take(startStages(this.state));
	}

	#take([state, effects]: readonly [StageState, readonly StageEffect[]]): void {
		this.state = state;
		this.last = effects;
		this.effects.push(...effects);
	}

	post(...events: readonly StageEvent[]): this {
		for (const event of events) {
			this.#take(stepStages(this.state, event));
		}
		return this;
	}

	/** Everything that is awaited comes, so many times. */
	answer(times = 1): this {
		for (let time = 0; time < times; time++) {
			for (const key of [...this.state.waiting]) {
				this.post(eventOf(key, this.state));
			}
		}
		return this;
	}

	/** The weights of a checkpoint arrive. */
	store(): this {
		for (const key of this.state.saving?.waiting ?? []) {
			this.post({kind: 'arrived', key});
		}
		return this;
	}

	/** All devices are here and everything comes, until it has done so many steps. */
	until(step: number): this {
		for (let turns = 0; this.state.position.step < step && turns < 1000; turns++) {
			this.store().answer();
		}
		return this;
	}

	get notes(): readonly string[] {
		return this.effects.flatMap(effect =>
			effect.kind === 'note' ? [`${effect.device === undefined ? '' : `${effect.device} `}${effect.text}`] : [],
		);
	}

	get outcome(): Outcome | undefined {
		return this.effects.flatMap(effect => (effect.kind === 'wind-up' ? [effect.outcome] : []))[0];
	}
}

function eventOf(key: string, state: StageState): StageEvent {
	const [kind, device] = key.split(':');
	switch (kind) {
		case 'ready':
			return {kind: 'ready', device: device!, items: itemsEach};
		case 'held':
			return {kind: 'held', device: device!, steps: state.position.step};
		default:
			return {kind: 'arrived', key, tookMs: 10};
	}
}

const all = (plan: Plan): StageEvent[] => devicesOf(plan).map(device => ({kind: 'present', device}));
const kinds = (effects: readonly StageEffect[]) => effects.map(({kind}) => kind);
const begun = (plan: Plan, changes: Partial<StageSettings> = {}) => new Play(plan, changes).post(...all(plan)).answer();
const devicesNow = ({state}: Play) => devicesOf(state.plan);

test('a run waits for all devices of its plan, stages them, and goes step by step to its end', t => {
	const play = new Play(stacked).post({kind: 'present', device: 'a'}, {kind: 'present', device: 'b'});
	t.is(play.state.phase, 'gathering');
	play.post({kind: 'present', device: 'fog'});
	t.is(play.state.phase, 'staging');
	play.answer();
	t.is(play.state.phase, 'running');
	t.is(play.state.steps, 8);
	play.until(8).answer();
	t.deepEqual(play.outcome, {kind: 'done'});
	t.is(play.effects.filter(({kind}) => kind === 'commit').length, 8);
	t.is(play.post({kind: 'finished'}).state.phase, 'ended');
});

test('when waiting for devices is over, a run begins with those that are here', t => {
	const play = new Play(stacked).post({kind: 'present', device: 'a'}, {kind: 'present', device: 'fog'});
	play.post({kind: 'deadline', name: play.state.deadline!});
	t.deepEqual(devicesNow(play), ['a', 'fog']);
	t.true(play.notes.some(text => /b is away/u.test(text)));
});

test('a run whose only device for a stage never comes ends with the stage and its devices named', t => {
	const play = new Play(stacked).post({kind: 'present', device: 'a'}, {kind: 'present', device: 'b'});
	// Without a spare the sources take over the trunk; without sources nobody has the data.
	const none = new Play(stacked).post({kind: 'present', device: 'fog'});
	none.post({kind: 'deadline', name: none.state.deadline!});
	t.like(none.outcome, {
		kind: 'failed',
		code: 'RUN_NO_DEVICES',
		facts: {where: 'stage 0', expected: 'one of a, b within 1 s'},
	});
	play.post({kind: 'deadline', name: play.state.deadline!});
	t.true(play.notes.some(text => /takes over stage 1/u.test(text)));
});

test('before the first step, a run whose stage has no device that is willing ends at once with the reason', t => {
	const play = new Play(stacked).post(...all(stacked));
	play.post({kind: 'refused', device: 'a', because: 'it has no such data', final: true});
	t.deepEqual(devicesNow(play), ['b', 'fog']);
	play.post({kind: 'refused', device: 'b', because: 'it has no such data', final: true});
	t.like(play.outcome, {
		kind: 'failed',
		code: 'RUN_NO_DEVICES',
		facts: {got: 'a: it has no such data; b: it has no such data'},
	});
});

test('a device that cannot take part just now is asked again after longer and longer pauses', t => {
	const play = new Play(stacked, {waitMs: 60_000}).post(...all(stacked));
	const pauses: number[] = [];
	for (let times = 0; times < 3; times++) {
		play.post({kind: 'refused', device: 'a', because: 'its disk is full', final: false});
		t.is(play.state.phase, 'pausing');
		pauses.push(...play.last.flatMap(effect => (effect.kind === 'set-deadline' ? [effect.ms] : [])));
		play.post({kind: 'deadline', name: play.state.deadline!});
		t.is(play.state.phase, 'staging');
	}
	t.deepEqual(pauses, [1000, 2000, 4000]);
});

test('a pause is no end of waiting: a device that leaves meanwhile is waited for as long as ever', t => {
	const play = new Play(stacked).post(...all(stacked));
	play.post({kind: 'refused', device: 'a', because: 'its disk is full', final: false});
	play.post({kind: 'gone', device: 'a'}, {kind: 'gone', device: 'b'});
	play.post({kind: 'deadline', name: play.state.deadline!});
	t.is(play.state.phase, 'gathering');
	t.is(play.outcome, undefined);
});

test('a source that leaves costs the step under way: its replica has the weights, and others take its share', t => {
	const play = begun(stacked).until(3);
	play.post({kind: 'gone', device: 'a'});
	t.is(play.state.phase, 'holding');
	t.deepEqual(
		play.last.flatMap(effect => (effect.kind === 'hold' ? [effect.device] : [])),
		['b', 'fog'],
	);
	play.answer(2);
	t.is(play.state.saved.step, 3);
	t.is(play.state.phase, 'staging');
	t.deepEqual(devicesNow(play), ['b', 'fog']);
	play.answer();
	t.is(play.state.position.step, 3);
	t.deepEqual(play.notes, ['a left', 'a is away: the run goes on without it']);
	play.until(8).answer();
	t.is(play.effects.filter(({kind}) => kind === 'commit').length, 8);
});

test('a device that comes back takes part from the next step on, without a step repeated', t => {
	const play = begun(stacked).until(3);
	play.post({kind: 'gone', device: 'a'}).answer(3).until(4);
	play.post({kind: 'present', device: 'a'});
	t.is(play.state.phase, 'running');
	play.store().answer();
	t.is(play.state.phase, 'holding');
	play.answer(3);
	t.deepEqual(devicesNow(play), ['a', 'b', 'fog']);
	t.is(play.state.position.step, 5);
	t.false(play.notes.some(text => /goes back/u.test(text)));
});

test('when the only device of a stage leaves, a spare takes it over from the last checkpoint, and the repeated steps are told', t => {
	const play = begun(stacked).post({kind: 'checkpoint-due'}).until(1).store().until(3);
	t.is(play.state.saved.step, 1);
	play.post({kind: 'spares', devices: ['spare']}, {kind: 'present', device: 'spare'}, {kind: 'gone', device: 'fog'});
	play.answer();
	t.is(play.state.phase, 'staging');
	t.deepEqual(devicesNow(play), ['a', 'b', 'spare']);
	t.true(play.notes.includes('goes back to the weights after step 1: 2 steps are repeated'));
	t.true(play.notes.includes('spare takes over stage 1'));
	play.answer();
	t.is(play.state.position.step, 1);
	t.true(kinds(play.last).includes('load'));
});

test('a spare keeps the work of another until that one is back', t => {
	const play = begun(stacked).until(2);
	play.post({kind: 'spares', devices: ['spare']}, {kind: 'present', device: 'spare'}, {kind: 'gone', device: 'fog'});
	// It is no longer idle.
	play.answer(3).post({kind: 'spares', devices: []});
	play.post({kind: 'gone', device: 'a'}).answer(3);
	t.deepEqual(devicesNow(play), ['b', 'spare']);
	play.post({kind: 'present', device: 'fog'}).answer(4);
	t.deepEqual(devicesNow(play), ['b', 'fog']);
});

test('a device that is silent while all are held is counted out, and in again when it comes back', t => {
	const play = begun(stacked).until(2);
	play.post({kind: 'deadline', name: play.state.deadline!});
	t.is(play.state.phase, 'holding');
	play.post({kind: 'held', device: 'b', steps: 2}, {kind: 'held', device: 'fog', steps: 2});
	play.post({kind: 'deadline', name: play.state.deadline!});
	t.true(play.notes.includes('a does not answer'));
	play.answer(2);
	t.deepEqual(devicesNow(play), ['b', 'fog']);
	play.post({kind: 'gone', device: 'a'}, {kind: 'present', device: 'a'}).answer(3);
	t.deepEqual(devicesNow(play), ['a', 'b', 'fog']);
});

test('a device that began anew while all are held has no weights, and takes part again', t => {
	const play = begun(stacked).until(2);
	play.post({kind: 'gone', device: 'a'}, {kind: 'present', device: 'a'}, {kind: 'gone', device: 'b'});
	t.deepEqual([...play.state.waiting].sort(), ['held:a', 'held:fog']);
	play.post({kind: 'held', device: 'a', steps: undefined}, {kind: 'held', device: 'fog', steps: 2});
	// Nobody has the weights of the branches any more.
	t.true(play.notes.some(text => /goes back to the weights after step 0: 2 steps/u.test(text)));
	t.deepEqual(devicesNow(play), ['a', 'fog']);
});

test('when nobody is left, the run says how far it goes back, and waits', t => {
	const play = begun(stacked).until(2);
	play.post(...['a', 'b', 'fog'].map((device): StageEvent => ({kind: 'gone', device})));
	t.is(play.state.phase, 'gathering');
	t.true(play.notes.some(text => /goes back to the weights after step 0: 2 steps/u.test(text)));
	t.is(play.state.position.step, 0);
});

test('a lost branch of an aligned plan is dropped with its weights, and nothing is repeated', t => {
	const play = begun(aligned).until(2);
	play.post({kind: 'gone', device: 'b'}).answer(3);
	t.deepEqual(devicesNow(play), ['a', 'fog']);
	t.is(play.state.position.step, 2);
	play.post({kind: 'present', device: 'b'}).answer(4);
	t.deepEqual(devicesNow(play), ['a', 'b', 'fog']);
	t.false(play.notes.some(text => /goes back/u.test(text)));
});

test('the client whose turn it is has the weights: when it leaves, the run goes back, and another has the turn', t => {
	const plan = splitLearning(place(['a', 'b'], ['fog']), 1);
	const play = begun(plan);
	t.deepEqual([...play.state.waiting].sort(), ['report:a', 'report:fog']);
	play.until(1).post({kind: 'gone', device: 'a'}).answer(2);
	t.true(play.notes.some(text => /goes back to the weights after step 0: 1 step is repeated/u.test(text)));
	t.deepEqual([...play.state.waiting].sort(), ['report:b', 'report:fog']);
	const other = begun(plan).until(1).post({kind: 'gone', device: 'b'}).answer(3);
	t.false(other.notes.some(text => /goes back/u.test(text)));
	t.is(other.state.position.step, 1);
});

test('when a device leaves after the last step, the weights that the others have end the run', t => {
	const play = begun(stacked).until(8);
	t.is(play.state.phase, 'concluding');
	play.post({kind: 'gone', device: 'a'}).answer(2);
	t.deepEqual(play.outcome, {kind: 'done'});
	t.is(play.effects.filter(({kind}) => kind === 'commit').length, 8);
});

test('a loss that is not finite ends the run with the step and the device', t => {
	const play = begun(stacked).until(2).post({kind: 'diverged', device: 'fog', loss: Number.NaN});
	t.like(play.outcome, {kind: 'failed', code: 'RUN_LOSS_NAN', facts: {where: 'step 3, device «fog»', got: 'NaN'}});
});

test('trouble that repeating does not mend ends the run', t => {
	const play = begun(stacked);
	for (let times = 0; times < 20 && play.outcome === undefined; times++) {
		play.post({kind: 'refused', device: 'a', because: 'a peer did not answer', final: false}).answer(2);
	}
	t.like(play.outcome, {kind: 'failed', code: 'RUN_STALLED'});
});

test('a run that is stopped keeps the weights of the last completed step', t => {
	const play = begun(stacked).until(3).post({kind: 'stop', because: 'somebody asked for it'});
	t.is(play.state.phase, 'holding');
	play.answer(2);
	t.like(play.outcome, {kind: 'stopped'});
	t.like(
		play.effects.findLast(({kind}) => kind === 'save'),
		{position: {step: 3}, milestone: true},
	);
});

/** An event, decided when the state is known. `pick` in [0, 1). */
const anyHappening = fc.record({
	what: fc.oneof(
		{weight: 12, arbitrary: fc.constant('expected' as const)},
		{
			weight: 5,
			arbitrary: fc.constantFrom(
				'gone',
				'present',
				'stale',
				'refused',
				'refused-for-good',
				'stored',
				'deadline',
				'old-deadline',
				'held-elsewhere',
				'forgotten',
				'spares',
				'checkpoint-due',
				'evaluated',
			),
		},
	),
	pick: fc.double({min: 0, max: 0.999_999, noNaN: true}),
});
interface Happening {
	readonly what: string;
	readonly pick: number;
}

const oneOf = <T>(list: readonly T[], pick: number): T | undefined => list[Math.floor(pick * list.length)];

function eventFor({what, pick}: Happening, {state}: Play): StageEvent | undefined {
	const device = oneOf([...devicesOf(state.original), 'spare-0', 'spare-1'], pick)!;
	const key = (keys: Iterable<string>): StageEvent | undefined => {
		const found = oneOf([...keys], pick);
		return found === undefined ? undefined : eventOf(found, state);
	};
	switch (what) {
		case 'expected':
			return key(state.waiting);
		case 'stored':
			return key(state.saving?.waiting ?? []);
		case 'stale':
			return {kind: 'arrived', key: `report:${device}`};
		case 'gone':
		case 'present':
			return {kind: what, device};
		case 'refused':
		case 'refused-for-good':
			return {kind: 'refused', device, because: 'so it is', final: what !== 'refused'};
		case 'held-elsewhere':
			return {kind: 'held', device, steps: Math.max(0, state.position.step - 1)};
		case 'forgotten':
			return {kind: 'held', device, steps: undefined};
		case 'deadline':
			return state.deadline === undefined ? undefined : {kind: 'deadline', name: state.deadline};
		case 'old-deadline':
			return {kind: 'deadline', name: 'running-1-0'};
		case 'spares':
			return {kind: 'spares', devices: pick < 0.5 ? [] : ['spare-0', 'spare-1']};
		case 'checkpoint-due':
			return {kind: 'checkpoint-due'};
		default:
			return {kind: 'evaluated', step: state.position.step, accuracy: pick};
	}
}

/** @throws when it has not. */
function ended({outcome, state}: Play): Outcome {
	assert(outcome !== undefined, `it hangs while ${state.phase}`);
	return outcome;
}

const waitingPhases = ['staging', 'running', 'syncing', 'holding', 'collecting', 'concluding'];

/** What holds after every event, whatever it was. */
class Watch {
	readonly #play: Play;
	#timer: string | undefined;
	#attempt = 1;
	#asked = new Set<string>();
	#assigned = new Set<string>();
	#committed: number;

	constructor(play: Play) {
		this.#play = play;
		this.#committed = 0;
		this.#look(play.state);
	}

	post(event: StageEvent): void {
		const before = this.#play.state;
		this.#play.post(event);
		this.#look(before);
	}

	#look(before: StageState): void {
		const {state, last} = this.#play;
		for (const effect of last) {
			this.#check(effect);
		}
		const say = (text: string) => `${text} (${before.phase} → ${state.phase})`;
		const ends = state.phase === 'finishing' || state.phase === 'ended';
		// Never hangs: either a timer runs that the machine listens to, or it waits for its own winding up.
		assert(ends || (state.deadline !== undefined && state.deadline === this.#timer), say('no deadline'));
		assert(!waitingPhases.includes(state.phase) || state.waiting.size > 0, say('waits for nothing'));
		const back = state.position.step < before.position.step;
		const told = last.some(effect => effect.kind === 'note' && /goes back to the weights/u.test(effect.text));
		assert(!back || told || state.ending !== undefined || ends, say('went back and told nobody'));
		assert(!back || state.position.step === state.saved.step, say('went back to weights that nobody has'));
		assert(state.saved.step >= before.saved.step, say('lost a checkpoint'));
		assert(state.position.step >= state.saved.step, say('is behind its checkpoint'));
		this.#committed = back ? state.position.step : this.#committed;
		assert(this.#committed === state.position.step || ends, say(`${this.#committed} commits`));
	}

	#check(effect: StageEffect): void {
		switch (effect.kind) {
			case 'set-deadline':
				this.#timer = effect.name;
				return;
			case 'attempt':
				assert(effect.attempt === this.#attempt + 1, `attempt ${effect.attempt} after ${this.#attempt}`);
				this.#attempt = effect.attempt;
				this.#asked = new Set();
				this.#assigned = new Set();
				return;
			case 'assign':
				assert(!this.#assigned.has(effect.device), `${effect.device} is assigned twice`);
				this.#assigned.add(effect.device);
				return;
			case 'begin-step': {
				const step = `${effect.position.step}`;
				assert(!this.#asked.has(step), `step ${step} is asked for twice in attempt ${this.#attempt}`);
				this.#asked.add(step);
				return;
			}
			case 'commit':
				assert(effect.position.step === this.#committed, `step ${effect.position.step} after ${this.#committed}`);
				this.#committed++;
				return;
			default:
		}
	}
}

function assert(holds: boolean, text: string): asserts holds {
	if (!holds) {
		throw new Error(text);
	}
}

test('whatever happens in whatever order, a run never hangs, never counts a step twice, and can be stopped', t => {
	fc.assert(
		fc.property(anyPlan, fc.array(anyHappening, {minLength: 20, maxLength: 150}), (plan, happenings) => {
			const play = new Play(plan, {targetAccuracy: 0.999});
			const watch = new Watch(play);
			for (const event of all(plan)) {
				watch.post(event);
			}
			for (const happening of happenings) {
				const event = eventFor(happening, play);
				if (event) {
					watch.post(event);
				}
			}
			watch.post({kind: 'stop', because: 'somebody asked for it'});
			for (let rounds = 0; rounds < 12 && play.state.phase !== 'ended'; rounds++) {
				const {deadline} = play.state;
				watch.post(deadline === undefined ? {kind: 'finished'} : {kind: 'deadline', name: deadline});
			}
			t.is(play.state.phase, 'ended');
			t.is(play.effects.filter(({kind}) => kind === 'wind-up').length, 1);
			t.is(play.effects.filter(({kind}) => kind === 'end').length, 1);
		}),
		{numRuns: 400},
	);
});

test('whatever happened, a run whose devices all come back and answer is done, with every step committed', t => {
	fc.assert(
		fc.property(anyPlan, fc.array(anyHappening, {maxLength: 80}), (plan, happenings) => {
			const play = new Play(plan);
			const watch = new Watch(play);
			for (const event of all(plan)) {
				watch.post(event);
			}
			for (const happening of happenings) {
				const event = eventFor(happening, play);
				if (event && play.state.phase !== 'finishing') {
					watch.post(event);
				}
			}
			if (play.outcome) {
				return;
			}
			for (const device of devicesOf(plan)) {
				watch.post({kind: 'gone', device});
				watch.post({kind: 'present', device});
			}
			for (let turns = 0; play.outcome === undefined && turns < 500; turns++) {
				const {waiting, saving, deadline} = play.state;
				const key = [...(saving?.waiting ?? []), ...waiting][0];
				watch.post(key === undefined ? {kind: 'deadline', name: deadline!} : eventOf(key, play.state));
			}
			const outcome = ended(play);
			if (outcome.kind === 'failed') {
				t.is(outcome.code, 'RUN_STALLED');
				t.true(play.state.failures > 6);
				return;
			}
			t.is(outcome.kind, 'done');
			t.is(play.state.position.step, play.state.steps!);
			t.is(play.state.saved.step, play.state.steps!);
		}),
		{numRuns: 300},
	);
});
