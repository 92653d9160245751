import test from 'ava';
import {deviceId} from '../../../core/ids.js';
import {createTopics} from '../../../core/wire/topics.js';
import {Routes} from '../../../fog-broker/express/routes.js';

const topics = createTopics();
const cam = deviceId('cam-1');
const inbox = topics.inbox('tensor', cam);

test('whoever alone subscribes to an inbox gets what is sent there', t => {
	const routes = new Routes<{name: string}>(topics);
	const client = {name: 'a'};
	t.is(routes.onlyReceiver(cam), undefined);
	routes.add(client, inbox);
	routes.add(client, inbox);
	routes.add(client, topics.inbox('control', cam));
	t.is(routes.onlyReceiver(cam), client);
	t.is(routes.onlyReceiver(deviceId('cam-2')), undefined);
	routes.remove(client, inbox);
	t.is(routes.onlyReceiver(cam), undefined);
});

test('nobody is alone while there are two, until one is gone', t => {
	const routes = new Routes<{name: string}>(topics);
	const [old, young] = [{name: 'old'}, {name: 'young'}];
	routes.add(old, inbox);
	routes.add(young, inbox);
	t.is(routes.onlyReceiver(cam), undefined);
	routes.drop(old);
	t.is(routes.onlyReceiver(cam), young);
});

test('nobody is alone while another filter lets tensors through', t => {
	for (const filter of ['#', 'fpl/#', '+/tensor/#', 'fpl/+/cam-2/cam-1', 'fpl/tensor/cam-2/cam-1', 'fpl/tensor/+/+']) {
		const routes = new Routes<{name: string}>(topics);
		const [client, curious] = [{name: 'a'}, {name: 'b'}];
		routes.add(client, inbox);
		routes.add(curious, filter);
		t.is(routes.onlyReceiver(cam), undefined, filter);
		routes.remove(curious, filter);
		t.is(routes.onlyReceiver(cam), client, filter);
	}
});

test('filters that let no tensors through do not matter', t => {
	for (const filter of ['fpl', 'fpl/control/+/cam-1', 'fpl/devices/#', 'other/tensor/+/cam-1', '$SYS/#']) {
		const routes = new Routes<{name: string}>(topics);
		const client = {name: 'a'};
		routes.add(client, inbox);
		routes.add({name: 'b'}, filter);
		t.is(routes.onlyReceiver(cam), client, filter);
	}
});
