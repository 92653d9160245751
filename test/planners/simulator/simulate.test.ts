import test from 'ava';
import fc from 'fast-check';
import {FplError} from '../../../core/errors.js';
import {seededRandom} from '../../../core/random.js';
import {simulate} from '../../../planners/simulator/simulate.js';
import {type RandomCase, randomCase} from '../../support/plans/random-costs.js';

const some = (seed: number, ...builders: Parameters<typeof randomCase>): readonly RandomCase[] =>
	fc.sample(randomCase(...builders), {numRuns: 12, seed});

test('a device computes one thing at a time', t => {
	for (const input of some(1)) {
		const {passes} = simulate({...input, mostSteps: 2});
		for (const device of new Set(passes.map(pass => pass.device))) {
			const own = passes.filter(pass => pass.device === device).sort((a, b) => a.from - b.from);
			t.true(own.every((pass, index) => index === 0 || pass.from >= own[index - 1]!.to - 1e-9));
		}
	}
});

test('every item goes forward and backward once through every stage', t => {
	for (const input of some(2, ['pipeline', 'parallel-split', 'u-shaped'])) {
		const {passes} = simulate({...input, mostSteps: 1});
		const last = input.plan.stages.length - 1;
		for (const {stage, replica, kind, micro} of passes) {
			const alike = passes.filter(pass => pass.stage === stage && pass.replica === replica && pass.micro === micro);
			t.deepEqual(alike.map(pass => pass.kind).sort(), stage === last ? ['learn'] : ['backward', 'forward']);
			t.is(kind === 'learn', stage === last);
		}
	}
});

test('a lone device that trains a whole model takes its passes, its update and the way of its weights', t => {
	const [input] = some(3, ['centralised']) as [RandomCase];
	const device = input.fleet.devices[0]!;
	const {stepSeconds, devices} = simulate({...input, mostSteps: 2});
	const compute = device.times.pass('learn', 0, input.costs.units.length - 1, input.training.batch);
	const {latencySeconds} = device.profile.link;
	t.true(stepSeconds > compute + 3 * latencySeconds);
	t.is(devices.length, 1);
	t.is(devices[0]!.role, 'stage 0');
});

test('without jitter steps are alike, with it they vary around the same mean, and the same seed gives the same run', t => {
	for (const input of some(4, ['pipeline', 'd-sgd']).slice(0, 4)) {
		const varied = {...input, training: {...input.training, epochs: 60}, mostSteps: 150};
		const plain = simulate({...varied, mostSteps: 12}).played;
		t.true(Math.max(...plain) < 1.05 * Math.min(...plain));
		const jitter = {computeNoise: 0.1, linkNoise: 0.1};
		const first = simulate({...varied, jitter, random: seededRandom(7)});
		const second = simulate({...varied, jitter, random: seededRandom(7)});
		t.deepEqual(first.played, second.played);
		t.true(Math.max(...first.played) > 1.01 * Math.min(...first.played));
		// The slowest of several ways is on average slower than each.
		t.true(first.stepSeconds > 0.95 * plain[0]! && first.stepSeconds < 1.35 * plain[0]!);
	}
});

test('the phases of every device fill the run', t => {
	for (const input of some(5)) {
		const {devices, seconds} = simulate({...input, mostSteps: 4});
		for (const {phases} of devices) {
			const sum = Object.values(phases).reduce((total, phase) => total + phase.seconds, 0);
			t.true(Math.abs(sum - seconds) <= 0.02 * seconds, `${sum} of ${seconds}`);
		}
	}
});

test('a plan for devices that are not there is refused by name', t => {
	const [input] = some(6, ['d-sgd']) as [RandomCase];
	const error = t.throws(() => simulate({...input, fleet: {...input.fleet, devices: []}}), {instanceOf: FplError});
	t.is(error?.code, 'PLAN_INVALID');
	t.regex(error?.message ?? '', /d0/u);
});
