import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import protobuf from 'protobufjs';
import {kinds, maxChunkBytes, maxJsonLength, maxMessageBytes} from '../../../core/wire/bodies.js';
import {defaultLimits} from '../../../core/wire/link/incoming.js';
import {defaultPacing} from '../../../core/wire/link/pacing.js';
import {maxSpan} from '../../../core/wire/link/schedule.js';
import {descriptor} from '../../../core/wire/messages_pb.js';
import {coordinatorId, createTopics} from '../../../core/wire/topics.js';

const doc = readFileSync(path.resolve(import.meta.dirname, '../../../../docs/protocol.md'), 'utf8');
const envelope = protobuf.Root.fromJSON(descriptor).lookupType('fpl.Envelope');
/** Numbers as the page writes them: thousands apart. */
const written = (value: number) => String(value).replace(/\B(?=(\d{3})+$)/gu, ' ');

test('the page lists every kind of message with its field number, and no other', t => {
	const rows = [...doc.matchAll(/^\| `(\w+)` \| (\d+) \|/gmu)].map(([, kind, field]) => [kind, Number(field)]);
	t.deepEqual(
		rows,
		kinds.map(kind => [kind, envelope.fields[kind]!.id]),
	);
});

test('every body of the schema has a kind', t => {
	t.deepEqual(envelope.oneofs['body']!.oneof.toSorted(), kinds.map(kind => kind).toSorted());
});

test('the page names the topics as they are made', t => {
	const topics = createTopics();
	for (const [name] of doc.matchAll(/`fpl\/[^`+…]*`/gu)) {
		const topic = name.slice(1, -1).replaceAll(/<\w+>/gu, 'x');
		t.truthy(topics.parse(topic), topic);
	}
	t.true(doc.includes(`always called \`${coordinatorId}\``));
});

test('the page has the limits of the code', t => {
	for (const value of [
		maxMessageBytes,
		maxJsonLength,
		maxChunkBytes,
		maxMessageBytes + 1024,
		defaultLimits.maxChunks,
	]) {
		t.true(doc.includes(written(value)), written(value));
	}
	t.is(defaultLimits.maxBytes, 8 * 1024 ** 3);
	t.true(doc.includes(`| ${defaultLimits.maxTransfers}, of one sender ${defaultLimits.maxTransfersPerSender} |`));
	t.true(
		doc.includes(
			`begins with ${defaultPacing.firstWindow}, adds one per acknowledged chunk up to\n   ${defaultPacing.maxWindow}`,
		),
	);
	t.true(doc.includes(`bitmap of what has come beyond (${maxSpan} chunks at most)`));
});
