import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {balancedCuts, mostStages, sourceCut, uCuts} from '../../../models/plans/default-cuts.js';
import {buildModel, zooNames} from '../../../models/zoo/zoo.js';

const models = zooNames.filter(name => name !== 'resnet50').map(name => buildModel(name, {seed: 1}));
const named = (name: string) => models.find(model => model.name === name)!;

/** Part of the forward FLOPs before a unit. */
function before(model: (typeof models)[number], cut: number): number {
	const costs = unitsOf(model).units.map(({cost}) => cost.flops);
	const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
	return sum(costs.slice(0, cut)) / sum(costs);
}

test('sources do at most 30 % of the work, where a cut allows it, and send as few elements as that leaves', t => {
	for (const model of models) {
		const {units, cuts} = unitsOf(model);
		const cut = sourceCut(model);
		const trains = (some: typeof units) => some.some(({parameters}) => parameters.length > 0);
		const light = cuts.filter(
			({before: at}) => before(model, at) <= 0.3 && trains(units.slice(0, at)) && trains(units.slice(at)),
		);
		t.true(trains(units.slice(0, cut)), model.name);
		if (light.length > 0) {
			t.is(cuts[cut - 1]!.elements, Math.min(...light.map(({elements}) => elements)), model.name);
			t.true(before(model, cut) <= 0.3, model.name);
		}
	}
	// After the first pooling; the first layer is the largest of an mlp, and nothing leaves before it.
	t.is(sourceCut(named('lenet5')), 3);
	t.is(sourceCut(named('mlp')), 2);
});

test('the ends of a U are light, and something is trained in all three parts', t => {
	for (const model of models.filter(({name}) => name !== 'gru')) {
		const {units} = unitsOf(model);
		const [first, last] = uCuts(model);
		t.true(first < last, model.name);
		for (const [start, end] of [
			[0, first],
			[first, last],
			[last, units.length],
		]) {
			t.true(
				units.slice(start, end).some(({parameters}) => parameters.length > 0),
				`${model.name}, ${start} to ${end}`,
			);
		}
		t.true(1 - before(model, last) <= 0.1 || model.name === 'mlp', model.name);
	}
});

/** The slowest stage of all ways to cut, by trying them. */
function bestOf(costs: readonly number[], trained: readonly boolean[], speeds: readonly number[]): number {
	const [speed, ...rest] = speeds;
	if (speed === undefined) {
		return costs.length === 0 ? 0 : Number.POSITIVE_INFINITY;
	}
	let best = Number.POSITIVE_INFINITY;
	for (let end = 1; end <= costs.length - rest.length; end++) {
		if (trained.slice(0, end).includes(true)) {
			const own = costs.slice(0, end).reduce((a, b) => a + b, 0) / speed;
			best = Math.min(best, Math.max(own, bestOf(costs.slice(end), trained.slice(end), rest)));
		}
	}
	return best;
}

test('a chain is as fast as the best of all ways to cut it, whatever the speeds', t => {
	for (const name of ['lenet5', 'sensor-cnn', 'mlp', 'tiny-transformer']) {
		const model = named(name);
		const {units} = unitsOf(model);
		const costs = units.map(({cost}) => cost.flops);
		const trained = units.map(({parameters}) => parameters.length > 0);
		for (const speeds of [[1], [1, 1], [1, 5], [3, 1, 1]]) {
			const bounds = [0, ...balancedCuts(model, speeds), units.length];
			t.is(bounds.length, speeds.length + 1);
			const times = speeds.map(
				(speed, stage) => costs.slice(bounds[stage], bounds[stage + 1]).reduce((a, b) => a + b, 0) / speed,
			);
			t.is(Math.max(...times), bestOf(costs, trained, speeds), `${name} ${speeds.join(', ')}`);
		}
	}
});

test('a model can be cut into as many stages as it has layers apart, and not into more', t => {
	t.is(mostStages(named('lenet5')), 5);
	t.is(mostStages(named('gru')), 2);
	t.is(balancedCuts(named('lenet5'), [1, 1, 1, 1, 1]).length, 4);
	const error = t.throws(() => balancedCuts(named('lenet5'), [1, 1, 1, 1, 1, 1]));
	t.true(isFplError(error, 'PLAN_INFEASIBLE'));
	t.regex(error!.message, /into 6 stages, got one for at most 5/u);
});
