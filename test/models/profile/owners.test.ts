import test from 'ava';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {Owners} from '../../../models/profile/owners.js';
import {sharesOf} from '../../../models/profile/shares.js';
import {nodeTimes} from '../../../models/profile/trace.js';
import {buildModel} from '../../../models/zoo/zoo.js';

const model = buildModel('lenet5', {seed: 1});
const {units} = unitsOf(model);
const owners = new Owners(model.graph, units);
const unitOf = (node: string) => {
	const index = owners.of(node);
	return index === undefined ? undefined : units[index]!.label;
};

test('nodes that compilers and the runtime make belong to the unit of the node they stand for', t => {
	t.is(unitOf('conv1'), 'conv1');
	t.is(unitOf('fused fc1'), 'fc1');
	t.is(unitOf('grad/fc3/MatMul_0'), 'fc3');
	t.is(unitOf('blocked/grad/conv2/ConvTranspose_26/Gather_3'), 'conv2');
	t.is(unitOf('blocked/plain relu2.out'), 'relu 2');
	t.is(unitOf('grad/pool2/MaxUnpool_23/ScatterElements_4'), 'maxpool 2');
});

test('nodes of nobody belong to no unit', t => {
	t.is(unitOf('fpl/stop'), undefined);
	t.is(unitOf('conv11'), undefined);
	t.is(unitOf('grad/'), undefined);
	t.is(unitOf(''), undefined);
});

test("the runtime's profile tells each node's shortest run, the first one left out", t => {
	const event = (name: string, dur: unknown) => ({cat: 'Node', name: `${name}_kernel_time`, dur, ph: 'X'});
	const text = JSON.stringify([
		{cat: 'Session', name: 'model_run', dur: 900},
		event('conv1', 5),
		event('fc1', 7),
		event('conv1', 30),
		event('fc1', 9),
		event('conv1', 20),
		event('odd', 'long'),
		event('odd', -1),
	]);
	t.deepEqual(nodeTimes(text, 'here'), [
		{node: 'conv1', seconds: 20e-6},
		{node: 'fc1', seconds: 9e-6},
	]);
	t.throws(() => nodeTimes('[{]', 'here'), {code: 'ENGINE_FAILED', message: /here.*no JSON/u});
	t.throws(() => nodeTimes('{}', 'here'), {code: 'ENGINE_FAILED', message: /no list/u});
});

test('units share a whole pass: what the profiler adds to short nodes is taken off them', t => {
	const nodes = [
		{node: 'fc1', seconds: 103e-6},
		{node: 'fpl/broadcast/Reshape_1', seconds: 4e-6},
		{node: 'fc2', seconds: 3e-6},
		{node: 'fpl/stop', seconds: 3e-6},
	];
	const at = (label: string) => units.findIndex(unit => unit.label === label);
	const nothing = units.map(() => 0);
	const taxed = sharesOf(nodes, owners, nothing, 105e-6);
	t.true(Math.abs(taxed.stretch - 1) < 1e-6);
	t.true(Math.abs(taxed.units.reduce((sum, time) => sum + time, 0) - 105e-6) < 1e-9);
	t.true(Math.abs(taxed.units[at('fc1')]! - 101e-6) < 1e-6);
	t.true(taxed.units[at('fc2')]! > 2e-6 && taxed.units[at('fc2')]! < 5e-6);

	const busy = sharesOf(nodes, owners, nothing, 226e-6);
	t.true(Math.abs(busy.stretch - 2) < 1e-6);
	t.true(Math.abs(busy.units[at('fc1')]! - 206e-6) < 1e-9);

	const masks = units.map((_, unit) => (unit === at('conv1') ? 50e-6 : 0));
	t.true(Math.abs(sharesOf(nodes, owners, masks, 163e-6).units[at('conv1')]! - 50e-6) < 1e-9);
});
