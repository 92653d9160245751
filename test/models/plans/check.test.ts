import test from 'ava';
import fc from 'fast-check';
import {type FplError, isFplError} from '../../../core/errors.js';
import {jobSchema} from '../../../core/plan/job.js';
import {type Plan, planSchema} from '../../../core/plan/plan.js';
import {schemeKinds} from '../../../core/plan/scheme-options.js';
import {schemes} from '../../../core/plan/schemes.js';
import {unitsOf} from '../../../models/inspect/cuts.js';
import {type CheckOptions, checkPlanFor} from '../../../models/plans/check.js';
import {planFor} from '../../../models/plans/plan-for.js';
import {buildModel} from '../../../models/zoo/zoo.js';

const models = (['lenet5', 'sensor-cnn', 'cnn-small'] as const).map(name => buildModel(name, {seed: 1}));
const sgd = {kind: 'sgd', lr: 0.1, momentum: 0.9, nesterov: false, weightDecay: 0} as const;
const training = {batch: 64, optimizer: sgd};

/** A plan that a builder made, and what it was made for. */
interface Made {
	readonly plan: Plan;
	readonly options: CheckOptions;
}

const jobOf = (scheme: object) => jobSchema.parse({version: 1, model: 'm', data: {dataset: 'd'}, scheme});

const made = fc
	.record({
		model: fc.constantFrom(...models),
		kind: fc.constantFrom(...schemeKinds),
		devices: fc.integer({min: 4, max: 6}),
		microBatches: fc.integer({min: 1, max: 8}),
		schedule: fc.constantFrom('gpipe', '1f1b'),
		branches: fc.constantFrom('step', 'never'),
		junction: fc.constantFrom('mean', 'scalar', 'per-unit', 'sum', 'max'),
		localEpochs: fc.integer({min: 1, max: 3}),
		trunk: fc.integer({min: 1, max: 2}),
		seed: fc.nat(),
	})
	.map(({model, kind, devices: count, seed, trunk, ...wishes}): Made => {
		const devices = Array.from({length: count}, (_, index) => `cam-${index + 1}`);
		const {length} = unitsOf(model).units;
		// Distinct ascending cuts, drawn from the seed.
		const cutsOf = (wanted: number) => {
			const all = Array.from({length: length - 1}, (_, index) => index + 1);
			const step = Math.max(1, Math.floor(all.length / (wanted + 1)));
			const start = seed % Math.max(1, all.length - step * (wanted - 1));
			return Array.from({length: wanted}, (_, index) => all[start + index * step]!);
		};
		const options = schemes[kind].options.shape;
		const trunks = devices.slice(0, kind.startsWith('fpl') ? trunk : 1);
		const choices = {
			...wishes,
			cut: cutsOf(1)[0],
			cuts: kind === 'u-shaped' ? cutsOf(2) : kind.startsWith('fpl') ? cutsOf(trunks.length) : undefined,
			trunk: kind.startsWith('fpl') ? trunks : trunks[0],
		};
		const scheme = Object.fromEntries(Object.entries(choices).filter(([key]) => key in options));
		const fleet = devices.map(device => ({device, memoryBytes: 1e12, engines: ['tfjs'], codecs: ['fp32']}));
		const plan = planFor(jobOf({kind, ...scheme}), fleet, model);
		return {plan, options: {model, fleet, training}};
	});

type Draft = ReturnType<typeof planSchema.parse>;
type Change = (draft: Draft, pick: (below: number) => number) => RegExp | 'perhaps' | 'no change';

