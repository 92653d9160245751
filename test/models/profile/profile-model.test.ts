import test from 'ava';
import {systemClock} from '../../../core/clock.js';
import {secondsOf} from '../../../core/profile/unit-times.js';
import type {EngineName} from '../../../models/engines/engine.js';
import {startEngine} from '../../../models/engines/index.js';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {type ProfileOptions, profileModel} from '../../../models/profile/profile-model.js';
import {buildModel} from '../../../models/zoo/zoo.js';

async function profiled(
	t: import('ava').ExecutionContext,
	name: Parameters<typeof buildModel>[0],
	changes: Partial<Omit<ProfileOptions, 'engine'>> & {engine?: EngineName} = {},
) {
	const {engine: engineName = 'onnxruntime', ...rest} = changes;
	const engine = await startEngine(engineName, {threads: 1});
	t.teardown(() => engine.close());
	const model = buildModel(name, {seed: 1});
	const options = {threads: 1, batch: [2, 8], maxCrossing: 1, seconds: 1, clock: systemClock, ...rest};
	return {model, result: await profileModel(model, {...options, engine})};
}

test.serial('every unit of a model has its times, and the heavy ones are those with much to compute', async t => {
	const {model, result} = await profiled(t, 'lenet5');
	const {units} = unitsOf(model);
	t.deepEqual(
		result.times.units.map(({label}) => label),
		units.map(({label}) => label),
	);
	for (const {label, forward, backward, update} of result.times.units) {
		for (const value of [forward.fixed, forward.perItem, backward.fixed, backward.perItem, update]) {
			t.true(Number.isFinite(value) && value >= 0 && value < 1, `${label}: ${value}`);
		}
	}
	const backward = (label: string) => secondsOf(result.times.units.find(unit => unit.label === label)!.backward, 8);
	t.true(backward('conv1') > 3 * backward('flatten'));
	t.true(backward('conv2') > 3 * backward('fc3'));
	t.true(result.times.units.find(({label}) => label === 'relu')!.update === 0);
	const {forward} = result.times.overhead;
	t.true(forward.perPass > 0 && forward.perPass < 0.1);
});

test.serial('parts of the model are measured again, and together they are the model', async t => {
	const {model, result} = await profiled(t, 'mlp');
	t.is(result.checks[0]!.units[0], 0);
	t.is(result.checks.at(-1)!.units[1], unitsOf(model).units.length - 1);
	for (const {items, forward, backward} of result.checks) {
		t.true([2, 8].includes(items));
		t.true(forward.predicted > 0 && forward.measured > 0 && backward.predicted > 0 && backward.measured > 0);
	}
});

test.serial('a model with tokens, dropout and attention can be measured', async t => {
	const {result} = await profiled(t, 'tiny-transformer', {batch: [2]});
	t.true(result.times.units.every(({forward}) => forward.fixed + forward.perItem >= 0));
});

test.serial('an engine without a profiler has its units timed one by one', async t => {
	const {model, result} = await profiled(t, 'mlp', {engine: 'tfjs', batch: [2], seconds: 0.5});
	t.is(result.times.units.length, unitsOf(model).units.length);
	t.true(result.times.units.some(({backward}) => backward.perItem > 0));
});

test.serial('it ends when it is told to', async t => {
	const abort = new AbortController();
	abort.abort();
	await t.throwsAsync(profiled(t, 'mlp', {signal: abort.signal}), {code: 'INTERRUPTED'});
});
