import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {asFplError, type ErrorCode, errorTable, errorText, FplError, isFplError} from '../../core/errors.js';
import {root} from '../support/imports.js';

const codes = Object.keys(errorTable) as ErrorCode[];

/** Code → its row of docs/errors.md. */
const rows = new Map(
	readFileSync(path.join(root, 'docs/errors.md'), 'utf8')
		.split('\n')
		.filter(line => line.startsWith('| `'))
		.map(line => line.split('|').map(cell => cell.trim()))
		.map(([, code, exit, retry, sentence, advice]) => [code!.replaceAll('`', ''), {exit, retry, sentence, advice}]),
);

test('the page lists every code of the registry and no other, in the same order', t => {
	t.deepEqual([...rows.keys()], codes);
});

test('the page tells exit status, retry and sentence as the registry has them, and what to do', t => {
	for (const code of codes) {
		const {exit, retryable, sentence} = errorTable[code];
		const row = rows.get(code)!;
		t.deepEqual(
			{exit: row.exit, retry: row.retry, sentence: row.sentence},
			{exit: String(exit), retry: retryable ? 'yes' : 'no', sentence},
			code,
		);
		t.regex(row.advice!, /^[A-Z`].{15,}\.$/su, code);
	}
});

test('exit statuses are unique and lie in the range of their area', t => {
	const areas: Array<[pattern: RegExp, from: number, to: number]> = [
		[/^INTERNAL$/u, 1, 1],
		[/^USAGE$/u, 2, 2],
		[/^FILE_/u, 3, 9],
		[/^CONFIG_/u, 10, 19],
		[/^MODEL_/u, 20, 29],
		[/^DATA_/u, 30, 39],
		[/^(ENGINE|TENSOR)_/u, 40, 49],
		[/^(BROKER|PORT|WIRE|ID)_/u, 50, 59],
		[/^PLAN_/u, 60, 69],
		[/^(JOB|RUN|CHECKPOINT)_/u, 70, 79],
		[/^(DEVICE|AGENT)_/u, 80, 89],
		[/^INTERRUPTED$/u, 130, 130],
	];
	for (const code of codes) {
		const {exit} = errorTable[code];
		const matching = areas.filter(([pattern]) => pattern.test(code));
		t.is(matching.length, 1, code);
		const [, from, to] = matching[0]!;
		t.true(exit >= from && exit <= to, `${code} ends with ${exit}, outside ${from}–${to}`);
	}
	t.is(new Set(codes.map(code => errorTable[code].exit)).size, codes.length);
});

test('every sentence is a sentence', t => {
	for (const code of codes) {
		t.regex(errorTable[code].sentence, /^[A-Z][^.!?]+\.$/u, code);
	}
});

test('a message is the sentence, the place, the difference and the advice', t => {
	t.is(errorText('CONFIG_KEY', {}), 'A configuration key is unknown.');
	t.is(
		errorText('CONFIG_VALUE', {where: 'job.yaml, batch', expected: 'an integer ≥ 1', got: '«many»', fix: 'Write 64'}),
		'A configuration value is not usable. job.yaml, batch: expected an integer ≥ 1, got «many». Write 64.',
	);
	t.is(
		errorText('WIRE_CLOSED', {problem: 'the broker stopped', got: 'EOF'}),
		'The connection was closed. the broker stopped; got EOF.',
	);
	t.is(errorText('MODEL_CUT', {where: 'unit 3'}), 'A model cannot be cut there. At unit 3.');
	t.is(errorText('MODEL_CUT', {expected: 'a cut'}), 'A model cannot be cut there. expected a cut.');
});

test('an error carries code, facts, exit status, retry and cause', t => {
	const cause = new Error('ECONNREFUSED');
	const error = new FplError('BROKER_UNREACHABLE', {where: 'mqtt://fog:1883'}, {cause});
	t.is(error.name, 'FplError');
	t.is(error.exit, 50);
	t.true(error.retryable);
	t.is(error.cause, cause);
	t.deepEqual(error.facts, {where: 'mqtt://fog:1883'});
	t.true(error.message.includes('mqtt://fog:1883'));
	t.true(isFplError(error));
	t.true(isFplError(error, 'BROKER_UNREACHABLE'));
	t.false(isFplError(error, 'USAGE'));
	t.false(isFplError(cause));
});

test('what is not ours becomes INTERNAL and keeps its cause', t => {
	const ours = new FplError('USAGE');
	t.is(asFplError(ours), ours);
	const cause = new TypeError('x is not a function');
	t.like(asFplError(cause), {code: 'INTERNAL', cause});
	t.true(asFplError(cause).message.includes('x is not a function'));
	t.is(asFplError('text').code, 'INTERNAL');
	t.is(asFplError(undefined).exit, 1);
});
