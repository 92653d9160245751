/** `fpl report` on what lies in the state folder, whole or damaged. */
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {aLedger} from '../support/a-ledger.js';
import {aPrediction, measuredOf} from '../support/predictions/a-prediction.js';
import {fpl} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

test.serial('a damaged ledger is refused with its run, a damaged prediction is left out and told', async t => {
	const state = await temporaryFolder(t);
	const keep = async (run: string, files: Readonly<Record<string, string>>) => {
		const folder = path.join(state, 'runs', run);
		await mkdir(folder, {recursive: true});
		for (const [name, text] of Object.entries(files)) {
			await writeFile(path.join(folder, name), text);
		}
	};
	const report = (...args: readonly string[]) => fpl(t, state, 'report', ...args, '--state', state).finished;
	const ledger = JSON.stringify(aLedger());
	await keep('cut', {'ledger.json': ledger.slice(0, 1000)});
	await keep('negative', {'ledger.json': ledger.replace(/"seconds":[\d.]+/u, '"seconds":-1')});
	const prediction = aPrediction();
	const measured = JSON.stringify(measuredOf(prediction));
	await keep('both', {'ledger.json': measured, 'prediction.json': JSON.stringify(prediction)});
	await keep('half', {'ledger.json': measured, 'prediction.json': JSON.stringify(prediction).slice(0, 500)});

	const cut = await report('cut');
	t.is(cut.status, 12);
	t.regex(cut.stderr, /CONFIG_VALUE.*ledger of «cut»: it is no whole JSON/u);
	const negative = await report('negative');
	t.is(negative.status, 12);
	t.regex(negative.stderr, /CONFIG_VALUE.*ledger of «negative», .*at least 0, got -1/u);
	const both = await report('both');
	t.is(both.status, 0, both.stderr);
	t.regex(both.stdout, /Predicted against measured/u);
	const half = await report('half');
	t.is(half.status, 0, half.stderr);
	t.regex(half.stdout, /Time +compute/u);
	t.notRegex(half.stdout, /Predicted against measured/u);
	t.regex(half.stderr, /without what was predicted.*prediction\.json: it is no whole JSON/u);
});
