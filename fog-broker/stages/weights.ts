/**
 * The weights of a run with stages as the coordinator knows them: by group and step as they come, and the last complete set.
 * They go along when the plan changes, and can be put together to the whole model.
 */
import {FplError} from '../../core/errors.js';
import type {Group} from '../../core/plan/groups.js';
import {groupsOf} from '../../core/plan/groups.js';
import type {Plan} from '../../core/plan/plan.js';
import type {TrainerState} from '../../models/engines/engine.js';
import type {Layout} from '../../models/graph.js';
import {isJoined} from '../../models/junction/join.js';
import {branchState, type NamedState, remapState} from '../../models/junction/remap.js';
import {flatten, layoutOf} from '../../models/layout.js';
import type {ArrangedPart, Arrangement} from '../../models/plans/arrange.js';
import {packBranches} from '../server/branches-away.js';

export type GroupStates = ReadonlyMap<string, TrainerState>;

interface Layouts {
	readonly parameters: Layout;
	readonly buffers: Layout;
}

/** Steps whose weights are kept while they are incomplete. */
const keptSteps = 8;

const layoutsOf = ({segment}: Pick<ArrangedPart, 'segment'>): Layouts => ({
	parameters: layoutOf(segment.graph, segment.parameters),
	buffers: layoutOf(segment.graph, segment.buffers),
});

export class StageWeights {
	#plan: Plan;
	#arrangement: Arrangement;
	#groups: readonly Group[];
	/** Number of slots that the optimiser keeps. */
	readonly #slots: number;
	readonly #arrived = new Map<string, Map<number, TrainerState>>();
	#expected: number | undefined;
	#saved: GroupStates;
	/** What branches and replicas that are away had when they left. */
	readonly #away = new Map<string, TrainerState>();
	readonly #branchesAway = new Map<string, NamedState>();
	/** By group: how many steps it had behind it when it was last saved. */
	readonly #savedAt: Map<string, number>;

	constructor(
		plan: Plan,
		arrangement: Arrangement,
		slots: number,
		saved?: GroupStates,
		savedAt: Iterable<readonly [string, number]> = [],
	) {
		this.#plan = plan;
		this.#arrangement = arrangement;
		this.#groups = groupsOf(plan);
		this.#slots = slots;
		this.#saved = saved ?? new Map(this.#groups.map(group => [group.key, this.#initial(group)]));
		this.#savedAt = new Map(savedAt);
	}

	/** What the weights are of. */
	get plan(): Plan {
		return this.#plan;
	}

	/** What a checkpoint keeps: the last complete set, and the weights of replicas and branches that are away. */
	get kept(): GroupStates {
		return new Map([
			...(isJoined(this.#arrangement.model) ? packBranches(this.branchesAway) : this.#away),
			...this.#saved,
		]);
	}

	/** What branches that are away had when they left. */
	get branchesAway(): ReadonlyMap<string, NamedState> {
		const {model} = this.#arrangement;
		const here = isJoined(model) ? model.join.branches : [];
		return new Map([...this.#branchesAway].filter(([branch]) => !here.includes(branch)));
	}

	/** These branches were away before: when they come back they go on from there. */
	remember(branches: ReadonlyMap<string, NamedState>): void {
		for (const [branch, state] of branches) {
			this.#branchesAway.set(branch, state);
		}
	}

	/** After how many steps a group was last saved; 0: never. */
	savedAt(key: string): number {
		return this.#savedAt.get(key) ?? 0;
	}

	/** Lengths of a group's vectors. */
	lengths(key: string): {readonly parameters: number; readonly buffers: number} {
		const {parameters, buffers} = this.#layouts(this.#group(key));
		return {parameters: parameters.length, buffers: buffers.length};
	}

	/** Weights of this step are on their way for a checkpoint: those of it that are here stay until all are. */
	expect(step: number): void {
		this.#expected = step;
	}

	put(key: string, step: number, state: TrainerState): void {
		const steps = this.#arrived.get(key) ?? new Map<number, TrainerState>();
		this.#arrived.set(key, steps);
		steps.set(step, state);
		for (const old of [...steps.keys()].sort((a, b) => a - b).slice(0, -keptSteps)) {
			if (old !== this.#expected) {
				steps.delete(old);
			}
		}
	}

	/** The newest that is known of a group. */
	latest(key: string): TrainerState {
		const steps = this.#arrived.get(key);
		return steps && steps.size > 0 ? steps.get(Math.max(...steps.keys()))! : this.#saved.get(key)!;
	}

	/** All groups have come for this step: the set is the one to go back to. Groups that are lost keep what was saved. */
	save(step: number): GroupStates {
		for (const {key} of this.#groups) {
			if (this.#arrived.get(key)?.has(step)) {
				this.#savedAt.set(key, step);
			}
		}
		this.#saved = new Map(
			this.#groups.map(({key}) => [key, this.#arrived.get(key)?.get(step) ?? this.#saved.get(key)!]),
		);
		return this.#saved;
	}

	/** Begins with the weights that a run had by another plan after this step. */
	takeUp(whole: TrainerState, step: number): void {
		this.#saved = new Map(
			this.#groups.map(group => {
				const state = this.#take(group, whole);
				// Replicas that are averaged go on with fresh slots, as after every mean.
				return [group.key, group.kind === 'interval' ? {...state, slots: [], updates: 0} : state];
			}),
		);
		for (const {key} of this.#groups) {
			this.#savedAt.set(key, step);
		}
	}

