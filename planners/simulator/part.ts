/** One part of a plan at work on a step: its passes in the order of the schedule, sending while it goes on computing. */
import type {CostDevice} from '../../core/cost/fleet.js';
import type {ModelCosts} from '../../core/cost/model-costs.js';
import type {Gift, Parcel, Range} from '../../core/cost/traffic.js';
import {parcelsOf} from '../../core/cost/traffic.js';
import {boundaryKey} from '../../core/plan/orders.js';
import type {Plan} from '../../core/plan/plan.js';
import {type Active, type Division, divisionsOf, type PartId} from '../../core/plan/routing.js';
import {type Pass, passesOf} from '../../core/plan/schedule.js';
import type {Agent} from './agent.js';
import {all, type Process, type Signal} from './kernel.js';

/** Transfers to one part that may be under way at once. */
const ahead = 2;

/** What is the same for all steps with the same replicas at work. */
export class StepShape {
	readonly plan: Plan;
	readonly active: Active;
	/** By micro-batch. */
	readonly #divisions: readonly Division[];
	readonly #parcels: ReadonlyMap<Division, readonly Parcel[]>;

	constructor(plan: Plan, costs: ModelCosts, gifts: readonly Gift[], batch: number, active: Active) {
		this.plan = plan;
		this.active = active;
		this.#divisions = divisionsOf(plan, active, batch);
		this.#parcels = parcelsOf(plan, costs, gifts, this.#divisions);
	}

	/** Messages of one micro-batch, from and to a part. */
	parcels(micro: number, of: 'from' | 'to', {stage, replica}: PartId): readonly Parcel[] {
		const parcels = this.#parcels.get(this.#divisions[micro]!)!;
		return parcels.filter(parcel => parcel[of].stage === stage && parcel[of].replica === replica);
	}

	/** Items of each micro-batch that a part works on. */
	items({stage, replica}: PartId): readonly number[] {
		return this.#divisions.map(division => division[stage]![replica]!.count);
	}
}

export interface Part extends PartId {
	readonly agent: Agent;
	readonly range: Range;
}

/** @param partOf every part of the plan. @param tag of the step: what belongs to another one is not taken for this. */
export function* workOn(part: Part, shape: StepShape, partOf: (id: PartId) => Part, tag: string): Process {
	const {plan} = shape;
	const {agent} = part;
	const items = shape.items(part);
	const micros = items.flatMap((count, micro) => (count > 0 ? [micro] : []));
	const underWay = new Map<string, Signal[]>();
	const name = (key: string) => `${tag}/${key}`;
	for (const pass of passesOf(plan.pipeline.schedule, part.stage, plan.stages.length, micros)) {
		const {kind, micro} = pass;
		const toHere = shape.parcels(micro, 'to', part);
		const fromHere = shape.parcels(micro, 'from', part);
		if (kind === 'backward') {
			for (const parcel of fromHere.filter(({backwardBytes}) => backwardBytes > 0)) {
				yield* agent.receive(name(boundaryKey('backward', micro, parcel)));
			}
		} else {
			for (const parcel of toHere) {
				yield* agent.receive(name(boundaryKey('forward', micro, parcel)));
			}
		}
		yield* compute(part, plan, pass, items[micro]!);
		const gifts =
			kind === 'forward'
				? fromHere.map(parcel => ({
						to: parcel.to,
						key: boundaryKey('forward', micro, parcel),
						bytes: parcel.forwardBytes,
						coding: parcel.forwardCoding,
					}))
				: toHere
						.filter(({backwardBytes}) => backwardBytes > 0)
						.map(parcel => ({
							to: parcel.from,
							key: boundaryKey('backward', micro, parcel),
							bytes: parcel.backwardBytes,
							coding: parcel.backwardCoding,
						}));
		for (const {to, key, ...content} of gifts) {
			const peer = `${to.stage}.${to.replica}`;
			const under = underWay.get(peer) ?? [];
			underWay.set(peer, under);
			if (under.length >= ahead) {
				yield* agent.sending(all([under.shift()!]));
			}
			under.push(agent.give(partOf(to).agent, name(key), content));
		}
	}
	yield* agent.sending(all([...underWay.values()].flat()));
}

const passSeconds = ({times}: CostDevice, plan: Plan, {stage, range}: Part, {kind}: Pass, items: number): number => {
	const [first, last] = range;
	const again = kind === 'backward' && plan.stages[stage]!.stash === 'recompute';
	return times.pass(kind, first, last, items) + (again ? times.pass('forward', first, last, items) : 0);
};

function* compute(part: Part, plan: Plan, pass: Pass, items: number): Process {
	const {agent, stage, replica} = part;
	const {device, world} = agent;
	const from = yield* agent.compute(passSeconds(device, plan, part, pass, items));
	agent.items += pass.kind !== 'backward' && (stage === 0 || pass.kind === 'learn') ? items : 0;
	const {kind, micro} = pass;
	world.onPass({device: device.device, stage, replica, kind, micro, from, to: world.kernel.now});
}
