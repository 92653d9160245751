/** What a job asks of the planner. */
import test from 'ava';
import {parseValue} from '../../core/config/config.js';
import {FplError} from '../../core/errors.js';
import {type JobDocument, jobSchema} from '../../core/plan/job.js';
import {libraryProfile} from '../../core/profile/library.js';
import {buildModel} from '../../models/zoo/zoo.js';
import type {PlanDevice} from '../../planners/cost-input.js';
import {objectiveText, problemOfJob} from '../../planners/job-problem.js';
import {planJob, predictionOfJob} from '../../planners/plan-job.js';

const model = buildModel('lenet5', {seed: 1});
const devices: readonly PlanDevice[] = ['cam-1', 'cam-2', 'fog-1'].map(device => ({
	device,
	profile: libraryProfile('raspberry-pi-4b'),
}));

const document = {version: 1, model: 'lenet5', data: {dataset: 'digits', limit: 1000}} as const;
const jobOf = (other: Partial<JobDocument>) => jobSchema.parse({...document, ...other});
const problemOf = (document: Partial<JobDocument>, fleet = devices) =>
	problemOfJob({job: jobOf(document), model, devices: fleet, items: 1000}).problem;

const errorOf = (document: Partial<JobDocument>): string => {
	try {
		problemOf(document);
	} catch (error) {
		return error instanceof FplError ? error.message : String(error);
	}
	return 'none';
};

test('who owns data is said by the job, else by the fleet, else the data are dealt out', t => {
	t.deepEqual(problemOf({data: {dataset: 'digits', sources: ['cam-2']}}).data, {
		kind: 'sources',
		devices: ['cam-2'],
		rawData: 'stays',
	});
	const declared = devices.map(one => ({...one, isSource: one.device === 'cam-1'}));
	t.deepEqual(problemOf({}, declared).data, {kind: 'sources', devices: ['cam-1'], rawData: 'stays'});
	t.deepEqual(problemOf({privacy: {rawData: 'may-move'}}).data, {kind: 'dealt', rawData: 'may-move'});
	t.deepEqual(problemOf({data: {dataset: 'digits', partition: {kind: 'local'}}}).data, {
		kind: 'sources',
		devices: ['cam-1', 'cam-2', 'fog-1'],
		rawData: 'stays',
	});
});

test('labels stay with named owners; where nobody is one, or all see the same items, that is refused', t => {
	const stay = {privacy: {labels: 'stay'}} as const;
	t.deepEqual(problemOf({data: {dataset: 'digits', sources: ['cam-2']}, ...stay}).data, {
		kind: 'sources',
		devices: ['cam-2'],
		rawData: 'stays',
		labels: 'stay',
	});
	t.regex(errorOf(stay), /privacy\.labels: .*nobody is said to own data.*data\.sources/u);
	const views = {kind: 'tiles', rows: 1, columns: 2} as const;
	t.regex(
		errorOf({data: {dataset: 'digits', sources: ['cam-1', 'cam-2'], views}, ...stay}),
		/privacy\.labels: .*«data\.views»/u,
	);
});

test('a scheme that moves labels is no scheme for a job whose labels stay', t => {
	const problemWith = (kind: 'pipeline' | 'u-shaped' | 'fedavg') => {
		const result = jobSchema.safeParse({
			version: 1,
			model: 'lenet5',
			data: {dataset: 'digits'},
			scheme: {kind},
			privacy: {labels: 'stay'},
		});
		return result.error?.issues.map(({path, message}) => `${path.join('.')}: ${message}`).join();
	};
	t.regex(problemWith('pipeline')!, /^privacy\.labels: labels are to stay, and scheme «pipeline» sends them/u);
	t.is(problemWith('u-shaped'), undefined);
	t.is(problemWith('fedavg'), undefined);
});

test('sources with views of the same items are branches', t => {
	const {data} = problemOf({
		data: {dataset: 'digits', sources: ['cam-1', 'cam-2'], views: {kind: 'tiles', rows: 1, columns: 2}},
		planning: {junction: 'mean'},
	});
	t.deepEqual(data, {kind: 'aligned', devices: ['cam-1', 'cam-2'], junction: 'mean'});
});

