/** Whether a plan fits its model, its job and the fleet. What fits neither is refused before anybody is asked. */

import {unknownCodecs} from '../../core/codec/spec.js';
import type {PartMemory} from '../../core/cost/memory.js';
import {FplError, isFplError} from '../../core/errors.js';
import {checkPlan} from '../../core/plan/check.js';

import {type Plan, synchronisationOf} from '../../core/plan/plan.js';
import {activeIn, itemsOf, junctionStage} from '../../core/plan/routing.js';
import type {Shape} from '../../core/tensor/tensor.js';
import {formatSi} from '../../core/units.js';
import type {Model} from '../graph.js';
import {show} from '../infer/dims.js';
import {type Unit, unitsOf} from '../inspect/cuts.js';
import type {Optimizer} from '../training.js';
import {cutFor, type PlanCut, rangesIn} from './cut.js';
import {memoryOf} from './memory.js';

/** What is known of a device; what is not known is not checked. */
export interface FleetMember {
	readonly device: string;
	readonly memoryBytes?: number | undefined;
	/** Engines that work there. */
	readonly engines?: readonly string[] | undefined;
	/** Codecs that its software knows. */
	readonly codecs?: readonly string[] | undefined;
	/** Shape of one item of its data, for each input of the model. */
	readonly items?: readonly Shape[] | undefined;
}

export interface CheckOptions {
	readonly model: Model;
	/** Every device that there is; undefined: devices are not checked. */
	readonly fleet?: readonly FleetMember[] | undefined;
	/** How the plan is trained; undefined: shares and memory are not checked. */
	readonly training?: {readonly batch: number; readonly optimizer: Optimizer} | undefined;
	/** Which engine has to work everywhere. Default: any. */
	readonly engine?: string | undefined;
	/** stays: what leaves the sources has gone through trained units. */
	readonly rawData?: 'stays' | 'may-move' | undefined;
	/** stay: whoever has the labels computes the last stage. */
	readonly labels?: 'stay' | 'travel' | undefined;
}

type Facts = ConstructorParameters<typeof FplError>[1];
const refuse = (where: string, facts: Facts, cause?: unknown): FplError =>
	new FplError('PLAN_INVALID', {where, ...facts}, {cause});
const named = (stage: number): string => `stages[${stage}]`;
const at = (stage: number, device: string): string => `${named(stage)}, device «${device}»`;

function checkUnits(plan: Plan, model: Model, units: readonly Unit[]): void {
	const ranges = rangesIn(plan, units.length);
	const counted = plan.maxCrossing === 1 ? '' : ` with «maxCrossing: ${plan.maxCrossing}»`;
	for (const [stage, [first, last]] of ranges.entries()) {
		if (last >= units.length || (stage === ranges.length - 1 && last !== units.length - 1)) {
			throw refuse(`${named(stage)}.units`, {
				problem:
					last >= units.length
						? `«${model.name}» has ${units.length} units${counted}, 0 to ${units.length - 1}`
						: `units ${last + 1} to ${units.length - 1} of «${model.name}» would be in no stage`,
				expected:
					stage === ranges.length - 1 ? `last unit ${units.length - 1}` : `a last unit below ${units.length - 1}`,
				got: `[${first}, ${last}]`,
			});
		}
	}
	const owner = new Map<string, number>();
	for (const [stage, [first, last]] of ranges.entries()) {
		for (const name of units.slice(first, last + 1).flatMap(({parameters, buffers}) => [...parameters, ...buffers])) {
			const other = owner.get(name) ?? stage;
			if (other !== stage) {
				throw refuse(`${named(stage)}.units`, {
					problem: `«${name}» is used in ${named(other)} too, and a weight has one place where it is updated`,
					fix: 'Put the units that share it into one stage.',
				});
			}
			owner.set(name, stage);
		}
	}
}

