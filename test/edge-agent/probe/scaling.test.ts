import test from 'ava';
import {systemClock} from '../../../core/clock.js';
import {opClasses} from '../../../core/profile/profile.js';
import {fewerThreads, measureScaling} from '../../../edge-agent/probe/scaling.js';
import type {Engine} from '../../../models/engines/engine.js';
import {onnxruntimeEngine} from '../../../models/engines/onnxruntime/engine.js';

test('numbers of threads double up to the cores', t => {
	t.deepEqual(fewerThreads(1), []);
	t.deepEqual(fewerThreads(2), [1]);
	t.deepEqual(fewerThreads(4), [1, 2]);
	t.deepEqual(fewerThreads(6), [1, 2, 4]);
	t.deepEqual(fewerThreads(8), [1, 2, 4]);
});

test('each number of threads is measured on an engine of its own, which is closed', async t => {
	const engines: Engine[] = [];
	const start = async (threads: number) => {
		const engine = await onnxruntimeEngine({threads});
		engines.push(engine);
		return engine;
	};
	const scaling = await measureScaling({cores: 2, start, seconds: 0.3, clock: systemClock});
	t.deepEqual(
		scaling.map(({threads}) => threads),
		[1],
	);
	t.true(opClasses.every(op => scaling[0]!.speeds[op] > 1e7));
	t.is(engines.length, 1);
	t.regex(engines[0]!.description, /1 thread$/u);
	await t.throwsAsync(engines[0]!.predictor({} as never), {code: 'WIRE_CLOSED'});
});
