/**
 * The plan with the fewest stages that keeps to pinned units, replicas and places to cut, whatever it costs; or what rules out
 * every plan, in words of the job.
 */
import type {ErrorFacts} from '../../core/errors.js';
import type {Problem} from '../problem.js';
import type {Candidate, Mode} from './candidate.js';
import {isPermitted} from './notebook.js';
import type {Rules} from './rules.js';

export type Skeleton = {readonly kind: 'candidate'; readonly candidate: Candidate} | Obstructed;

/** A stage of which is known who computes it, and the first and the last unit that it has at least. */
interface Hold {
	readonly devices: readonly number[];
	readonly first: number;
	/** Before `first`: there is none that it must have. */
	readonly last: number;
	/** Index of the pin with its first unit; undefined: that it is there follows from where the data are. */
	readonly pin: number | undefined;
}

interface Obstructed {
	readonly kind: 'none';
	readonly obstacle: ErrorFacts;
}

const mostNames = 6;

class Builder {
	readonly #problem: Problem;
	readonly #rules: Rules;
	readonly #end: number;

	constructor(problem: Problem, rules: Rules) {
		this.#problem = problem;
		this.#rules = rules;
		this.#end = problem.costs.units.length - 1;
	}

	build(): Skeleton {
		const found = this.#holds();
		if (found.kind === 'none') {
			return found;
		}
		const {holds} = found;
		const ends = this.#lasts(holds);
		if (ends.kind === 'none') {
			return ends;
		}
		const [fewest] = this.#rules.modes.toSorted((a, b) => a.microBatches - b.microBatches) as [Mode, ...Mode[]];
		const [localEpochs = 0] = this.#problem.space.localEpochs;
		const candidate = {
			stages: holds.map(({devices}, index) => ({last: ends.lasts[index]!, devices})),
			mode: holds.length === 1 ? {...fewest, localEpochs} : fewest,
		};
		return isPermitted(this.#problem, this.#rules, candidate)
			? {kind: 'candidate', candidate}
			: this.#tooFewItems(holds, fewest);
	}

	/** The stages that there must be, in their order. */
	#holds(): {readonly kind: 'holds'; readonly holds: readonly Hold[]} | Obstructed {
		const {sources, whole, closes} = this.#rules;
		const {fleet, constraints} = this.#problem;
		const pins = constraints.pinned.map(({device, ...units}, pin): Hold => {
			return {devices: [fleet.devices.findIndex(one => one.device === device)], ...units, pin};
		});
		const isOwn = ({devices: [device]}: Hold) => sources?.includes(device!) === true;
		const foreign = pins.find(pin => isOwn(pin) && sources!.length > 1);
		if (foreign) {
			return obstructed({
				where: pinOf(foreign),
				problem: `units are pinned to «${this.#names(foreign.devices)}» alone, and all devices that own data share the first stage`,
				expected: 'a device that owns no data',
				got: `one of ${this.#names(sources!)}`,
				fix: 'Pin these units to another device, or leave one device alone in «data.sources».',
			});
		}
		const own = pins.filter(isOwn);
		const others = hullsOf(pins.filter(pin => !isOwn(pin)));
		if (others.length === 0 && whole) {
			const devices = sources ?? this.#fastest(this.#rules.free);
			return devices.length < this.#least && !sources
				? this.#tooFewDevices('every stage needs so many devices')
				: {kind: 'holds', holds: [{devices, first: 0, last: this.#end, pin: undefined}]};
		}
		if (!sources) {
			return {kind: 'holds', holds: others};
		}
		const trunk = this.#fastest(this.#rules.free);
		if (others.length === 0 && trunk.length < this.#least) {
			return this.#tooFewDevices('besides the devices that see the items others are needed for the trunk');
		}
		// What a lone source has pinned after units of others it can only have in a last stage of its own.
		const isBack = ({first}: Hold) => closes && others.length > 0 && first > others[0]!.first;
		const front = Math.max(-1, ...own.filter(pin => !isBack(pin)).map(({last}) => last));
		const back = Math.min(this.#end, ...own.filter(isBack).map(({first}) => first));
		const holds = [
			{devices: sources, first: 0, last: front, pin: undefined},
			...(others.length > 0 ? others : [{devices: trunk, first: this.#end, last: this.#end, pin: undefined}]),
			...(closes ? [{devices: sources, first: back, last: this.#end, pin: undefined}] : []),
		];
		return {kind: 'holds', holds};
	}

	/** Last units of the stages. */
	#lasts(holds: readonly Hold[]): {readonly kind: 'lasts'; readonly lasts: readonly number[]} | Obstructed {
		const {mostStages} = this.#problem.space;
		if (holds.length > mostStages) {
			return obstructed({
				where: 'planning.mostStages',
				problem: `these are stages that there must be: ${holds.map(({devices}) => this.#names(devices)).join(' → ')}`,
				expected: `at least ${holds.length}`,
				got: `${mostStages}`,
				fix: 'Permit more stages, or pin fewer units.',
			});
		}
		const lasts: number[] = [];
		for (const [index, next] of holds.slice(1).entries()) {
			const least = Math.max(holds[index]!.last, (lasts.at(-1) ?? -1) + 1);
			const cut = this.#rules.cuts.find(place => place >= least && (index > 0 || this.#rules.firstCuts.has(place)));
			if (cut === undefined || cut >= next.first) {
				return this.#noCut(holds[index]!, next, cut);
			}
			lasts.push(cut);
		}
		return {kind: 'lasts', lasts: [...lasts, this.#end]};
	}

	/** @param cut the first one after what `before` must have, if there is any. */
	#noCut(before: Hold, next: Hold, cut: number | undefined): Obstructed {
		const {sources} = this.#rules;
		const stageOf = ({devices}: Hold) => `${devices === sources ? 'the stage of ' : ''}«${this.#names(devices)}»`;
		const [one, other] = [stageOf(before), stageOf(next)];
		const where = pinOf(next.pin === undefined ? before : next);
		const belongs = `unit ${next.first} ${next.pin === undefined ? 'belongs' : 'is pinned'} to ${other}`;
		const fix = 'Pin other units, or take the pin out.';
		if (next.first <= before.last) {
			return obstructed({
				where,
				problem: `${belongs}, and units ${before.first} to ${before.last} are those of ${one}: a stage has units that lie side by side`,
				fix,
			});
		}
		if (cut === undefined) {
			return obstructed({
				where: this.#problem.costs.name,
				problem: `there is no place to cut after ${one}, where nothing but what has gone through trained units leaves the devices that own data`,
				fix: 'Permit more tensors over a cut with «planning.maxCrossing», or say «privacy: { rawData: may-move }».',
			});
		}
		return obstructed({
			where,
			problem: `${belongs}, and in every plan ${one} has it: the first place to cut is after unit ${cut}`,
			expected: `unit ${cut + 1} or a later one`,
			got: `unit ${next.first}`,
			fix,
		});
	}

	#tooFewDevices(problem: string): Obstructed {
		const {free} = this.#rules;
		return obstructed({
			where: this.#least > 1 ? 'planning.minimumReplicas' : 'devices',
			problem,
			expected: `at least ${this.#least} that ${this.#rules.sources ? 'own no data' : 'are not left out'}`,
			got: free.length === 0 ? 'none' : `${free.length} (${this.#names(free)})`,
			fix: 'Start more agents, or take back what «planning» asks for.',
		});
	}

	#tooFewItems(holds: readonly Hold[], {microBatches}: Mode): Obstructed {
		const {training} = this.#problem;
		const widest = holds.reduce((most, hold) => (hold.devices.length > most.devices.length ? hold : most));
		const micro = microBatches > 1 ? ` of each of ${microBatches} micro-batches` : '';
		return obstructed({
			where: 'training.batch',
			problem: `a stage has ${widest.devices.length} devices, and each of them, the one with the smallest share as well, needs an item${micro}`,
			expected: `more than ${training.batch} items, or fewer micro-batches or devices`,
			got: `${training.batch}`,
			fix: 'Make the batch larger, or name smaller numbers in «planning.microBatches».',
		});
	}

	get #least(): number {
		return Math.max(1, this.#problem.constraints.minimumReplicas);
	}

	/** As many as a stage needs. */
	#fastest(devices: readonly number[]): readonly number[] {
		const {fleet, training} = this.#problem;
		const seconds = (device: number) => fleet.devices[device]!.times.pass('learn', 0, this.#end, training.batch);
		return devices.toSorted((a, b) => seconds(a) - seconds(b)).slice(0, this.#least);
	}

	#names(devices: readonly number[]): string {
		const names = devices.slice(0, mostNames).map(device => this.#problem.fleet.devices[device]!.device);
		return `${names.join(', ')}${devices.length > mostNames ? ` and ${devices.length - mostNames} more` : ''}`;
	}
}

/** Of each device the units from its first to its last, in the order of units. */
function hullsOf(pins: readonly Hold[]): readonly Hold[] {
	const byDevice = new Map<number, Hold>();
	for (const pin of pins.toSorted((a, b) => a.first - b.first)) {
		const [device] = pin.devices as readonly [number];
		const known = byDevice.get(device);
		byDevice.set(device, known ? {...known, last: Math.max(known.last, pin.last)} : pin);
	}
	return [...byDevice.values()];
}

const obstructed = (obstacle: ErrorFacts): Obstructed => ({kind: 'none', obstacle});

const pinOf = ({pin}: Hold): string => (pin === undefined ? 'planning.pinned' : `planning.pinned[${pin}]`);

export const skeletonOf = (problem: Problem, rules: Rules): Skeleton => new Builder(problem, rules).build();
