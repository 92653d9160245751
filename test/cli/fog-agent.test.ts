/** `fpl broker --agent`: the fog machine is a device of its own fleet. */
import test from 'ava';
import {fpl} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

test('a broker with an agent of its own lists it, and ends together with it', async t => {
	const folder = await temporaryFolder(t);
	const broker = fpl(t, folder, 'broker', '--listen', 'mqtt://127.0.0.1:0', '--agent', 'fog-1');
	const [, url] = await broker.until(/listening on (\S+)/u);
	await broker.until(/"device":"fog-1".*a device joined/u);
	const devices = await fpl(t, folder, 'devices', '--broker', url!, '--format', 'json').finished;
	t.is(devices.status, 0, devices.stderr);
	t.regex(devices.stdout, /"fog-1"/u);
	broker.process.kill('SIGTERM');
	t.is((await broker.finished).status, 0);
});

test('a name that is none for an agent is refused before anything starts', async t => {
	const {status, stderr} = await fpl(t, await temporaryFolder(t), 'broker', '--agent', 'no name').finished;
	t.is(status, 12);
	t.regex(stderr, /expected a device id/u);
});
