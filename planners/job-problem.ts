/** What a job asks of the planner, for the devices at hand. */
import type {CostFleet} from '../core/cost/fleet.js';
import type {ModelCosts} from '../core/cost/model-costs.js';
import {FplError} from '../core/errors.js';
import type {Job} from '../core/plan/job.js';
import type {BrokerLink} from '../core/profile/fleet-file.js';
import type {UnitTimes} from '../core/profile/unit-times.js';
import {formatDuration, formatSi} from '../core/units.js';
import type {Model} from '../models/graph.js';
import {costsOfModel} from '../models/plans/costs.js';
import {namedSources} from '../models/plans/plan-for.js';
import {costFleetOf, type PlanDevice, type TrainingInput, trainingCostsOf} from './cost-input.js';
import {leftOut} from './left-out.js';
import {type Manner, spaceOf} from './manner.js';
import {type DataPlacement, type Measure, measures, type Objective, type Problem, type Space} from './problem.js';

export interface JobInput {
	readonly job: Job;
	readonly model: Model;
	readonly devices: readonly PlanDevice[];
	/** Items of the training set; undefined where it is not here. */
	readonly items: number | undefined;
	/** The broker's own link, where a fleet file says what it can do. */
	readonly broker?: BrokerLink | undefined;
	/** Times that were measured with this model (`fpl profile`), for devices of that id or profile. */
	readonly tables?: readonly UnitTimes[] | undefined;
	/** Of a run that is planned anew: how its plan trains, which another one must do as well. */
	readonly manner?: Manner | undefined;
}

/** In words: «energy, time at most 10 min 00 s». */
export function objectiveText({objective}: Job): string {
	if (!objective) {
		return 'time';
	}
	const {minimise, subjectTo = {}} = objective;
	const what =
		typeof minimise === 'string'
			? minimise
			: Object.entries(minimise)
					.map(([measure, weight]) => `${weight} × ${measure}`)
					.join(' + ');
	const written = {
		time: formatDuration,
		bytes: most => formatSi(most, 'B'),
		energy: most => formatSi(most, 'J'),
		money: most => `${most} USD`,
	} as const satisfies Record<Measure, (most: number) => string>;
	const limits = measures.flatMap(measure => {
		const most = subjectTo[measure];
		return most === undefined ? [] : [`${measure} at most ${written[measure](most)}`];
	});
	return [what, ...limits].join(', ');
}

/** @throws FplError `JOB_INVALID` where money alone counts and nothing costs any. */
function objectiveOf({objective, planning}: Job, {devices}: CostFleet): Objective {
	const minimise = objective?.minimise ?? 'time';
	const counts = typeof minimise === 'string' ? [minimise] : measures.filter(measure => (minimise[measure] ?? 0) > 0);
	const priced = devices.some(({device, pricePerSecond}) => pricePerSecond > 0 && !planning.exclude.includes(device));
	if (counts.join() === 'money' && !priced) {
		throw new FplError('JOB_INVALID', {
			where: 'objective.minimise',
			problem: 'no device that may take part has a price, so that every plan costs nothing',
			fix: 'Write «price: 0.10 USD/h» at devices in the fleet file, or minimise time, bytes or energy.',
		});
	}
	if (typeof minimise === 'string') {
		return {kind: 'one', measure: minimise};
	}
	return {
		kind: 'weighted',
		weights: Object.fromEntries(
			measures.flatMap(measure => (minimise[measure] === undefined ? [] : [[measure, minimise[measure]]])),
		),
	};
}

/** Devices that own data, excluded ones as well: as the job says, else as the devices say; none where data are dealt out. */
function ownersOf({data, planning}: Job, devices: readonly PlanDevice[]): readonly string[] {
	const owners = namedSources(data, devices) ?? devices.filter(({isSource}) => isSource).map(({device}) => device);
	if (owners.length > 0) {
		return owners;
	}
	const names = devices.map(({device}) => device);
	// Whoever sees a view of its own is a source; one device is left for the trunk.
	return data.views
		? names.filter(name => !planning.exclude.includes(name)).slice(0, -1)
		: // Data that lie on the devices already are those of all of them.
			data.partition.kind === 'local'
			? names
			: [];
}

function placementOf({job, manner}: JobInput, owners: readonly string[]): DataPlacement {
	const {
		data,
		privacy: {rawData, labels},
		planning,
	} = job;
	if (labels === 'stay' && (data.views || owners.length === 0)) {
		throw new FplError('JOB_INVALID', {
			where: 'privacy.labels',
			problem: data.views
				? 'no plan is known in which labels stay, and sources that see the same items («data.views») are merged'
				: 'labels are to stay with the devices that own them, and nobody is said to own data: they are dealt out to whom the plan chooses',
			fix: data.views
				? 'Say «labels: travel», or take out «data.views».'
				: 'Name the owners in «data.sources», or in the fleet file («data: { samples: 3000 }»), or say «partition: { kind: local }».',
		});
	}
	if (data.views) {
		const cut = manner?.kind === 'aligned' ? {cut: manner.cut} : {};
		return {kind: 'aligned', devices: owners, junction: planning.junction, ...cut};
	}
	return owners.length > 0
		? {kind: 'sources', devices: owners, rawData, ...(labels === 'stay' && {labels})}
		: {kind: 'dealt', rawData};
}

