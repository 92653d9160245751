/** What can be said against a plan without knowing the model or the fleet: whether its parts agree with each other. */
import {FplError} from '../errors.js';

import {nearest} from '../nearest.js';
import {type Plan, type Stage, synchronisationOf} from './plan.js';
import {junctionStage} from './routing.js';

const refuse = (where: string, facts: ConstructorParameters<typeof FplError>[1]): FplError =>
	new FplError('PLAN_INVALID', {where, ...facts});

const named = (index: number): string => `stages[${index}]`;
const devicesOf = ({replicas}: Stage): readonly string[] => replicas.map(({device}) => device);
const listed = (devices: readonly string[]): string => devices.map(device => `«${device}»`).join(', ');
const unitsText = ([first, last]: readonly [number, number]): string =>
	first === last ? `unit ${first}` : `units ${first} to ${last}`;

function checkUnits({stages}: Plan): void {
	let next = 0;
	for (const [index, {units}] of stages.entries()) {
		if (units === 'all') {
			if (stages.length > 1) {
				throw refuse(`${named(index)}.units`, {
					problem: '«all» is the whole model and leaves nothing to other stages',
					expected: 'first and last unit of the stage, such as [0, 4]',
				});
			}
			return;
		}
		const [first, last] = units;
		const where = `${named(index)}.units`;
		if (last < first) {
			throw refuse(where, {expected: 'a last unit that does not come before the first', got: `[${first}, ${last}]`});
		}
		if (first !== next) {
			const before = index === 0 ? 'the model begins' : `${named(index - 1)} ends`;
			const missing = unitsText([next, first - 1]);
			const shared = unitsText([first, Math.min(next - 1, last)]);
			throw refuse(where, {
				problem: first > next ? `${missing} would be in no stage` : `${shared} would be in ${named(index - 1)} too`,
				expected: `first unit ${next}, since ${before} ${index === 0 ? 'there' : `with unit ${next - 1}`}`,
				got: `${first}`,
			});
		}
		next = last + 1;
	}
}

function checkDevices({stages}: Plan): void {
	for (const [index, stage] of stages.entries()) {
		const devices = devicesOf(stage);
		const second = devices.findIndex((device, at) => devices.indexOf(device) !== at);
		if (second >= 0) {
			throw refuse(`${named(index)}.replicas[${second}]`, {
				problem: `device «${devices[second]}» is in this stage already`,
				fix: 'Give one replica the share of both.',
			});
		}
	}
}

function checkSynchronisation(plan: Plan): void {
	const places = [
		{where: 'synchronisation', synchronisation: plan.synchronisation},
		...plan.stages.map(({synchronisation}, index) => ({where: `${named(index)}.synchronisation`, synchronisation})),
	];
	for (const {where, synchronisation} of places) {
		if (synchronisation === undefined) {
			continue;
		}
		const {exchange, every} = synchronisation;
		if (exchange === 'gradients' && every.kind !== 'step') {
			throw refuse(where, {
				problem: 'gradients belong to the weights they were computed with, so that they are exchanged at every step',
				expected: 'gradients every step, or weights',
				got: `gradients every ${every.kind}`,
			});
		}
		if (exchange === 'weights' && every.kind === 'step') {
			throw refuse(where, {
				expected: 'gradients every step, or weights every so many steps or epochs',
				got: 'weights every step',
				fix: 'Write «every: { kind: steps, steps: 1 }» to take the mean of the weights after each step.',
			});
		}
	}
}

/** Replicas that never become one model make sense only where a source's items always go through its own replica. */
function checkPrivate(plan: Plan): void {
	const {stages, labels} = plan;
	const junction = junctionStage(plan) ?? 0;
	for (const [index, stage] of stages.entries()) {
		const {every} = synchronisationOf(plan, stage);
		const ofSources = index === 0 || index < junction || (labels === 'stay' && index === stages.length - 1);
		if (every.kind === 'never' && stage.replicas.length > 1 && (stages.length === 1 || !ofSources)) {
			throw refuse(`${named(index)}, devices ${listed(devicesOf(stage))}`, {
				problem:
					stages.length === 1
						? 'replicas of the whole model that never synchronise are as many models, not one'
						: 'an item may go to any of these replicas, so that they have to stay one model',
				expected: 'a synchronisation every step, every so many steps or epochs',
				got: 'never',
			});
		}
	}
}

function checkTurns(plan: Plan): void {
	const {stages, labels} = plan;
	for (const [index, stage] of stages.entries()) {
		if (stage.turns !== 'in-turn') {
			continue;
		}
		const where = `${named(index)}.turns`;
		const {exchange, every} = synchronisationOf(plan, stage);
		if (exchange !== 'weights' || every.kind === 'never') {
			throw refuse(where, {
				problem: 'a turn ends when the weights are handed over',
				expected: 'a synchronisation of weights every so many steps or epochs',
				got: `${exchange} every ${every.kind}`,
			});
		}
		const mirrors = labels === 'stay' && index === stages.length - 1;
		if (index > 0 && !mirrors) {
			throw refuse(where, {
				problem: 'only devices that own the data take turns',
				expected: '«together»',
				got: '«in-turn»',
			});
		}
	}
}