/** The segments, or why the model cannot be cut or joined so. */
function cut(plan: Plan, model: Model): PlanCut {
	try {
		return cutFor(plan, model);
	} catch (error) {
		if (!isFplError(error, 'MODEL_CUT')) {
			throw error;
		}
		const stage = junctionStage(plan);
		const {where, problem, ...facts} = error.facts;
		const text = [where, problem].filter(part => part !== undefined).join(': ');
		throw refuse(stage === undefined ? 'stages' : `${named(stage)}.junction`, {problem: text, ...facts}, error);
	}
}

function checkFleet(plan: Plan, {model, engine = 'auto'}: CheckOptions, fleet: readonly FleetMember[]): void {
	const members = new Map(fleet.map(member => [member.device, member]));
	const present = fleet.map(({device}) => `«${device}»`).join(', ') || 'no device';
	for (const [stage, {replicas}] of plan.stages.entries()) {
		for (const {device} of replicas) {
			const member = members.get(device);
			if (!member) {
				throw refuse(at(stage, device), {
					problem: 'this device is not there',
					expected: `one of ${present}`,
					fix: 'Start its agent with «fpl agent run», or give its share to another device.',
				});
			}
			const {engines} = member;
			if (engines && (engine === 'auto' ? engines.length === 0 : !engines.includes(engine))) {
				throw refuse(at(stage, device), {
					expected: engine === 'auto' ? 'an engine that works there' : `engine «${engine}»`,
					got: engines.join(', ') || 'none',
					fix: 'See «fpl doctor» on that device.',
				});
			}
		}
	}
	checkItems(plan, model, members);
	checkCodecs(plan, members);
}

/** Both ends of a link understand its codec. */
function checkCodecs({stages, links}: Plan, members: ReadonlyMap<string, FleetMember>): void {
	const named = new Set(stages.flatMap(({replicas}) => replicas.map(({device}) => device)));
	for (const [index, {from, to, codec}] of links.entries()) {
		for (const [end, other] of [
			[from, to],
			[to, from],
		] as const) {
			for (const device of end === '*' ? named : named.has(end) ? [end] : []) {
				const {codecs} = members.get(device) ?? {};
				if (codecs && unknownCodecs([codec], codecs).length > 0) {
					throw refuse(`links[${index}], device «${device}»`, {
						problem: `its software does not know the codec of its link with ${other === '*' ? 'others' : `«${other}»`}`,
						expected: `one of ${codecs.join(', ')}`,
						got: codec.kind,
						fix: 'Choose another codec, or update the agent.',
					});
				}
			}
		}
	}
}

/** The sources' items have the shape that the model eats: branches of other shapes could not be joined. */
function checkItems(plan: Plan, model: Model, members: ReadonlyMap<string, FleetMember>): void {
	for (const {device} of plan.stages[0]!.replicas) {
		for (const [index, shape] of (members.get(device)?.items ?? []).entries()) {
			const input = model.graph.inputs[index];
			const wanted = input?.shape?.slice(1);
			const fits = wanted?.length === shape.length && wanted.every((dim, axis) => dim === shape[axis]);
			if (input !== undefined && wanted !== undefined && !fits) {
				throw refuse(at(0, device), {
					problem:
						junctionStage(plan) === undefined
							? `its items do not fit the input «${input.name}»`
							: 'branches whose tensors have different shapes cannot be joined',
					expected: `items of ${show(wanted)}`,
					got: show(shape),
				});
			}
		}
	}
}

/** Every replica has at least one item of a batch; with fewer than there are micro-batches it has none of some of them. */
function checkShares(plan: Plan, batch: number): void {
	const {microBatches} = plan.pipeline;
	if (microBatches > batch) {
		throw refuse('pipeline.microBatches', {
			problem: 'a micro-batch has at least one item',
			expected: `at most ${batch}, the items of a batch`,
			got: `${microBatches}`,
		});
	}
	const apart = plan.stages.length === 1 && synchronisationOf(plan, plan.stages[0]!).exchange === 'weights';
	// Data-parallel training on more devices than a batch has items leaves some idle, which does no harm.
	if (apart || (plan.stages.length === 1 && microBatches === 1)) {
		return;
	}
	for (const [stage, {replicas}] of plan.stages.entries()) {
		for (const [replica, {device}] of replicas.entries()) {
			const items = itemsOf(plan, activeIn(plan, replica), stage, batch)[replica]!;
			if (items === 0) {
				throw refuse(at(stage, device), {
					problem: 'its share of a batch is nothing',
					expected: 'at least one item',
					got: `0 of ${batch} items`,
					fix: 'Raise its share or the batch.',
				});
			}
		}
	}
}

