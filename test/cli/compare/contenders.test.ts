import test from 'ava';
import {castOf, castText} from '../../../cli/compare/cast.js';
import {defaultSchemes, documentFor, fairness, parseSchemes, seedsOf} from '../../../cli/compare/contenders.js';
import {isFplError} from '../../../core/errors.js';
import type {JobDocument} from '../../../core/plan/job.js';
import {libraryProfile} from '../../../core/profile/library.js';
import {buildModel} from '../../../models/zoo/zoo.js';
import {parseJob} from '../../support/one-machine.js';

const aligned: JobDocument = {
	version: 1,
	model: 'sensor-cnn',
	data: {dataset: 'vibration', views: {kind: 'channels'}},
	training: {epochs: 2, seed: 5},
	scheme: {kind: 'fpl-aligned', junction: 'concat', cuts: 10},
};
const apart: JobDocument = {version: 1, model: 'lenet5', data: {dataset: 'digits'}};
const central = {privacy: {rawData: 'may-move'}} as const;

test('the data say which form of flexible parallel learning is compared', t => {
	t.is(defaultSchemes(parseJob(aligned))[0], 'fpl-aligned');
	t.is(defaultSchemes(parseJob(apart))[0], 'fpl-stacked');
});

test('centralised training is compared only where raw data may move', t => {
	t.false(defaultSchemes(parseJob(apart)).includes('centralised'));
	t.true(defaultSchemes(parseJob({...apart, ...central})).includes('centralised'));
});

test('where labels stay, only schemes that keep them are compared', t => {
	const stay: JobDocument = {...apart, privacy: {labels: 'stay'}};
	t.deepEqual(defaultSchemes(parseJob(stay)), ['u-shaped', 'fedavg', 'd-sgd']);
	for (const kind of defaultSchemes(parseJob(stay))) {
		t.notThrows(() => parseJob(documentFor(stay, parseJob(stay), {kind, seed: 1})));
	}
});

test('schemes are named once each, and a name that is none gets a suggestion', t => {
	t.deepEqual(parseSchemes('fedavg, d-sgd,fedavg'), ['fedavg', 'd-sgd']);
	const error = t.throws(() => parseSchemes('fedavg,d-sdg'));
	t.true(isFplError(error, 'USAGE'));
	t.regex(error.message, /«d-sdg».*d-sgd/su);
});

test('every scheme does the same job, cut at the same place', t => {
	const job = parseJob(aligned);
	const of = (kind: Parameters<typeof documentFor>[2]['kind']) => documentFor(aligned, job, {kind, seed: 9});
	t.is(of('fedavg').training?.seed, 9);
	t.deepEqual(of('fedavg').data, aligned.data);
	t.like(parseJob(of('fpl-aligned')).scheme, {junction: 'concat', cuts: [10]});
	t.like(parseJob(of('split-learning')).scheme, {cut: 10});
	t.like(parseJob(of('fpl-stacked')).scheme, {cuts: [10]});
	t.is((parseJob(of('pipeline')).scheme as {cuts?: unknown}).cuts, undefined);
});

test('a device that has all data sees whole items where these may be brought to it, else one view', t => {
	const views = (document: JobDocument) =>
		documentFor(document, parseJob(document), {kind: 'pipeline', seed: 1}).data.views;
	t.is(views({...aligned, ...central}), undefined);
	t.deepEqual(views(aligned), {kind: 'channels'});
	const notes = (document: JobDocument) => fairness(parseJob(document), ['pipeline']).join(' ');
	t.regex(notes({...aligned, ...central}), /whole items/u);
	t.regex(notes(aligned), /first source's view/u);
});

test('sources with different items cannot be aligned', t => {
	const error = t.throws(() => documentFor(apart, parseJob(apart), {kind: 'fpl-aligned', seed: 1}));
	t.true(isFplError(error, 'PLAN_INFEASIBLE'));
});

test('it is said what single views mean for the others', t => {
	const notes = fairness(parseJob(aligned), ['fpl-aligned', 'fedavg', 'd-sgd', 'split-learning']);
	t.true(notes.some(note => /fedavg, d-sgd, split-learning: one model for single views/u.test(note)));
	t.deepEqual(fairness(parseJob(apart), ['fpl-stacked', 'd-sgd']), []);
});

test('seeds follow that of the job', t => {
	t.deepEqual(seedsOf(parseJob(aligned), 3), [5, 6, 7]);
});

const model = buildModel('lenet5', {seed: 1});
const member = (device: string, profile: 'raspberry-pi-4b' | 'mini-pc-n100') => ({
	device,
	profile: libraryProfile(profile),
});
const fleet = [
	member('cam-1', 'raspberry-pi-4b'),
	member('cam-2', 'raspberry-pi-4b'),
	member('cam-3', 'raspberry-pi-4b'),
	member('fog-1', 'mini-pc-n100'),
];
const options = {model, trunk: undefined, mostSources: undefined};
const sources = (cast: ReturnType<typeof castOf>) => cast.filter(({isSource}) => isSource).map(({device}) => device);

test('the fastest device has no data, the others are the sources', t => {
	const cast = castOf(fleet, options);
	t.deepEqual(sources(cast), ['cam-1', 'cam-2', 'cam-3']);
	t.is(castText(cast), 'Sources in every scheme: cam-1, cam-2, cam-3. fog-1 owns no data.');
});

test('there are as many sources as views', t => {
	const cast = castOf(fleet, {...options, mostSources: 2});
	t.deepEqual(
		cast.map(({device}) => device),
		['cam-1', 'cam-2', 'fog-1'],
	);
});

test('the devices without data can be named, and must be there', t => {
	t.deepEqual(sources(castOf(fleet, {...options, trunk: ['cam-2']})), ['cam-1', 'cam-3', 'fog-1']);
	t.true(
		isFplError(
			t.throws(() => castOf(fleet, {...options, trunk: ['cam-9']})),
			'DEVICE_UNKNOWN',
		),
	);
});

test('a device alone is a source, and no device is an error', t => {
	t.deepEqual(sources(castOf(fleet.slice(0, 1), options)), ['cam-1']);
	t.true(
		isFplError(
			t.throws(() => castOf([], options)),
			'RUN_NO_DEVICES',
		),
	);
});
