import test from 'ava';
import fc from 'fast-check';
import {FplError} from '../../core/errors.js';
import {deviceId, isId, runId} from '../../core/ids.js';

test('letters, digits, «-», «_» and «.» make an id', t => {
	for (const text of ['cam-1', 'a', 'Fog_1.local', '0', 'x'.repeat(64), '...', '.a']) {
		t.is(deviceId(text), text as ReturnType<typeof deviceId>);
		t.true(isId(text));
	}
});

test('what could leave a folder, a topic level or a line is no id', t => {
	for (const text of [
		'',
		'.',
		'..',
		'a/b',
		'a\\b',
		'#',
		'+',
		'a b',
		'a\n',
		'a\0',
		'ü',
		'x'.repeat(65),
		7,
		null,
		undefined,
	]) {
		t.false(isId(text), JSON.stringify(text));
		t.is(t.throws(() => deviceId(text), {instanceOf: FplError}).code, 'CONFIG_VALUE');
	}
});

test('the error names the place and the value, shortened', t => {
	const error = t.throws(() => runId(`no good ${'x'.repeat(1000)}`, 'job.yaml, run'), {instanceOf: FplError});
	t.true(error.message.includes('job.yaml, run'));
	t.true(error.message.includes('«no good'));
	t.true(error.message.length < 300);
});

test('an id never holds an MQTT wildcard or separator, a path separator or a control character', t => {
	t.notThrows(() =>
		fc.assert(fc.property(fc.string({unit: 'binary'}), text => !isId(text) || !/[#+/\\\p{Cc}\s$]/u.test(text))),
	);
});
