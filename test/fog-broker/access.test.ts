import test from 'ava';
import {deviceId, runId} from '../../core/ids.js';
import {coordinatorId, createTopics} from '../../core/wire/topics.js';
import {refuseConnection, refusePublish} from '../../fog-broker/access.js';

const topics = createTopics();
const [cam, other] = [deviceId('cam-1'), deviceId('cam-2')];
const publish = (party: typeof cam | undefined, topic: string, more = {}) =>
	refusePublish(topics, party, {topic, retain: false, bytes: 10, ...more});

test('a party publishes under its own name only', t => {
	for (const topic of [
		topics.of(cam, 'birth'),
		topics.of(cam, 'death'),
		topics.of(cam, 'telemetry'),
		topics.between('control', cam, coordinatorId),
		topics.between('tensor', cam, other),
		topics.between('probe', cam, cam),
	]) {
		t.is(publish(cam, topic), undefined, topic);
		t.truthy(publish(other, topic), topic);
		t.truthy(publish(undefined, topic), topic);
	}
	t.truthy(publish(cam, topics.events(runId('r'))));
	t.is(publish(coordinatorId, topics.events(runId('r'))), undefined);
	t.truthy(publish(cam, 'fpl/devices/cam-1/other'));
	t.truthy(publish(cam, 'fpl'));
	t.truthy(publish(undefined, '$SYS/x'));
});

test('other software may use the broker outside the namespace, parties may not', t => {
	t.is(publish(undefined, 'tele/plug-1/SENSOR', {retain: true}), undefined);
	t.truthy(publish(cam, 'tele/plug-1/SENSOR'));
	t.truthy(publish(undefined, 'tele/plug-1/SENSOR', {retain: true, bytes: 1e6}));
});

test('within the namespace only births and deaths are retained', t => {
	t.is(publish(cam, topics.of(cam, 'birth'), {retain: true}), undefined);
	t.truthy(publish(cam, topics.between('tensor', cam, other), {retain: true}));
});

test('nobody but the coordinator reads what others send each other', t => {
	const inbox = topics.inbox('tensor', cam);
	t.true(topics.maySubscribe(cam, inbox));
	t.false(topics.maySubscribe(other, inbox));
	for (const filter of ['#', '+/tensor/+/cam-1', 'fpl/#', 'fpl/tensor/#', 'fpl/+/+/cam-1', 'fpl/tensor/+/+', 'fpl']) {
		t.false(topics.maySubscribe(other, filter), filter);
		t.false(topics.maySubscribe(undefined, filter), filter);
		t.true(topics.maySubscribe(coordinatorId, filter), filter);
	}
	for (const filter of [topics.ofAll('birth'), topics.events(runId('r')), 'tele/plug-1/#', '$SYS/#']) {
		t.true(topics.maySubscribe(other, filter), filter);
	}
	t.true(topics.maySubscribe(undefined, 'tele/#'));
	t.false(topics.maySubscribe(undefined, topics.ofAll('birth')));
});

test('client ids name their party, with hyphens in names and namespaces', t => {
	const plants = createTopics('plant-7');
	for (const [space, party] of [
		[topics, cam],
		[plants, deviceId('a-b-c')],
	] as const) {
		t.is(space.partyOf(space.clientId(party, 'x-1')), party);
	}
	t.is(topics.partyOf('plant-7-a-b-c-x1'), undefined);
	t.is(topics.partyOf('fpl-'), undefined);
	t.is(topics.partyOf('fpl--x'), undefined);
	t.is(topics.partyOf('fpl-a b-x'), undefined);
	t.is(topics.partyOf('mosquitto_sub'), undefined);
});

test('topics are parsed into what they were made of, and nothing else is', t => {
	t.deepEqual(topics.parse(topics.of(cam, 'birth')), {kind: 'birth', device: cam});
	t.deepEqual(topics.parse(topics.between('control', cam, other)), {kind: 'control', from: cam, to: other});
	t.deepEqual(topics.parse(topics.events(runId('r'))), {kind: 'events', run: runId('r')});
	for (const topic of [
		'',
		'fpl',
		'fpl/',
		'fpl/devices/cam-1',
		'fpl/devices//birth',
		'fpl/control/a/b/c',
		'x/control/a/b',
	]) {
		t.is(topics.parse(topic), undefined, topic);
	}
});

test('a bad namespace is refused', t => {
	t.throws(() => createTopics('a/b'), {message: /namespace/u});
});

const rules = {topics, remoteCoordinator: false};
const visitor = (clientId: string, more = {}) => ({clientId, inside: false, ...more});

test('the coordinator comes from within unless it is allowed otherwise', t => {
	const id = topics.clientId(coordinatorId, 'x');
	t.is(refuseConnection(rules, visitor(id))?.code, 5);
	t.is(refuseConnection(rules, visitor(id, {inside: true})), undefined);
	t.is(refuseConnection({...rules, remoteCoordinator: true}, visitor(id)), undefined);
});

test('with credentials everybody from outside needs one, and a bound one fits its device only', t => {
	const secured = {
		...rules,
		credentials: [
			{username: 'fleet', password: 'secret'},
			{username: 'cam-1', password: 'own', device: cam},
		],
	};
	const password = (text: string) => ({password: Buffer.from(text)});
	const mine = topics.clientId(cam, 'x');
	t.is(refuseConnection(secured, visitor(mine))?.code, 4);
	t.is(refuseConnection(secured, visitor(mine, {username: 'fleet', ...password('wrong!')}))?.code, 4);
	t.is(refuseConnection(secured, visitor(mine, {username: 'fleet', ...password('secret')})), undefined);
	t.is(refuseConnection(secured, visitor(mine, {username: 'cam-1', ...password('own')})), undefined);
	const stolen = visitor(topics.clientId(other, 'x'), {username: 'cam-1', ...password('own')});
	t.is(refuseConnection(secured, stolen)?.code, 5);
	t.is(refuseConnection(secured, visitor('anything', {inside: true})), undefined);
});