function checkMemory(parts: readonly PartMemory[], fleet: readonly FleetMember[]): void {
	const text = (bytes: number) => formatSi(bytes, 'B');
	for (const {device, memoryBytes} of fleet) {
		const own = parts.filter(part => part.device === device);
		const total = own.reduce((sum, part) => sum + part.total, 0);
		if (memoryBytes === undefined || total <= memoryBytes) {
			continue;
		}
		const largest = own.reduce((a, b) => (b.total > a.total ? b : a));
		const {stage, weights, gradient, slots, activations, boundary} = largest;
		const others = own.length > 1 ? `, ${text(total - largest.total)} in its other stages` : '';
		throw refuse(at(stage, device), {
			problem: `weights ${text(weights)}, gradient ${text(gradient)}, optimiser ${text(slots)}, activations ${text(activations)}, boundary tensors ${text(boundary)}${others}`,
			expected: `at most ${text(memoryBytes)}, its memory`,
			got: `about ${text(total)}`,
			fix: 'Give it fewer units or a smaller share, «stash: recompute», or more micro-batches.',
		});
	}
}

function checkPrivacy(plan: Plan, model: Model, units: readonly Unit[]): void {
	const [first] = plan.stages;
	if (plan.stages.length > 1 && first!.units !== 'all') {
		const [, last] = first!.units;
		const inputs = new Set(model.graph.inputs.map(({name}) => name));
		const crossing = unitsOf(model, {maxCrossing: plan.maxCrossing}).cuts[last]?.crossing ?? [];
		const raw = crossing.find(({name}) => inputs.has(name));
		if (raw || units.slice(0, last + 1).every(({parameters}) => parameters.length === 0)) {
			throw refuse('stages[0].units', {
				problem: raw
					? `the input «${raw.name}» itself crosses the cut`
					: 'the first stage trains nothing, so that raw data would leave the sources',
				expected: 'a cut after the first layer, or «privacy: { rawData: may-move }» in the job',
				got: `[0, ${last}]`,
			});
		}
	}
}

/** In plans of one stage every device has the labels of its own items. */
function checkLabels({stages, labels}: Plan): void {
	if (stages.length > 1 && labels !== 'stay') {
		throw refuse('labels', {
			problem:
				labels === 'travel'
					? `labels would travel to ${at(stages.length - 1, stages.at(-1)!.replicas[0]!.device)}, and the job says that they stay`
					: 'the devices of the last stage would have the labels of all items, and the job says that labels stay with their items',
			expected: '«labels: stay», the last stage on the devices of the first',
			got: `«${labels}»`,
			fix: 'Choose the scheme «u-shaped» or «auto», or say «privacy: { labels: travel }» in the job.',
		});
	}
}

/**
 * Checks a plan against its model and, as far as they are given, the training, the devices and the privacy asked for.
 * @throws FplError `PLAN_INVALID` naming the stage and, where it is about one, the device: `stages[1], device «cam-2»`.
 */
export function checkPlanFor(plan: Plan, options: CheckOptions): void {
	const {model, fleet, training, rawData = 'may-move', labels = 'travel'} = options;
	checkPlan(plan);
	const {units} = unitsOf(model, {maxCrossing: plan.maxCrossing});
	checkUnits(plan, model, units);
	if (fleet) {
		checkFleet(plan, options, fleet);
	}
	if (rawData === 'stays') {
		checkPrivacy(plan, model, units);
	}
	if (labels === 'stay') {
		checkLabels(plan);
	}
	const found = cut(plan, model);
	if (training) {
		checkShares(plan, training.batch);
		checkMemory(memoryOf(plan, model, training, found), fleet ?? []);
	}
}
