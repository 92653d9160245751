import test from 'ava';
import fc from 'fast-check';
import {bottleneckText, checkPrediction, errorOf, errorText} from '../../../reports/predicted/check.js';
import {aPrediction, measuredOf} from '../../support/predictions/a-prediction.js';
import {type PlanShape, planShapes} from '../../support/predictions/an-evaluation.js';

const shapes = Object.keys(planShapes) as PlanShape[];
const near = (a: number | undefined, b: number) => a !== undefined && Math.abs(a - b) < 1e-6;

test('errors are those by which the measured ledger was made to differ, whatever the plan', t => {
	const factor = fc.double({min: 0.5, max: 2, noNaN: true});
	t.notThrows(() =>
		fc.assert(
			fc.property(fc.constantFrom(...shapes), factor, factor, (shape, compute, bytes) => {
				const prediction = aPrediction({shape});
				const measured = measuredOf(prediction, {compute, bytes, ready: 0});
				const check = checkPrediction(measured, prediction);
				return (
					near(errorOf(check.step), 1 / compute - 1) &&
					near(errorOf(check.bytes), 1 / bytes - 1) &&
					check.devices
						.filter(({joules}) => joules.predicted !== undefined)
						.every(({seconds}) => near(errorOf(seconds.compute), 1 / compute - 1))
				);
			}),
			{numRuns: 40},
		),
	);
});

test('a run that did less is held against as much of the prediction, and the report says so', t => {
	const prediction = aPrediction();
	const {steps, seconds, remarks, devices} = checkPrediction(
		measuredOf(prediction, {done: 0.5, compute: 1}),
		prediction,
	);
	t.is(steps.measured, Math.round(prediction.steps / 2));
	t.true(Math.abs(errorOf(seconds)!) < 0.02);
	t.true(Math.abs(errorOf(devices[0]!.sent)!) < 0.02);
	t.true(remarks.some(remark => /^29 steps were done, 57 predicted/u.test(remark)));
});

test('devices that nobody predicted are named, and are in no total', t => {
	const prediction = aPrediction();
	const check = checkPrediction(measuredOf(prediction, {ready: 0}), prediction);
	const server = check.devices.find(({device}) => device === 'coordinator')!;
	t.is(server.joules.predicted, undefined);
	t.is(errorText(server.joules), '–');
	t.deepEqual(check.remarks, ['Not predicted: coordinator. Its energy is in no error.']);
	const without = prediction.ledger.devices.reduce((sum, {joules}) => sum + joules, 0);
	t.true(near(check.joules.predicted, without));
});

test('a run that was slow at first is told so, with the error of the later steps; one that was not is not', t => {
	const prediction = aPrediction();
	const measured = measuredOf(prediction, {ready: 0, compute: 1, link: 1});
	const half = measured.rounds.length / 2;
	const slowed = (factor: number, isSlow: (index: number) => boolean) =>
		checkPrediction(
			{
				...measured,
				rounds: measured.rounds.map((round, index) => ({
					...round,
					devices: index === 0 ? round.devices : round.devices.toReversed(),
					seconds: prediction.stepSeconds * (isSlow(index) ? factor : 1),
				})),
			},
			prediction,
		).remarks.filter(remark => remark.includes('first half'));
	const [told, ...more] = slowed(1.2, index => index < half - 1);
	t.regex(told ?? '', /^Steps of the first half took .*, those of the second .* \(error 0 %\): /u);
	t.deepEqual(more, []);
	t.deepEqual(
		slowed(1.04, index => index < half),
		[],
	);
	t.deepEqual(
		slowed(1.2, index => index % 2 === 0),
		[],
	);
	t.deepEqual(
		slowed(1.2, index => index >= half),
		[],
	);
});

test('another plan than the predicted one, and time beside the steps, are told', t => {
	const prediction = aPrediction();
	const measured = {...measuredOf(prediction, {ready: 100}), scheme: 'D-SGD'};
	const {remarks} = checkPrediction(measured, prediction);
	t.true(remarks.includes('Predicted was «pipeline», but «D-SGD» ended the run.'));
	t.true(remarks.some(remark => remark.startsWith('Getting ready, evaluating')));
});

