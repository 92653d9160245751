import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {engineNames} from '../../../models/engines/engine.js';
import {probeEngines, startEngine} from '../../../models/engines/index.js';

test('auto starts the first engine that works', async t => {
	const engine = await startEngine('auto', {threads: 1});
	t.is(engine.name, 'onnxruntime');
	t.regex(engine.description, /^onnxruntime-node \d+\.\d+\.\d+, 1 thread$/u);
	await engine.close();
});

test('an engine can be asked for by name', async t => {
	const engine = await startEngine('tfjs', {threads: 1});
	t.is(engine.name, 'tfjs');
	await engine.close();
});

test('auto does not hide a mistake in the options', async t => {
	t.true(isFplError(await t.throwsAsync(startEngine('auto', {threads: 0})), 'CONFIG_VALUE'));
});

test('every engine is probed, and says what it is or why it does not work', async t => {
	const reports = await probeEngines();
	t.deepEqual(
		reports.map(({name}) => name),
		[...engineNames],
	);
	for (const report of reports) {
		t.true((report.available ? report.description : report.reason).length > 0);
	}
});
