import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {viewsSchema} from '../../../core/plan/views.js';
import {openDataset} from '../../../models/datasets/open.js';
import {take} from '../../../models/datasets/subset.js';
import {views} from '../../../models/datasets/views.js';
import {alignViews, viewsOf} from '../../../models/junction/data.js';
import {joinBranches} from '../../../models/junction/join.js';
import {buildModel} from '../../../models/zoo/zoo.js';

const branches = ['bearing', 'gear', 'shaft', 'frame'];
const model = joinBranches(buildModel('sensor-cnn', {seed: 1, input: [1, 256], width: 0.25}), {
	cut: 3,
	branches,
	junction: 'mean',
});

test('each branch is fed with its own sensor, and all with the same items', async t => {
	const {train} = await openDataset({kind: 'vibration', train: 20, test: 1}, {environment: {}});
	const sensors = views(train, {kind: 'channels'});
	const aligned = alignViews(viewsOf(branches, sensors), model);
	const {inputs, targets} = aligned.batch([3, 11]);
	t.deepEqual(
		Object.keys(inputs),
		branches.map(branch => `input@${branch}`),
	);
	t.deepEqual(targets, train.batch([3, 11]).targets);
	for (const [index, branch] of branches.entries()) {
		t.deepEqual(inputs[`input@${branch}`], sensors[index]!.batch([3, 11]).inputs['input']);
	}
});

test('a model that lost a branch takes the views that are left', async t => {
	const {train} = await openDataset({kind: 'vibration', train: 20, test: 1}, {environment: {}});
	const all = viewsOf(branches, views(train, {kind: 'channels'}));
	const left = joinBranches(buildModel('sensor-cnn', {seed: 1, input: [1, 256]}), {
		cut: 3,
		branches: ['shaft', 'bearing'],
		junction: 'scalar',
	});
	const {inputs} = alignViews(all, left).batch([0]);
	t.deepEqual(Object.keys(inputs), ['input@shaft', 'input@bearing']);
	t.deepEqual(inputs['input@shaft'], all.get('shaft')!.batch([0]).inputs['input']);
});

test('views that are missing, too many, too short, in another order or of another shape are refused', async t => {
	const {train} = await openDataset({kind: 'vibration', train: 20, test: 1}, {environment: {}});
	const sensors = views(train, {kind: 'channels'});
	const given = (change: (index: number) => (typeof sensors)[number]) => () =>
		alignViews(
			viewsOf(
				branches,
				sensors.map((_, index) => change(index)),
			),
			model,
		);
	const shuffled = views(
		(await openDataset({kind: 'vibration', seed: 5, train: 20, test: 1}, {environment: {}})).train,
		{
			kind: 'channels',
		},
	);
	for (const [attempt, message] of [
		[() => viewsOf(branches, sensors.slice(1)), /one for each of the 4 branches/u],
		[() => alignViews(new Map(), model), /bearing.*no view/u],
		[given(index => (index === 2 ? take(sensors[2]!, 19) : sensors[index]!)), /same items.*20 items, got 19/u],
		[given(index => (index === 1 ? shuffled[1]! : sensors[index]!)), /same items.*different classes/u],
		[given(index => (index === 3 ? train : sensors[index]!)), /input@frame.*\[N, 1, 256\]/u],
	] as const) {
		const error = t.throws(attempt);
		t.true(isFplError(error, 'DATA_SHAPE'), String(error));
		t.regex(error.message, message);
	}
});

test('a job document asks for views by their kind', t => {
	t.deepEqual(viewsSchema.parse({kind: 'tiles', rows: 2, columns: 2}), {
		kind: 'tiles',
		rows: 2,
		columns: 2,
		overlap: 0,
	});
	for (const wrong of [
		{kind: 'rows'},
		{kind: 'channels', rows: 2},
		{kind: 'tiles', rows: 0, columns: 2},
		{kind: 'tiles', rows: 2, columns: 2, overlap: 1},
		{kind: 'columns', groups: [[]]},
	]) {
		t.false(viewsSchema.safeParse(wrong).success);
	}
});

test('pictures are seen by four corners, tables by their columns', async t => {
	const {train} = await openDataset({kind: 'digits', train: 5, test: 1}, {environment: {}});
	const corners = views(train, {kind: 'tiles', rows: 2, columns: 2, overlap: 0.4});
	t.deepEqual(
		corners.map(({features}) => features[0]!.shape),
		branches.map(() => [1, 20, 20]),
	);
	const digits = joinBranches(buildModel('lenet5', {seed: 1, input: [1, 20, 20]}), {
		cut: 3,
		branches,
		junction: 'concat',
	});
	t.is(alignViews(viewsOf(branches, corners), digits).batch([1, 2]).inputs['input@gear']!.shape[0], 2);
});
