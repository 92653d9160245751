/** Everything that an agent holds for its parts of a plan, and how it gets there. */
import type {CodecSpec} from '../../core/codec/spec.js';
import {workSums} from '../../core/cost/pass-times.js';
import {rangesOfPlan} from '../../core/cost/traffic.js';
import {type Group, groupsOf} from '../../core/plan/groups.js';
import type {Job} from '../../core/plan/job.js';
import {codecFor} from '../../core/plan/links.js';
import type {Plan} from '../../core/plan/plan.js';
import {isBranched} from '../../core/plan/routing.js';
import type {Pass} from '../../core/plan/schedule.js';
import {slotCount} from '../../models/compile/optimizer.js';
import {bind} from '../../models/datasets/bind.js';
import type {Dataset} from '../../models/datasets/dataset.js';
import {itemOrder} from '../../models/datasets/draw.js';
import type {Engine} from '../../models/engines/engine.js';
import type {Loss, Model, ValueInfo} from '../../models/graph.js';
import {ofBranch} from '../../models/junction/kinds.js';
import {type ArrangedPart, type Arrangement, arrange} from '../../models/plans/arrange.js';
import {workOfUnits} from '../../models/plans/costs.js';
import type {Optimizer} from '../../models/training.js';
import type {Workload} from '../meter.js';
import {PartRunner} from './part.js';
import type {Source} from './source.js';

export interface StageWorkspace {
	readonly kind: 'stages';
	readonly plan: Plan;
	readonly arrangement: Arrangement;
	readonly groups: readonly Group[];
	readonly runners: readonly PartRunner[];
	/** By replica of the first stage: the data of those whose items or labels this device draws. */
	readonly sources: ReadonlyMap<number, Source>;
	/** Updates that the weights have behind them when the run is begun. */
	readonly step: number;
	/** Training items of its own. */
	readonly items: number;
	/** Bytes of boundary tensors that may wait. */
	readonly mailboxBytes: number;
	/** Whether the norm of the whole gradient is clipped, so that every part must tell its own. */
	readonly clipped: boolean;
	readonly codecTo: (device: string) => CodecSpec;
	/** What passes and updates ask of a device. */
	readonly work: PartWork;
	close(): Promise<void>;
}

export interface StageWorkspaceOptions {
	readonly device: string;
	readonly job: Job;
	readonly plan: Plan;
	readonly model: Model;
	readonly modelDigest: string;
	readonly engine: Engine;
	/** The step to begin with. */
	readonly step: number;
	/** The data of one source, by its place among the sources that the run began with. */
	readonly open: (replica: number) => Promise<Dataset>;
	/** The place of a replica of the first stage among the sources that the run began with. */
	readonly origin: (replica: number) => number;
}

/** Bytes of a value for one item; where a size is not known, more than any sensible one. */
const bytesPerItem = ({shape}: ValueInfo): number =>
	(shape ?? [1, 2 ** 20])
		.slice(1)
		.reduce<number>((product, dim) => product * (typeof dim === 'number' ? dim : 1024), 8);

/** Two steps may meet in the mailbox, each with what goes forward and what comes back. */
export const mailboxBytesFor = (parts: readonly ArrangedPart[], batch: number): number => {
	const values = parts.flatMap(({segment, gifts}) => [...segment.graph.inputs, ...gifts.flatMap(({made}) => made)]);
	return 2 * batch * values.reduce((sum, value) => sum + bytesPerItem(value), 0) + 64 * 1024 ** 2;
};

/** Work of passes and updates of a plan's parts, counted as planners count it. */
export interface PartWork {
	pass(part: ArrangedPart, pass: Pass, items: number): Workload;
	update(part: ArrangedPart): Workload;
}

/** @param model as the plan cuts it; what a junction adds to the trunk is not counted. */
export function workOfParts(model: Model, plan: Plan, optimizer: Optimizer): PartWork {
	const {maxCrossing, stages} = plan;
	const units = workOfUnits(model, {maxCrossing});
	const sums = workSums(units, slotCount(optimizer));
	const ranges = rangesOfPlan(plan, units.length);
	return {
		pass({stage}, {kind}, items) {
			const [first, last] = ranges[stage]!;
			const again = kind === 'backward' && stages[stage]!.stash === 'recompute';
			return sums.pass(again ? 'learn' : kind, first, last, items);
		},
		update({stage}) {
			const [first, last] = ranges[stage]!;
			return sums.update(first, last);
		},
	};
}

/** @throws FplError of the model, the data or the engine. Nothing stays open when it throws. */
export async function openStages(options: StageWorkspaceOptions): Promise<StageWorkspace> {
	const {device, job, plan, model, modelDigest, engine} = options;
	const arrangement = arrange(model, plan, modelDigest);
	const parts = arrangement.parts.filter(part => part.device === device);
	const loss = job.training.loss ?? model.loss;
	const sources = new Map<number, Source>();
	for (const replica of sourcesFor(plan, parts)) {
		sources.set(replica, await openSource(options, replica, loss));
	}
	const runners: PartRunner[] = [];
	const close = async () => {
		await Promise.all(runners.map(({stage}) => stage.close()));
	};
	try {
		for (const part of parts) {
			const stage = await engine.stage(arrangement.model, {
				segment: part.segment,
				last: part.last,
				loss,
				optimizer: job.training.optimizer,
				seed: job.training.seed,
				stash: plan.stages[part.stage]!.stash,
			});
			runners.push(new PartRunner(part, stage));
		}
	} catch (error) {
		await close();
		throw error;
	}
	const own = parts.find(({stage}) => stage === 0);
	return {
		kind: 'stages',
		plan,
		step: options.step,
		arrangement,
		groups: groupsOf(plan),
		runners,
		sources,
		items: own ? sources.get(own.replica)!.data.items : 0,
		mailboxBytes: mailboxBytesFor(parts, job.training.batch),
		clipped: job.training.clipNorm !== undefined,
		codecTo: to => codecFor(plan, device, to),
		work: workOfParts(model, plan, job.training.optimizer),
		close,
	};
}

/** Replicas of the first stage whose items, or whose items' labels, the parts of one device draw. */
function sourcesFor(plan: Plan, parts: readonly ArrangedPart[]): ReadonlySet<number> {
	const own = parts.filter(({stage}) => stage === 0).map(({replica}) => replica);
	const tells = plan.labels === 'at-last-stage' && parts.some(({last}) => last);
	return new Set(tells ? plan.stages[0]!.replicas.keys() : own);
}

async function openSource({job, plan, model, open, origin}: StageWorkspaceOptions, replica: number, loss: Loss) {
	const data = bind(await open(replica), model, loss);
	const branched = isBranched(plan, 0);
	return {
		data: branched ? renamed(data, plan.stages[0]!.replicas[replica]!.device) : data,
		// Branches see the same items in the same order.
		order: itemOrder(data.items, job.training.seed, branched ? 0 : origin(replica)),
	};
}

/** The data of a branch feed the branch's own inputs. */
export const renamed = (data: Dataset, branch: string): Dataset => ({
	...data,
	features: data.features.map(feature => ({...feature, name: ofBranch(feature.name, branch)})),
	batch(indices) {
		const {inputs, targets} = data.batch(indices);
		return {
			inputs: Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [ofBranch(name, branch), tensor])),
			targets,
		};
	},
});
