/** Mosquitto as the broker: real processes, and `kill -9` of an agent, of the coordinator, and of Mosquitto itself. */
import test, {type ExecutionContext} from 'ava';
import {aCoordinator, aJob, anAgent, type Line, linesOf, submit} from '../support/daemons.js';
import {mosquitto, noMosquitto, startMosquitto} from '../support/mosquitto.js';
import {fpl} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

async function aMosquitto(t: ExecutionContext, port?: number) {
	const broker = await startMosquitto(port);
	t.teardown(broker.kill);
	return broker;
}

if (mosquitto) {
	test.serial(
		'a run survives kill -9 of an agent, then of Mosquitto, which forgets everything it retained',
		async t => {
			const folder = await temporaryFolder(t);
			const broker = await aMosquitto(t);
			await aCoordinator(t, folder, broker.url);
			const first = anAgent(t, folder, broker.url, 'dev-1');
			const victim = anAgent(t, folder, broker.url, 'dev-2');
			const run = await submit(t, folder, broker.url, aJob({training: {...aJob().training, batch: 120, epochs: 45}}));
			await run.until(/"kind":"round".*"round":[2-9]\d/u);
			await victim.kill();
			await run.until(/"text":"left","device":"dev-2"|"device":"dev-2","text":"left"/u);
			const second = anAgent(t, folder, broker.url, 'dev-2');
			await run.until(/"text":"left".*"kind":"round".*"devices":\["dev-1","dev-2"\]/su);
			await broker.kill();
			await aMosquitto(t, broker.port);
			const {status, stdout, stderr} = await run.finished;
			t.is(status, 0, stderr);
			t.is(linesOf(stdout).at(-1)?.state, 'done');
			const {ledger} = JSON.parse(stdout.slice(stdout.indexOf('\n{\n'))) as {
				ledger: {rounds: Array<{round: number; devices: readonly string[]}>};
			};
			// Each round once, in order, and none left out.
			t.deepEqual(
				ledger.rounds.map(({round}) => round),
				Array.from({length: 225}, (_, round) => round),
			);
			t.true(ledger.rounds.some(({devices}) => devices.length === 1));
			t.deepEqual(ledger.rounds.at(-1)?.devices, ['dev-1', 'dev-2']);
			t.deepEqual([first.process.exitCode, second.process.exitCode], [null, null]);
			const devices = await fpl(t, folder, 'devices', '--broker', broker.url, '--format', 'json').finished;
			t.deepEqual(
				(JSON.parse(devices.stdout) as Array<{device: string}>).map(({device}) => device),
				['dev-1', 'dev-2'],
			);
		},
	);

	test.serial(
		'a run survives kill -9 of the coordinator on Mosquitto, and goes on from its last checkpoint',
		async t => {
			const folder = await temporaryFolder(t);
			const {url} = await aMosquitto(t);
			const coordinator = await aCoordinator(t, folder, url);
			anAgent(t, folder, url, 'dev-1');
			anAgent(t, folder, url, 'dev-2');
			const run = await submit(t, folder, url, aJob({training: {...aJob().training, batch: 120, epochs: 12}}));
			await run.until(/"kind":"round".*"round":[2-9]\d/u);
			await run.until(/"kind":"checkpoint"/u);
			await coordinator.kill();
			await aCoordinator(t, folder, url);
			const {status, stdout, stderr} = await run.finished;
			t.is(status, 0, stderr);
			const lines = linesOf(stdout);
			const planned = lines.filter(({kind}) => kind === 'planned') as Array<Line & {resumedFrom?: number}>;
			t.is(planned.length, 2);
			t.true(planned[1]!.resumedFrom! > 0);
			t.is(lines.filter(({kind}) => kind === 'round').at(-1)?.record?.round, 59);
			t.is(lines.at(-1)?.state, 'done');
		},
	);
} else {
	test('runs over Mosquitto are not tested here', t => {
		t.log(noMosquitto);
		t.pass();
	});
}