function checkLabels(plan: Plan): void {
	const {stages, labels} = plan;
	if (labels !== 'stay' || stages.length === 1) {
		return;
	}
	const first = stages[0]!;
	const last = stages.at(-1)!;
	const where = named(stages.length - 1);
	const [sources, ends] = [devicesOf(first), devicesOf(last)];
	const differs = sources.findIndex((device, index) => device !== ends[index]);
	if (differs >= 0 || sources.length !== ends.length) {
		const at = differs >= 0 ? differs : sources.length;
		throw refuse(`${where}.replicas, device «${ends[at] ?? sources[at]}»`, {
			problem:
				'labels stay on the devices of the first stage, so that these have to compute the last one, in the same order',
			expected: listed(sources),
			got: listed(ends),
		});
	}
	if (first.turns !== last.turns) {
		throw refuse(`${where}.turns`, {
			problem: 'the first and the last stage are the same devices',
			expected: `«${first.turns}», as in stages[0]`,
			got: `«${last.turns}»`,
		});
	}
	const [one, other] = [0, stages.length - 1].map(index =>
		JSON.stringify(synchronisationOf(plan, stages[index]!).every),
	);
	if (first.turns === 'in-turn' && one !== other) {
		throw refuse(`${where}.synchronisation`, {
			problem: 'a device begins and ends its turn in both of its stages',
			expected: `every ${one}, as in stages[0]`,
			got: `every ${other}`,
		});
	}
	const total = ({replicas}: Stage) => replicas.reduce((sum, {share}) => sum + share, 0);
	const uneven = first.replicas.findIndex(({share}, index) => {
		const back = last.replicas[index]!.share;
		return Math.abs(share / total(first) - back / total(last)) > 1e-9;
	});
	if (junctionStage(plan) === undefined && uneven >= 0) {
		throw refuse(`${where}.replicas[${uneven}].share, device «${ends[uneven]}»`, {
			problem: 'each item goes back to the device that has its label',
			expected: 'the same shares as in stages[0]',
			got: `${last.replicas[uneven]!.share} for ${first.replicas[uneven]!.share}`,
		});
	}
}

function checkJunctions(plan: Plan): void {
	const {stages} = plan;
	const at = junctionStage(plan);
	if (at === undefined) {
		return;
	}
	const where = `${named(at)}.junction`;
	if (at === 0) {
		throw refuse(where, {problem: 'there is no stage before the first whose outputs could be merged'});
	}
	const again = stages.findIndex(({junction}, index) => index > at && junction.mode === 'aligned');
	if (again >= 0) {
		throw refuse(`${named(again)}.junction`, {
			problem: `the branches were merged in ${named(at)} already; the replicas after that have different items`,
			expected: '«mode: stack»',
			got: '«mode: aligned»',
		});
	}
	const branches = stages[at - 1]!.replicas.length;
	if (branches < 2) {
		throw refuse(`${named(at - 1)}, device «${stages[at - 1]!.replicas[0]!.device}»`, {
			problem: `${named(at)} merges branches`,
			expected: 'two replicas or more',
			got: '1',
		});
	}
	for (const [index, stage] of stages.slice(0, at).entries()) {
		if (stage.replicas.length !== branches) {
			throw refuse(`${named(index)}.replicas`, {
				problem: 'each branch has a replica in every stage before its junction',
				expected: `${branches}, as in ${named(at - 1)}`,
				got: `${stage.replicas.length}`,
			});
		}
		if (stage.turns === 'in-turn') {
			throw refuse(`${named(index)}.turns`, {
				problem: `${named(at)} merges what all branches made of the same item`,
				expected: '«together»',
				got: '«in-turn»',
			});
		}
	}
}

/** An entry that fits no link of the plan is a slip of the pen. */
function checkLinks({stages, links}: Plan): void {
	const devices = [...new Set(stages.flatMap(devicesOf))];
	for (const [index, link] of links.entries()) {
		for (const end of ['from', 'to'] as const) {
			const name = link[end];
			if (name !== '*' && !devices.includes(name)) {
				throw refuse(`links[${index}].${end}`, {
					problem:
						name === 'parameter-server'
							? 'what goes to and from the parameter server is fp32 with every plan'
							: `device «${name}» is in no stage`,
					expected: `one of ${listed(devices)} or «*»`,
					...(nearest(name, devices) === undefined ? {} : {fix: `Did you mean «${nearest(name, devices)}»?`}),
				});
			}
		}
	}
}

/**
 * Checks what the schema cannot, and what needs neither model nor fleet (for that see `models/plans/check`).
 * @throws FplError `PLAN_INVALID` naming the stage and the device.
 */
export function checkPlan(plan: Plan): Plan {
	checkUnits(plan);
	checkDevices(plan);
	checkJunctions(plan);
	checkSynchronisation(plan);
	checkTurns(plan);
	checkLabels(plan);
	checkPrivate(plan);
	checkLinks(plan);
	return plan;
}
