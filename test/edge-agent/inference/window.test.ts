import test from 'ava';
import {Window} from '../../../edge-agent/inference/window.js';

const settled = async (promise: Promise<void>): Promise<boolean> => {
	let done = false;
	promise.then(
		() => {
			done = true;
		},
		() => {},
	);
	await new Promise(resolve => setImmediate(resolve));
	return done;
};

test('so many batches are admitted as may be under way, and each answer admits one more', async t => {
	const {signal} = new AbortController();
	const window = new Window(2, 5);
	t.true(await settled(window.admit(5, signal)));
	window.ask(5, 100);
	t.true(await settled(window.admit(6, signal)));
	window.ask(6, 110);
	const third = window.admit(7, signal);
	t.false(await settled(third));
	t.is(window.answer(5), 100);
	t.true(await settled(third));
	t.false(await settled(window.admit(8, signal)));
});

test('an answer to what was not asked has no time', t => {
	t.is(new Window(1, 0).answer(0), undefined);
});

test('waiting ends when the run does', async t => {
	const abort = new AbortController();
	const window = new Window(1, 0);
	const waiting = window.admit(1, abort.signal);
	abort.abort();
	await t.throwsAsync(waiting, {code: 'INTERRUPTED'});
});
