/** Ending a run early, and going on with it: by Ctrl-C, and by stopping the broker. */
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {aBroker, aJob, anAgent, linesOf, submit} from '../support/daemons.js';
import {fpl, type RunningProcess} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

const runOf = ({output}: RunningProcess): string => /run --resume (\S+?)»/u.exec(output())![1]!;

const resume = (t: ExecutionContext, folder: string, url: string, run: string): RunningProcess =>
	fpl(t, folder, 'run', '--resume', run, '--broker', url, '--format', 'json');

test.serial('Ctrl-C stops a run, --resume goes on with it, and a finished run only tells its end', async t => {
	const folder = await temporaryFolder(t);
	const {url} = await aBroker(t, folder);
	anAgent(t, folder, url, 'dev-1');
	anAgent(t, folder, url, 'dev-2');
	const first = await submit(t, folder, url, aJob({training: {...aJob().training, epochs: 6}}));
	await first.until(/"kind":"round".*"round":[2-9]\d/u);
	first.process.kill('SIGINT');
	const stopped = await first.finished;
	t.is(stopped.status, 130, stopped.stderr);
	t.regex(stopped.stderr, /stopping the run/u);
	const run = runOf(first);

	const second = await resume(t, folder, url, run).finished;
	t.is(second.status, 0, second.stderr);
	const [planned] = linesOf(second.stdout).filter(({kind}) => kind === 'planned') as Array<{
		attempt?: number;
		resumedFrom?: number;
	}>;
	t.is(planned?.attempt, 2);
	t.true(planned!.resumedFrom! >= 20);
	const ledger = JSON.parse(second.stdout.slice(second.stdout.indexOf('\n{\n'))) as {
		ledger: {rounds: Array<{round: number}>; final: {state: string}};
	};
	t.is(ledger.ledger.final.state, 'done');
	t.deepEqual(
		ledger.ledger.rounds.map(({round}) => round),
		Array.from({length: 90}, (_, round) => round),
	);

	const third = await resume(t, folder, url, run).finished;
	t.is(third.status, 0, third.stderr);
	t.deepEqual(
		linesOf(third.stdout).map(({kind}) => kind),
		['ended'],
	);

	const unknown = await resume(t, folder, url, 'nothing').finished;
	t.is(unknown.status, 71);
	t.true(unknown.stderr.includes(run), 'the runs that there are should be named');
});

test.serial('Ctrl-C stops a run that still waits for devices or for another run', async t => {
	const folder = await temporaryFolder(t);
	const {url} = await aBroker(t, folder);
	const waiting = await submit(t, folder, url, aJob());
	await waiting.until(/"kind":"gathering"/u);
	const queued = await submit(t, folder, url, aJob());
	await queued.until(/waits for the end of/u);
	queued.process.kill('SIGINT');
	t.is((await queued.finished).status, 130);
	waiting.process.kill('SIGINT');
	const {status, stderr} = await waiting.finished;
	t.is(status, 130, stderr);
	t.regex(stderr, /INTERRUPTED.*--resume/su);
});

test.serial('a run that waited for devices when the broker was stopped waits again when it is back', async t => {
	const folder = await temporaryFolder(t);
	const {broker, url} = await aBroker(t, folder);
	const run = await submit(t, folder, url, aJob({training: {...aJob().training, epochs: 1}}));
	await run.until(/"kind":"gathering"/u);
	broker.process.kill('SIGTERM');
	t.is((await broker.finished).status, 0);
	// A run whose manifest is damaged does not keep the broker from starting.
	const damaged = path.join(folder, 'state', 'fpl', 'runs', 'damaged');
	await mkdir(damaged, {recursive: true});
	await writeFile(path.join(damaged, 'run.json'), '{"version":1');
	const {broker: next} = await aBroker(t, folder, url);
	anAgent(t, folder, url, 'dev-1');
	anAgent(t, folder, url, 'dev-2');
	const {status, stderr} = await run.finished;
	t.is(status, 0, stderr);
	t.regex(next.output(), /damaged\/run\.json: it is not a run manifest/u);
});
