import {spawnSync} from 'node:child_process';
import path from 'node:path';
import test from 'ava';
import {recordingLogger, silentLogger} from '../../core/log.js';

const module = JSON.stringify(path.resolve(import.meta.dirname, '../../core/log.js'));

/** Runs a script against `consoleLogger` in a process of its own and returns what it wrote. */
function run(level: string, pretty: boolean, body: string) {
	const script = `const {consoleLogger} = await import(${module});
		const log = consoleLogger(${JSON.stringify(level)}, {pretty: ${pretty}}); ${body}`;
	const {stdout, stderr} = spawnSync(process.execPath, ['--input-type=module', '-e', script], {encoding: 'utf8'});
	return {stdout, lines: stderr.split('\n').filter(line => line !== '')};
}

test('a recording logger keeps its lines with their namespaces and fields', t => {
	const log = recordingLogger();
	log.info('joined', {device: 'cam-1'});
	log.child('agent').child('engine').warn('slow');
	t.deepEqual(log.lines, [
		{severity: 'info', namespace: '', text: 'joined', fields: {device: 'cam-1'}},
		{severity: 'warn', namespace: 'agent/engine', text: 'slow', fields: {}},
	]);
});

test('a silent logger takes everything and says nothing', t => {
	t.notThrows(() => silentLogger.child('x').error('no one hears this', {a: 1}));
});

test('log lines are JSON on stderr, from the level asked for up', t => {
	const {stdout, lines} = run(
		'info',
		false,
		`log.debug('hidden'); log.child('agent').info('joined', {device: 'cam-1'}); log.error('failed');`,
	);
	t.is(stdout, '');
	const parsed = lines.map(line => JSON.parse(line) as Record<string, unknown>);
	t.deepEqual(
		parsed.map(({level, ns, msg, device}) => ({level, ns, msg, device})),
		[
			{level: 30, ns: 'agent', msg: 'joined', device: 'cam-1'},
			{level: 50, ns: '', msg: 'failed', device: undefined},
		],
	);
});

test('for people a line holds time, severity, namespace, text and fields', t => {
	const {stdout, lines} = run(
		'warn',
		true,
		`log.info('hidden'); log.child('link').warn('slow', {ms: 12, who: 'a b'});`,
	);
	t.is(stdout, '');
	t.is(lines.length, 1);
	t.regex(lines[0]!, /^\d\d:\d\d:\d\d\.\d{3} warn {2}link: slow ms=12 who=a b$/u);
});

test('a silent console logger writes nothing', t => {
	for (const pretty of [true, false]) {
		t.deepEqual(run('silent', pretty, `log.error('hidden');`).lines, []);
	}
});