	/** Goes on with another plan of the same run, from the saved weights. */
	change(plan: Plan, arrangement: Arrangement): void {
		const before = {saved: this.#saved, model: this.#arrangement.model};
		for (const [key, state] of before.saved) {
			this.#away.set(key, state);
		}
		const whole = isJoined(before.model) ? this.wholes().get('') : undefined;
		if (isJoined(before.model)) {
			for (const branch of before.model.join.branches) {
				this.#branchesAway.set(branch, branchState(before.model, whole!, branch));
			}
		}
		this.#plan = plan;
		this.#arrangement = arrangement;
		this.#groups = groupsOf(plan);
		this.#arrived.clear();
		const {model} = arrangement;
		if (whole && isJoined(before.model) && isJoined(model)) {
			const returning = new Map([...this.#branchesAway].filter(([branch]) => model.join.branches.includes(branch)));
			const mapped = remapState(before.model, whole, model, {returning});
			this.#saved = new Map(this.#groups.map(group => [group.key, this.#take(group, mapped)]));
			return;
		}
		this.#saved = new Map(this.#groups.map(group => [group.key, this.#away.get(group.key) ?? this.#initial(group)]));
	}

	/**
	 * Whole models: one, or where replicas keep weights of their own one for each of them, by the device.
	 * @param states complete, by group; what is saved when undefined.
	 */
	wholes(states: GroupStates = this.#saved): ReadonlyMap<string, TrainerState> {
		const owners = isJoined(this.#arrangement.model) ? [] : ownersIn(this.#groups);
		const whole = (groups: readonly Group[]) => this.#whole(groups.map(group => [group, states.get(group.key)!]));
		return owners.length === 0
			? new Map([['', whole(this.#groups)]])
			: new Map(owners.map(device => [device, whole(this.#groupsFor(device))]));
	}

	/**
	 * Whole models of the devices of a plan that have weights of their own and are away: these as they were last saved, with how many
	 * steps they had behind them, and those that all share. Not of devices whose weights were never saved.
	 */
	wholesAway(original: Plan): ReadonlyMap<string, {readonly state: TrainerState; readonly steps: number}> {
		const groups = isJoined(this.#arrangement.model) ? [] : groupsOf(original);
		const here = ownersIn(this.#groups);
		const result = new Map<string, {state: TrainerState; steps: number}>();
		for (const device of ownersIn(groups).filter(owner => !here.includes(owner))) {
			const own = groups.filter(({owner}) => owner === device);
			const steps = Math.min(...own.map(({key}) => this.savedAt(key)));
			if (steps > 0 && own.every(({key}) => this.#away.has(key))) {
				const pieces = this.#groupsFor(device).map(group => {
					const mine = own.find(({stage}) => stage === group.stage);
					return [group, mine ? this.#away.get(mine.key)! : this.#saved.get(group.key)!] as const;
				});
				result.set(device, {state: this.#whole(pieces), steps});
			}
		}
		return result;
	}

	/** One group of each stage: the device's own, one that all share, or one of its neighbours'. */
	#groupsFor(device: string): Group[] {
		const replica = this.#plan.stages[0]!.replicas.findIndex(other => other.device === device);
		return this.#plan.stages.map((_, stage) => {
			const groups = this.#groups.filter(group => group.stage === stage);
			return (
				groups.find(({owner}) => owner === undefined || owner === device) ??
				groups[Math.max(0, replica) % groups.length]!
			);
		});
	}

	#group(key: string): Group {
		const group = this.#groups.find(other => other.key === key);
		if (!group) {
			throw new FplError('WIRE_INVALID', {where: `weights «${key}»`, problem: 'the plan has no such weights'});
		}
		return group;
	}

	#part({stage, replicas}: Group): ArrangedPart {
		return this.#arrangement.part({stage, replica: replicas[0]!});
	}

	#layouts(group: Group): Layouts {
		return layoutsOf(this.#part(group));
	}

	#initial(group: Group): TrainerState {
		const {segment} = this.#part(group);
		const {parameters, buffers} = this.#layouts(group);
		return {
			parameters: flatten(segment.graph, parameters),
			buffers: flatten(segment.graph, buffers),
			slots: this.#zeros(parameters.length),
			updates: 0,
		};
	}

	#zeros(length: number): Float32Array[] {
		return Array.from({length: this.#slots}, () => new Float32Array(length));
	}

	/** Puts the states of groups together, by the names of their weights. */
	#whole(pieces: Iterable<readonly [Group, TrainerState]>): TrainerState {
		const {model} = this.#arrangement;
		const all: Layouts = {
			parameters: layoutOf(model.graph, model.parameters),
			buffers: layoutOf(model.graph, model.buffers),
		};
		const parameters = flatten(model.graph, all.parameters);
		const buffers = flatten(model.graph, all.buffers);
		const slots = this.#zeros(parameters.length);
		let updates = 0;
		for (const [group, state] of pieces) {
			const own = this.#layouts(group);
			copyByName(own.parameters, state.parameters, all.parameters, parameters);
			copyByName(own.buffers, state.buffers, all.buffers, buffers);
			for (const [index, slot] of state.slots.entries()) {
				copyByName(own.parameters, slot, all.parameters, slots[index]!);
			}
			updates = Math.max(updates, state.updates);
		}
		return {parameters, buffers, slots, updates};
	}

	/** A group's part of a whole state. */
	#take(group: Group, whole: TrainerState): TrainerState {
		const {model} = this.#arrangement;
		const own = this.#layouts(group);
		const all: Layouts = {
			parameters: layoutOf(model.graph, model.parameters),
			buffers: layoutOf(model.graph, model.buffers),
		};
		const parameters = new Float32Array(own.parameters.length);
		const buffers = new Float32Array(own.buffers.length);
		copyByName(all.parameters, whole.parameters, own.parameters, parameters);
		copyByName(all.buffers, whole.buffers, own.buffers, buffers);
		const slots = whole.slots.map(slot => {
			const copy = new Float32Array(parameters.length);
			copyByName(all.parameters, slot, own.parameters, copy);
			return copy;
		});
		return {parameters, buffers, slots, updates: whole.updates};
	}
}

/** Copies what both layouts have. */
function copyByName(from: Layout, source: Float32Array, to: Layout, target: Float32Array): void {
	const places = new Map(to.entries.map(entry => [entry.name, entry]));
	for (const {name, offset, length} of from.entries) {
		const place = places.get(name);
		if (place) {
			target.set(source.subarray(offset, offset + length), place.offset);
		}
	}
}

/** Devices that have weights of their own. */
const ownersIn = (groups: readonly Group[]): readonly string[] => [
	...new Set(groups.flatMap(({owner}) => (owner === undefined ? [] : [owner]))),
];
