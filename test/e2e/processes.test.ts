/** Real processes, real sockets, and `kill -9` in the middle of a run. */
import path from 'node:path';
import test from 'ava';
import {aBroker, aJob, anAgent, type Line, linesOf, submit} from '../support/daemons.js';
import {fpl} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

test.serial(
	'a run survives kill -9 of an agent, then of the broker; what it learned is exported and reported',
	async t => {
		const folder = await temporaryFolder(t);
		const {broker, url} = await aBroker(t, folder);
		anAgent(t, folder, url, 'dev-1');
		const victim = anAgent(t, folder, url, 'dev-2');
		const run = await submit(t, folder, url, aJob({training: {...aJob().training, batch: 120, epochs: 45}}));
		await run.until(/"kind":"round".*"round":[2-9]\d/u);
		await victim.kill();
		await run.until(/"text":"left","device":"dev-2"|"device":"dev-2","text":"left"/u);
		anAgent(t, folder, url, 'dev-2');
		await run.until(/"text":"left".*"kind":"round".*"devices":\["dev-1","dev-2"\]/su);
		await run.until(/"kind":"checkpoint"/u);
		t.log(`back before round ${linesOf(run.output()).findLast(({kind}) => kind === 'round')!.record!.round}`);
		await broker.kill();
		await aBroker(t, folder, url);
		const {status, stdout, stderr} = await run.finished;
		t.is(status, 0, stderr);
		const lines = linesOf(stdout);
		const rounds = lines.filter(({kind}) => kind === 'round');
		t.true(rounds.some(({record}) => record!.devices.length === 1));
		t.deepEqual(rounds.at(-1)?.record?.devices, ['dev-1', 'dev-2']);
		t.is(rounds.at(-1)?.record?.round, 224);
		// It goes on from its last checkpoint, and the client sees its end.
		const planned = lines.filter(({kind}) => kind === 'planned') as Array<
			Line & {attempt: number; resumedFrom?: number}
		>;
		t.deepEqual(
			planned.map(({attempt}) => attempt),
			[1, 2],
		);
		t.true(planned[1]!.resumedFrom! > 0);
		t.is(lines.at(-1)?.state, 'done');
		const [, name] = /"run": "([^"]+)"/u.exec(run.output())!;
		const model = path.join(folder, 'model.onnx');
		t.is((await fpl(t, folder, 'export', name!, model).finished).status, 0);
		for (const [format, pattern] of [
			['text', /parameter server/u],
			['json', /"kind": "measured"/u],
			['csv', /^run,/mu],
			['html', /<svg/u],
		] as const) {
			const report = await fpl(t, folder, 'report', name!, '--format', format).finished;
			t.is(report.status, 0, report.stderr);
			t.regex(report.stdout, pattern);
		}
		const devices = await fpl(t, folder, 'devices', '--broker', url, '--format', 'json').finished;
		t.deepEqual(
			(JSON.parse(devices.stdout) as Array<{device: string; emulated: boolean}>).map(({device, emulated}) => [
				device,
				emulated,
			]),
			[
				['dev-1', true],
				['dev-2', true],
			],
		);
	},
);

test.serial('a second agent with the same id is refused with a clear error; the first one stays', async t => {
	const folder = await temporaryFolder(t);
	const other = await temporaryFolder(t);
	const {url} = await aBroker(t, folder);
	const first = anAgent(t, folder, url, 'dev-1');
	await first.until(/joined the fleet/u);
	const {status, stderr} = await anAgent(t, other, url, 'dev-1').finished;
	t.is(status, 56);
	t.regex(stderr, /ID_TAKEN/u);
	t.is(first.process.exitCode, null);
});
