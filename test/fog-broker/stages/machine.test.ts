/** What a run with stages decides, without anybody carrying it out. */
import test from 'ava';
import {splitLearning} from '../../../core/plan/builders/split.js';
import type {StageEvent} from '../../../fog-broker/stages/state.js';
import {aligned, all, begun, devicesNow, kinds, Play, place, stacked} from '../../support/stages/play.js';

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

test('checkpoints that follow each other without a pause do not keep out a device that comes back', t => {
	const play = begun(stacked).post({kind: 'gone', device: 'a'}).answer(2).post({kind: 'present', device: 'a'});
	for (let turns = 0; turns < 3 && devicesNow(play).length < 3; turns++) {
		play.store().post({kind: 'checkpoint-due'}).answer();
	}
	t.deepEqual(devicesNow(play), ['a', 'b', 'fog']);
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

test('who was counted out for its silence counts again when it speaks, but not for ever', t => {
	const play = begun(stacked, {epochs: 50}).until(2);
	const freeze = () => {
		play.post({kind: 'deadline', name: play.state.deadline!});
		const steps = play.state.position.step;
		play.post({kind: 'held', device: 'b', steps}, {kind: 'held', device: 'fog', steps});
		play.post({kind: 'deadline', name: play.state.deadline!}).answer(2);
	};
	for (let time = 0; time < 4; time++) {
		freeze();
		t.deepEqual(devicesNow(play), ['b', 'fog']);
		play.post({kind: 'heard', device: 'b'}, {kind: 'heard', device: 'a'}, {kind: 'heard', device: 'a'});
		play.until(play.state.position.step + 2);
		t.deepEqual(devicesNow(play), time < 3 ? ['a', 'b', 'fog'] : ['b', 'fog'], `time ${time}`);
	}
	t.is(play.notes.filter(text => text === 'a answers again').length, 3);
	t.is(play.notes.filter(text => text === 'a is back: the run goes on with it').length, 3);
	play.post({kind: 'gone', device: 'a'}, {kind: 'present', device: 'a'});
	play.until(play.state.position.step + 2);
	t.deepEqual(devicesNow(play), ['a', 'b', 'fog']);
});

test('a device that said that it cannot take part is not asked again because it speaks', t => {
	const play = begun(stacked).until(2);
	play.post({kind: 'refused', device: 'a', because: 'no engine', final: true}).answer(3);
	t.deepEqual(devicesNow(play), ['b', 'fog']);
	play.post({kind: 'heard', device: 'a'}).answer(3);
	t.deepEqual(devicesNow(play), ['b', 'fog']);
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

test('a turn goes on where it was when a spare takes over what works for all clients', t => {
	const play = begun(splitLearning(place(['a', 'b'], ['fog']), 1)).post({kind: 'checkpoint-due'});
	play.until(1).store();
	t.like(play.state.saved, {step: 1, turnLeft: 1});
	play.post({kind: 'present', device: 'spare'}, {kind: 'spares', devices: ['spare']}, {kind: 'gone', device: 'fog'});
	play.answer(2);
	t.deepEqual(devicesNow(play), ['a', 'b', 'spare']);
	t.deepEqual([...play.state.waiting].sort(), ['report:a', 'report:spare']);
	t.like(play.state.position, {step: 1, turnLeft: 1});
	play.answer(2);
	t.deepEqual([...play.state.waiting].sort(), ['report:b', 'report:spare']);
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
