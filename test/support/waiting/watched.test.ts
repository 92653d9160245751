/** A test that waits for a run in vain is told about it. */
import test from 'ava';
import type {Client} from '../../../cli/client.js';
import {FplError} from '../../../core/errors.js';
import {runId} from '../../../core/ids.js';
import type {RunUpdate} from '../../../core/ledger/run-update.js';
import {watched} from './watched.js';

const run = runId('run-1');
const store = {find: async () => undefined};

/** A client whose runs say this, and then nothing until they are given up. */
const saying = (...updates: readonly RunUpdate[]): Client =>
	({
		async *follow(_run: unknown, {signal}: {readonly signal: AbortSignal}) {
			yield* updates;
			if (updates.at(-1)?.kind === 'ended') {
				return;
			}
			await new Promise(resolve => signal.addEventListener('abort', resolve, {once: true}));
			throw new FplError('INTERRUPTED', {where: 'following'});
		},
	}) as unknown as Client;

async function heard(client: Client): Promise<string[]> {
	const kinds: string[] = [];
	for await (const {kind} of client.follow(run)) {
		kinds.push(kind);
	}
	return kinds;
}

test('a run that falls silent is given up with the last that it said', async t => {
	const client = watched(saying({kind: 'checkpoint', round: 7}), store, {patienceMs: 50});
	const error = await t.throwsAsync(heard(client));
	t.true(
		error.message.startsWith(
			'run run-1 has been silent for 0.05 s after 1 updates, the last of them {"kind":"checkpoint","round":7};',
		),
		error.message,
	);
});

test('a run that ends is followed to its end', async t => {
	const client = watched(saying({kind: 'checkpoint', round: 7}, {kind: 'ended', state: 'done'}), store, {
		patienceMs: 50,
	});
	t.deepEqual(await heard(client), ['checkpoint', 'ended']);
});

test('what somebody else interrupts is none that fell silent', async t => {
	const client = watched(saying(), store);
	const error = await t.throwsAsync(async () => {
		for await (const {kind} of client.follow(run, {signal: AbortSignal.timeout(20)})) {
			t.fail(kind);
		}
	});
	t.regex(error.message, /following/u);
});