test('objectives and limits are in base units', t => {
	const problem = problemOf({
		objective: {
			minimise: {time: 1, energy: 0.05},
			subjectTo: {time: '10 min', energy: '2 kJ', bytes: '1 GB', money: '3 USD'},
		},
	});
	t.deepEqual(problem.objective, {kind: 'weighted', weights: {time: 1, energy: 0.05}});
	t.deepEqual(problem.constraints.most, {time: 600, energy: 2000, bytes: 1e9, money: 3});
	t.deepEqual(problemOf({}).objective, {kind: 'one', measure: 'time'});
	t.throws(() => parseValue(jobSchema, {...document, objective: {minimise: 'time', subjectTo: {money: 1}}}, 'job'), {
		message:
			/objective\.subjectTo\.money.*expected a number with its unit \(one of USD\), got 1\. Write for instance «2\.50 USD»/u,
	});
	t.is(objectiveText(jobOf({objective: {minimise: 'time', subjectTo: {money: '1 USD'}}})), 'time, money at most 1 USD');
	t.is(
		objectiveText(jobOf({objective: {minimise: 'energy', subjectTo: {time: '10 min'}}})),
		'energy, time at most 10 min 00 s',
	);
});

test('money is minimised where a device that may take part has a price', t => {
	const money = {objective: {minimise: 'money'}} as const;
	t.regex(errorOf(money), /objective\.minimise: no device that may take part has a price.*price: 0\.10 USD\/h/u);
	t.regex(errorOf({objective: {minimise: {money: 2, time: 0}}}), /no device that may take part has a price/u);
	t.is(errorOf({objective: {minimise: {money: 2, time: 1}}}), 'none');
	const priced = devices.map((one, index) => ({
		...one,
		profile: {...one.profile!, ...(index === 2 && {pricePerHour: 1})},
	}));
	t.deepEqual(problemOf(money, priced).objective, {kind: 'one', measure: 'money'});
	t.throws(() => problemOf({...money, planning: {exclude: ['fog-1']}}, priced), {message: /no device .* has a price/u});
	const planned = planJob(
		{job: jobOf(money), model, devices: priced, items: 1000},
		{expired: () => false, interrupted: () => false, exactPlans: 200},
	);
	t.is(planned.outcome.best.evaluation.dollars, 0);
	const {alternatives} = predictionOfJob({job: jobOf(money), model, devices: priced, items: 1000}, planned, {
		run: 'r',
		dataset: 'digits',
		startedAt: '2026-03-14T09:26:53.000Z',
	});
	t.true(alternatives.some(({because}) => because === 'costs more'));
	t.false(
		alternatives.some(({because}) => /times the chosen/u.test(because ?? '')),
		'no plan is so many times nothing',
	);
});

test('a mean of the weights after more epochs than are trained is left out, or refused where nothing else is named', t => {
	const {space} = problemOf({training: {epochs: 1}, planning: {localEpochs: [0, 1, 2]}});
	t.deepEqual(space.localEpochs, [0, 1]);
	t.regex(
		errorOf({training: {epochs: 1}, planning: {localEpochs: [2]}}),
		/planning\.localEpochs: expected a number no larger than «training\.epochs», 1, got 2\./u,
	);
});

test('devices that are alike share their times, which tells the planner so', t => {
	const [one, other] = problemOf({}).fleet.devices;
	t.is(one!.times, other!.times);
});