test('where a run took longer and sent more than predicted, the report says why', t => {
	const prediction = aPrediction();
	const told = (bytes: number, slower: number) =>
		checkPrediction(measuredOf(prediction, {bytes, compute: slower, link: slower}), prediction).remarks.some(remark =>
			/^Checkpoints within epochs come by the clock/u.test(remark),
		);
	t.true(told(1.07, 1.1));
	t.false(told(1.07, 0.9));
	t.false(told(1.005, 1.1));
	t.false(told(0.9, 1.1));
});

test('where emulated devices are far behind, the report says what the machine that plays them has to do with it', t => {
	const prediction = aPrediction();
	const told = (slower: number, emulated: boolean) => {
		const measured = measuredOf(prediction, {compute: slower, link: slower});
		const devices = measured.devices.map(device => ({...device, emulated}));
		const rounds = measured.rounds.map(round => ({...round, seconds: prediction.stepSeconds * slower}));
		return checkPrediction({...measured, devices, rounds}, prediction).remarks.some(remark =>
			/^Devices are emulated/u.test(remark),
		);
	};
	t.true(told(1.5, true));
	t.false(told(1.5, false));
	t.false(told(1.1, true));
});

test('the bottleneck is measured as it is predicted: by computing time, and by bytes over the rate of the link', t => {
	for (const shape of shapes) {
		const prediction = aPrediction({shape});
		const measured = measuredOf(prediction, {compute: 1, link: 1, bytes: 1, ready: 0});
		const {bottleneck} = checkPrediction({...measured, devices: measured.devices.slice(0, -1)}, prediction);
		t.is(bottleneck.measured!.device, bottleneck.predicted.device, shape);
		// A link whose directions are as busy as each other may be named by either; orders and answers count in neither.
		const apart = Math.abs(bottleneck.measured!.busy - bottleneck.predicted.busy);
		t.true(bottleneck.measured!.kind === bottleneck.predicted.kind || apart < 0.005, `${shape}: ${apart}`);
	}
	t.is(bottleneckText({device: 'cam-1', kind: 'up', busy: 0.5}), 'the uplink of cam-1, busy for 50.0 % of a step');
});

test('errors are short and signed', t => {
	const text = (predicted: number, measured: number) => errorText({predicted, measured});
	t.deepEqual(
		[text(103.2, 100), text(88, 100), text(100, 100), text(300, 100), text(1, 0), text(99.96, 100)],
		['+3.2 %', '−12 %', '0 %', '+200 %', '–', '0 %'],
	);
});

test('a run without a single step is no obstacle', t => {
	const prediction = aPrediction();
	const check = checkPrediction({...measuredOf(prediction), rounds: []}, prediction);
	t.is(check.step.measured, undefined);
	t.is(check.bottleneck.measured, undefined);
});

test('a device that was not there all the time is told, one that takes turns is not', t => {
	const prediction = aPrediction();
	const measured = measuredOf(prediction);
	const [lost = '', ...others] = prediction.ledger.devices.map(({device}) => device);
	const told = (devicesOf: (round: number) => readonly string[]) =>
		checkPrediction(
			{...measured, rounds: measured.rounds.map(record => ({...record, devices: devicesOf(record.round)}))},
			prediction,
		).remarks.find(remark => /not there all the time/u.test(remark));
	const all = [lost, ...others];
	t.is(
		told(() => all),
		undefined,
	);
	const half = Math.floor(measured.rounds.length / 2);
	t.regex(
		told(round => (round < half ? all : others)) ?? '',
		new RegExp(`^Predicted with devices .*: ${lost} for ${half} of ${measured.rounds.length} rounds\\. `, 'u'),
	);
	t.regex(told(() => others) ?? '', new RegExp(`: ${lost} for 0 of`, 'u'));
	t.is(
		told(round => [all[round % all.length]!]),
		undefined,
	);
});
