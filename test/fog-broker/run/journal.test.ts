import test from 'ava';
import {deviceId, runId} from '../../../core/ids.js';
import type {BodyOf} from '../../../core/wire/bodies.js';
import {Journal} from '../../../fog-broker/run/journal.js';
import {RunStore} from '../../../fog-broker/run/store.js';
import {temporaryFolder} from '../../support/temporary.js';

const run = runId('r1');
const follower = deviceId('client-1');

async function aJournal(folder: string) {
	const sent: BodyOf<'runEvent'>[] = [];
	const told: BodyOf<'runEvent'>[] = [];
	const store = new RunStore(folder);
	await store.put({version: 1, run, createdAt: 'now', job: {}, state: 'running', attempt: 1});
	const journal = new Journal({
		store,
		broadcast: event => sent.push(event),
		tell: async (_to, event) => {
			told.push(event);
		},
	});
	await journal.open(run);
	return {journal, sent, told};
}

test('updates are numbered in order and go on being numbered after a restart', async t => {
	const folder = await temporaryFolder(t);
	const first = await aJournal(folder);
	first.journal.publish(run, {kind: 'note', text: 'one'});
	first.journal.publish(run, {kind: 'note', text: 'two'});
	await first.journal.flush();
	const second = await aJournal(folder);
	second.journal.publish(run, {kind: 'note', text: 'three'});
	await second.journal.flush();
	t.deepEqual(
		[...first.sent, ...second.sent].map(({sequence}) => sequence),
		[0, 1, 2],
	);
});

test('an update is kept before it is told, so that a crash never gives its number twice', async t => {
	const folder = await temporaryFolder(t);
	const {journal, sent} = await aJournal(folder);
	journal.publish(run, {kind: 'note', text: 'one'});
	t.is(sent.length, 0);
	await journal.flush();
	t.is(sent.length, 1);
	t.regex((await new RunStore(folder).file(run, 'events.jsonl')).toString(), /one.*\n$/u);
});

test('a line that a crash cut short is dropped', async t => {
	const folder = await temporaryFolder(t);
	const first = await aJournal(folder);
	first.journal.publish(run, {kind: 'note', text: 'one'});
	await first.journal.flush();
	await new RunStore(folder).putFile(run, 'events.jsonl', Buffer.from('{"kind":"note","text":"one"}\n{"kind":"no'));
	const second = await aJournal(folder);
	second.journal.publish(run, {kind: 'note', text: 'two'});
	await second.journal.catchUp(run, follower, 0);
	t.deepEqual(
		second.told.map(({event}) => JSON.parse(event).text),
		['one', 'two'],
	);
});

test('a follower is told what it missed, and nothing else', async t => {
	const {journal, told} = await aJournal(await temporaryFolder(t));
	for (const text of ['one', 'two', 'three']) {
		journal.publish(run, {kind: 'note', text});
	}
	await journal.catchUp(run, follower, 1);
	t.deepEqual(
		told.map(({sequence, event}) => [sequence, JSON.parse(event).text]),
		[
			[1, 'two'],
			[2, 'three'],
		],
	);
});