test('jobs that contradict themselves are refused with the place', t => {
	const pinned = (...pins: Array<{device: string; units: [number, number]}>) => ({planning: {pinned: pins}});
	t.regex(errorOf({data: {dataset: 'digits', sources: ['cam-9']}}), /data\.sources: device «cam-9» is not there/u);
	t.regex(
		errorOf({data: {dataset: 'digits', sources: ['cam-1']}, planning: {exclude: ['cam-1']}}),
		/planning\.exclude: «cam-1» is left out, and «data\.sources» names it\. Take it out of one of the two/u,
	);
	t.regex(errorOf(pinned({device: 'fog-1', units: [3, 99]})), /planning\.pinned\[0\]\.units.*0 to 11.*\[3, 99\]/u);
	t.regex(
		errorOf({planning: {pinned: [{device: 'fog-1', units: [3, 4]}], exclude: ['fog-1']}}),
		/pinned to «fog-1», which «planning\.exclude»/u,
	);
	t.regex(
		errorOf(pinned({device: 'fog-1', units: [3, 4]}, {device: 'cam-1', units: [4, 5]})),
		/planning\.pinned\[1\].*«fog-1» and to «cam-1»/u,
	);
	t.regex(
		errorOf({planning: {minimumReplicas: 9, mostReplicas: 3}}),
		/planning\.minimumReplicas: expected no more than «planning\.mostReplicas», 3, got 9\./u,
	);
	t.regex(
		errorOf({planning: {minimumReplicas: 2, pinned: [{device: 'fog-1', units: [3, 4]}]}}),
		/planning\.pinned\[0\]: units are pinned to «fog-1» alone, and «planning\.minimumReplicas» asks for 2 devices/u,
	);
	t.is(
		errorOf({
			data: {dataset: 'digits', sources: ['cam-1']},
			planning: {minimumReplicas: 2, pinned: [{device: 'cam-1', units: [0, 1]}]},
		}),
		'none',
	);
});

test('numbers of micro-batches that are larger than the batch are left out; where nothing else is named, they are refused', t => {
	t.regex(
		errorOf({planning: {microBatches: [65, 1000]}}),
		/planning\.microBatches: expected a number no larger than the batch, 64: .*, got 65, 1000\. Name a smaller/u,
	);
	const planned = planJob(
		{job: jobOf({planning: {microBatches: [8, 65]}}), model, devices, items: 1000},
		{expired: () => false, interrupted: () => false, exactPlans: 200},
	);
	const micros = [planned.outcome.best, ...planned.outcome.alternatives, ...planned.baselines].map(
		({plan}) => plan.pipeline.microBatches,
	);
	t.true(micros.includes(8) && !micros.includes(65));
});

test('data of excluded sources are counted out, and said to be', t => {
	const fleet = devices.map((one, index) => ({
		...one,
		isSource: index < 2,
		samples: index < 2 ? 3000 - 2000 * index : undefined,
	}));
	const found = (document: Partial<JobDocument>, members: readonly PlanDevice[] = fleet) =>
		problemOfJob({job: jobOf(document), model, devices: members, items: undefined});
	const local = {dataset: 'digits', partition: {kind: 'local'}} as const;
	const all = found({data: local});
	t.is(all.training.samples, 4000);
	t.is(all.leftOut, undefined);
	const some = found({data: local, planning: {exclude: ['cam-2']}});
	t.is(some.training.samples, 3000);
	t.is(some.leftOut, '«planning.exclude» leaves out cam-2: 1000 of 4000 samples (25 %) are not trained on');
	const unknown = found({data: {...local, limit: 100}, planning: {exclude: ['cam-1', 'fog-1']}}, devices);
	t.regex(unknown.leftOut!, /leaves out cam-1, fog-1: what data they own are not trained on; how many/u);
	const dealt = fleet.map(({samples, ...one}) => one);
	t.regex(
		found({data: {dataset: 'digits', limit: 100}, planning: {exclude: ['cam-2']}}, dealt).leftOut!,
		/cam-2: the data are divided among the other sources/u,
	);
	const none = t.throws(() => found({data: local, planning: {exclude: ['cam-1', 'cam-2']}}), {instanceOf: FplError});
	t.regex(none!.message, /planning\.exclude: all devices that own data are excluded \(cam-1, cam-2\)/u);
	t.is(found({data: local, planning: {exclude: ['fog-1']}}).leftOut, undefined);
});
