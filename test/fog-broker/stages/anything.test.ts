/** Whatever happens to a run with stages, in whatever order. */
import test from 'ava';
import fc from 'fast-check';
import {devicesOf} from '../../../core/plan/fallback.js';
import type {Outcome, StageEffect, StageEvent, StageState} from '../../../fog-broker/stages/state.js';
import {anyPlan} from '../../support/stages/a-plan.js';
import {all, eventOf, Play} from '../../support/stages/play.js';

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
				'leave',
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
		case 'leave':
			return {kind: 'leave', because: 'another plan is better', at: pick < 0.2 ? 'step' : 'epoch'};
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

test('whatever happened, a run whose devices all come back and answer is done, with every step committed, or leaves for another plan with its weights', t => {
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
			t.is(play.state.position.step, play.state.saved.step);
			if (outcome.kind === 'moved') {
				return;
			}
			t.is(outcome.kind, 'done');
			t.is(play.state.position.step, play.state.steps!);
			t.is(play.state.saved.step, play.state.steps!);
		}),
		{numRuns: 300},
	);
});