/** What a job asks for that contradicts itself, whatever devices there are. */
function checkPlanning({planning, data, training}: Job, units: number, owners: readonly string[]): void {
	const {pinned, exclude, minimumReplicas, mostReplicas, microBatches, localEpochs} = planning;
	if (localEpochs.every(epochs => epochs > training.epochs)) {
		throw new FplError('JOB_INVALID', {
			where: 'planning.localEpochs',
			expected: `a number no larger than «training.epochs», ${training.epochs}`,
			got: localEpochs.join(', '),
			fix: 'Name a smaller number as well, or train for more epochs.',
		});
	}
	if (microBatches.every(count => count > training.batch)) {
		throw new FplError('JOB_INVALID', {
			where: 'planning.microBatches',
			expected: `a number no larger than the batch, ${training.batch}: each micro-batch has an item at least`,
			got: microBatches.join(', '),
			fix: 'Name a smaller number as well, or make «training.batch» larger.',
		});
	}
	if (minimumReplicas > mostReplicas) {
		throw new FplError('JOB_INVALID', {
			where: 'planning.minimumReplicas',
			expected: `no more than «planning.mostReplicas», ${mostReplicas}`,
			got: `${minimumReplicas}`,
			fix: 'Make one of the two fit the other.',
		});
	}
	const unwanted = data.sources?.find(source => exclude.includes(source));
	if (unwanted !== undefined) {
		throw new FplError('JOB_INVALID', {
			where: 'planning.exclude',
			problem: `«${unwanted}» is left out, and «data.sources» names it`,
			fix: 'Take it out of one of the two.',
		});
	}
	for (const [
		index,
		{
			device,
			units: [first, last],
		},
	] of pinned.entries()) {
		const where = `planning.pinned[${index}]`;
		if (last < first || last >= units) {
			throw new FplError('JOB_INVALID', {
				where: `${where}.units`,
				expected: `first and last unit, of 0 to ${units - 1}`,
				got: `[${first}, ${last}]`,
			});
		}
		if (exclude.includes(device)) {
			throw new FplError('JOB_INVALID', {
				where,
				problem: `units are pinned to «${device}», which «planning.exclude» leaves out`,
				fix: 'Take it out of one of the two.',
			});
		}
		if (minimumReplicas > 1 && !(owners.length === 1 && owners[0] === device)) {
			throw new FplError('JOB_INVALID', {
				where,
				problem: `units are pinned to «${device}» alone, and «planning.minimumReplicas» asks for ${minimumReplicas} devices of every stage`,
				fix: 'Take back one of the two.',
			});
		}
		const other = pinned.findIndex(pin => pin.device !== device && pin.units[0] <= last && first <= pin.units[1]);
		if (other > index) {
			throw new FplError('JOB_INVALID', {
				where: `planning.pinned[${other}]`,
				problem: `units are pinned to «${device}» and to «${pinned[other]!.device}»`,
			});
		}
	}
}

export interface JobProblem {
	readonly problem: Problem;
	readonly costs: ModelCosts;
	readonly fleet: CostFleet;
	readonly training: TrainingInput;
	/** What excluding devices that own data does to these, in a sentence; undefined: nothing. */
	readonly leftOut: string | undefined;
}

/** @throws FplError `DEVICE_UNKNOWN`, `JOB_INVALID`, `PLAN_INFEASIBLE` where something needed is not known or not there. */
export function problemOfJob(input: JobInput): JobProblem {
	const {job, model, devices, items, broker, tables, manner} = input;
	const {planning, objective} = job;
	const {maxCrossing} = planning;
	const costs = costsOfModel(model, {maxCrossing});
	const owners = ownersOf(job, devices);
	checkPlanning(job, costs.units.length, owners);
	const owning = devices.filter(({device}) => owners.includes(device));
	const missing = leftOut(job, owning);
	const holders = (owners.length > 0 ? owning : devices).filter(({device}) => !planning.exclude.includes(device));
	const training = trainingCostsOf(job, holders, items);
	const fleet = costFleetOf(devices, costs, training, broker, tables);
	const {time, energy, bytes, money} = objective?.subjectTo ?? {};
	const space: Space = {
		microBatches: planning.microBatches.filter(count => count <= job.training.batch),
		schedules: planning.schedules,
		codecs: planning.codecs,
		localEpochs: planning.localEpochs.filter(epochs => epochs <= job.training.epochs),
		mostStages: planning.mostStages,
		mostReplicas: planning.mostReplicas,
	};
	const problem: Problem = {
		// Plans name the model as the job does.
		costs: {...costs, name: job.model},
		fleet,
		training,
		data: placementOf(input, owners),
		objective: objectiveOf(job, fleet),
		constraints: {
			most: {
				...(time === undefined ? {} : {time}),
				...(energy === undefined ? {} : {energy}),
				...(bytes === undefined ? {} : {bytes}),
				...(money === undefined ? {} : {money}),
			},
			exclude: new Set(planning.exclude),
			pinned: planning.pinned.map(({device, units: [first, last]}) => ({device, first, last})),
			minimumReplicas: planning.minimumReplicas,
		},
		space: manner ? spaceOf(space, manner) : space,
	};
	return {problem, costs, fleet, training, leftOut: missing};
}