/** Ways to spoil a plan, and the place that the refusal must name; `perhaps`: it may be a plan still. */
const changes: Readonly<Record<string, Change>> = {
	'the first unit of a stage is shifted': ({stages}, pick) => {
		const stage = pick(stages.length);
		const {units} = stages[stage]!;
		if (units === 'all') {
			return 'no change';
		}
		units[0] = units[0] > 0 && pick(2) === 0 ? units[0] - 1 : units[0] + 1;
		return new RegExp(`stages\\[(${stage})\\]\\.units`, 'u');
	},
	'the last unit of a stage is shifted': ({stages}, pick) => {
		const stage = pick(stages.length);
		const {units} = stages[stage]!;
		if (units === 'all') {
			return 'no change';
		}
		units[1] += pick(2) === 0 ? 1 : -1;
		return units[1] < 0 ? 'no change' : new RegExp(`stages\\[(${stage}|${stage + 1})\\]\\.units`, 'u');
	},
	'a stage is dropped': ({stages}, pick) => {
		if (stages.length === 1) {
			return 'no change';
		}
		stages.splice(pick(stages.length), 1);
		return /stages\[\d\]/u;
	},
	'two stages change places': ({stages}, pick) => {
		if (stages.length === 1) {
			return 'no change';
		}
		const first = pick(stages.length - 1);
		stages.splice(first, 2, stages[first + 1]!, stages[first]!);
		return new RegExp(`stages\\[${first}|${first + 1}\\]`, 'u');
	},
	'a device is there twice': ({stages}, pick) => {
		const stage = pick(stages.length);
		const {replicas} = stages[stage]!;
		const {device} = replicas[pick(replicas.length)]!;
		replicas.push({device, share: 1});
		return new RegExp(`stages\\[${stage}\\]\\.replicas\\[${replicas.length - 1}\\].*«${device}»`, 'u');
	},
	'a device is another': ({stages, labels}, pick) => {
		const stage = pick(stages.length);
		const {replicas} = stages[stage]!;
		replicas[pick(replicas.length)]!.device = 'gone-1';
		return labels === 'stay' ? /gone-1/u : new RegExp(`stages\\[${stage}\\], device «gone-1»`, 'u');
	},
	'the whole model is one stage of several': ({stages}, pick) => {
		if (stages.length === 1) {
			return 'no change';
		}
		const stage = pick(stages.length);
		stages[stage]!.units = 'all';
		return new RegExp(`stages\\[${stage}|${stage + 1}\\]\\.units`, 'u');
	},
	'more micro-batches than items': draft => {
		draft.pipeline.microBatches = 65;
		return /pipeline\.microBatches/u;
	},
	'a share of next to nothing': ({stages, synchronisation, labels}, pick) => {
		const stage = stages.findIndex(({replicas, turns}) => replicas.length > 1 && turns === 'together');
		const aligned = stages.findIndex(({junction}) => junction.mode === 'aligned');
		if (stage < 0 || stage < aligned || synchronisation.exchange === 'weights' || stages.length === 1) {
			return 'no change';
		}
		const {replicas} = stages[stage]!;
		const chosen = pick(replicas.length);
		replicas[chosen]!.share = 1e-6;
		return labels === 'stay'
			? /stages\[2\]\.replicas.*share/u
			: new RegExp(`stages\\[${stage}\\], device «${replicas[chosen]!.device}»`, 'u');
	},
	'gradients are exchanged now and then': draft => {
		draft.synchronisation = {topology: 'parameter-server', exchange: 'gradients', every: {kind: 'epochs', epochs: 1}};
		return /synchronisation/u;
	},
	'a stage takes turns': ({stages}, pick) => {
		stages[pick(stages.length)]!.turns = 'in-turn';
		return 'perhaps';
	},
	'a stage is joined otherwise': ({stages}, pick) => {
		const stage = stages[pick(stages.length)]!;
		stage.junction = stage.junction.mode === 'stack' ? {mode: 'aligned', kind: 'mean'} : {mode: 'stack'};
		return 'perhaps';
	},
	'labels stay': draft => {
		draft.labels = 'stay';
		return 'perhaps';
	},
	'a stage never synchronises': ({stages}, pick) => {
		stages[pick(stages.length)]!.synchronisation = {
			topology: 'parameter-server',
			exchange: 'weights',
			every: {kind: 'never'},
		};
		return 'perhaps';
	},
	'one replica fewer': ({stages}, pick) => {
		const {replicas} = stages[pick(stages.length)]!;
		if (replicas.length === 1) {
			return 'no change';
		}
		replicas.splice(pick(replicas.length), 1);
		return 'perhaps';
	},
};

function refusal(plan: unknown, options: CheckOptions): FplError | undefined {
	try {
		checkPlanFor(planSchema.parse(plan), options);
		return undefined;
	} catch (error) {
		if (isFplError(error)) {
			return error;
		}
		throw error;
	}
}

test('what builders make is valid, whatever the fleet and the choices', t => {
	fc.assert(
		fc.property(made, ({plan, options}) => {
			checkPlanFor(plan, options);
		}),
		{numRuns: 150},
	);
	t.pass();
});

for (const [title, change] of Object.entries(changes)) {
	test(`a plan is refused with its place, or still a plan, when ${title}`, t => {
		let judged = 0;
		fc.assert(
			fc.property(made, fc.nat(), ({plan, options}, seed) => {
				const draft = planSchema.parse(structuredClone(plan));
				const place = change(draft, below => seed % below);
				if (place === 'no change') {
					return;
				}
				const error = refusal(draft, options);
				judged++;
				if (error === undefined) {
					if (place !== 'perhaps') {
						throw new Error(`accepted: ${JSON.stringify(draft)}`);
					}
					return;
				}
				const wanted = place === 'perhaps' ? /stages\[\d\]|synchronisation/u : place;
				if (error.code !== 'PLAN_INVALID' || !wanted.test(error.message)) {
					throw new Error(`expected ${wanted}, got ${error.code} ${error.message}`);
				}
				const {problem, expected, got} = error.facts;
				if (problem === undefined && (expected === undefined || got === undefined)) {
					throw new Error(`says too little: ${error.message}`);
				}
			}),
			{numRuns: 40},
		);
		t.true(judged > 0);
	});
}
