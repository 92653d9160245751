import test from 'ava';
import fc from 'fast-check';
import {phases} from '../../../core/ledger/ledger.js';
import {ledgerOfEvaluation, type PredictionNames, predictionOf} from '../../../core/ledger/of-evaluation.js';
import {alternativeOf, pointOf, stagesOf} from '../../../core/ledger/plan-point.js';
import {predictionJson, readPrediction} from '../../../core/ledger/prediction.js';
import {parseLedger} from '../../../core/ledger/schema.js';
import {anEvaluation, type Evaluated, type PlanShape, planShapes} from '../../support/predictions/an-evaluation.js';

const shapes = Object.keys(planShapes) as PlanShape[];
const namesFor = ({fleet}: Evaluated, epochs = 3): PredictionNames => ({
	run: 'chain-1',
	dataset: 'made-up',
	startedAt: '2026-03-14T09:26:53.000Z',
	epochs,
	devices: fleet.devices,
});
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const near = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));

const wishes = fc.record({
	shape: fc.constantFrom(...shapes),
	epochs: fc.integer({min: 1, max: 40}),
	batch: fc.integer({min: 8, max: 64}),
	samples: fc.integer({min: 64, max: 3000}),
});

test('sums of rounds, of devices and of their phases are those of the evaluation', t => {
	t.notThrows(() =>
		fc.assert(
			fc.property(wishes, wish => {
				const found = anEvaluation(wish);
				const {evaluation} = found;
				const ledger = ledgerOfEvaluation(evaluation, namesFor(found, wish.epochs));
				const {rounds, devices} = ledger;
				return (
					near(ledger.seconds, evaluation.seconds) &&
					near(rounds.at(-1)!.at, evaluation.seconds) &&
					near(rounds.at(-1)!.epoch, wish.epochs) &&
					rounds.at(-1)!.step === Math.round(evaluation.steps) &&
					near(sum(rounds.map(({seconds}) => seconds)), evaluation.seconds) &&
					near(sum(rounds.map(({bytes}) => bytes)), evaluation.bytes) &&
					near(sum(rounds.map(({joules}) => joules)), evaluation.joules) &&
					near(sum(devices.map(({joules}) => joules)), evaluation.joules) &&
					devices.every(
						device =>
							near(sum(phases.map(phase => device.phases[phase].joules)), device.joules) &&
							near(sum(phases.map(phase => device.phases[phase].seconds)), evaluation.seconds),
					)
				);
			}),
			{numRuns: 60},
		),
	);
});

test('a predicted ledger names profiles, says what is emulated, and is read back as it was', t => {
	for (const shape of shapes) {
		const found = anEvaluation({shape});
		const ledger = ledgerOfEvaluation(found.evaluation, namesFor(found));
		t.is(ledger.kind, 'predicted');
		t.is(ledger.rounds.length, 3);
		t.is(ledger.devices[0]!.profile, 'raspberry-pi-4b');
		t.deepEqual(
			ledger.devices.map(({emulated}) => emulated),
			ledger.devices.map(({device}) => Number(device.slice(4)) % 2 === 0),
		);
		t.deepEqual(parseLedger(JSON.parse(JSON.stringify(ledger))), ledger);
	}
});

function aPrediction(shape: PlanShape = 'pipeline') {
	const found = anEvaluation({shape});
	const others = shapes.filter(other => other !== shape).map(other => anEvaluation({shape: other}).evaluation);
	return predictionOf(found.evaluation, namesFor(found), {
		objective: 'time',
		alternatives: [
			alternativeOf(found.evaluation, {chosen: true, feasible: true}),
			...others.map(other => alternativeOf(other, {chosen: false, feasible: false, because: 'too slow'})),
		],
		front: [
			pointOf(found.evaluation, {id: 'chosen', chosen: true, baseline: false, yaml: 'x'.repeat(5000)}),
			...others.map((other, index) =>
				pointOf(other, {id: `${index}`, chosen: false, baseline: true, yaml: 'y'.repeat(50_000)}),
			),
		],
	});
}

test('a prediction is read back as it was written', t => {
	for (const shape of shapes) {
		const prediction = aPrediction(shape);
		t.deepEqual(readPrediction(predictionJson(prediction)!), prediction);
		t.is(prediction.links.length, prediction.ledger.devices.length);
	}
});

test('a prediction that is too long loses what matters least, and what is left can be read', t => {
	const whole = aPrediction();
	const shorter = readPrediction(predictionJson(whole, 30_000)!);
	t.deepEqual(
		shorter.front!.map(({yaml}) => yaml?.length),
		[5000, ...whole.front!.slice(1).map(() => undefined)],
	);
	t.deepEqual(shorter.ledger.timeline, whole.ledger.timeline);
	const least = readPrediction(predictionJson(whole, 6000)!);
	t.is(least.front, undefined);
	t.is(least.ledger.timeline, undefined);
	t.deepEqual(least.ledger.devices, whole.ledger.devices);
	t.is(predictionJson(whole, 100), undefined);
});

test('what is no prediction is refused with the place of the fault', t => {
	const {ledger, ...rest} = JSON.parse(predictionJson(aPrediction())!) as {ledger: object};
	const written = (value: unknown) => JSON.stringify(value);
	t.throws(() => readPrediction('{', 'prediction.json'), {
		code: 'CONFIG_VALUE',
		message: /prediction\.json.*no whole JSON/su,
	});
	t.throws(() => readPrediction(written({...rest, ledger: {...ledger, kind: 'measured'}})), {
		message: /predicted ledger/u,
	});
	t.throws(() => readPrediction(written({...rest, ledger, stepSeconds: -1})), {message: /stepSeconds/u});
});

test('stages are told in words', t => {
	t.deepEqual(stagesOf(anEvaluation({shape: 'hybrid'}).evaluation.plan), [
		{units: '0–1', devices: ['dev-0', 'dev-1', 'dev-2']},
		{units: '2–5', devices: ['dev-3'], remark: 'recomputes'},
	]);
	t.deepEqual(stagesOf(anEvaluation({shape: 'split'}).evaluation.plan)[0], {
		units: '0–1',
		devices: ['dev-0', 'dev-1'],
		remark: 'in turn',
	});
	t.is(stagesOf(anEvaluation({shape: 'fedAvg'}).evaluation.plan)[0]!.remark, 'mean weights every epoch');
	t.is(stagesOf(anEvaluation({shape: 'aligned'}).evaluation.plan)[1]!.remark, 'junction: mean');
});
