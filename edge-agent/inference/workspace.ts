/** Everything that an agent holds for its parts of an inference run: stages with trained weights, and the items to answer. */
import type {CodecSpec} from '../../core/codec/spec.js';
import type {Job} from '../../core/plan/job.js';
import {codecFor} from '../../core/plan/links.js';
import type {Plan} from '../../core/plan/plan.js';
import {isBranched} from '../../core/plan/routing.js';
import {bind} from '../../models/datasets/bind.js';
import type {Dataset} from '../../models/datasets/dataset.js';
import type {Engine} from '../../models/engines/engine.js';
import type {Stage} from '../../models/engines/stage.js';
import type {Loss, Model} from '../../models/graph.js';
import {type ArrangedPart, type Arrangement, arrange} from '../../models/plans/arrange.js';
import {withTrained} from '../../models/plans/trained.js';
import type {Workload} from '../meter.js';
import {mailboxBytesFor, renamed, workOfParts} from '../stages/workspace.js';

export interface OpenPart {
	readonly part: ArrangedPart;
	readonly stage: Stage;
}

export interface InferenceWorkspace {
	readonly kind: 'inference';
	readonly plan: Plan;
	readonly arrangement: Arrangement;
	readonly loss: Loss;
	/** The first batch that is to be answered. */
	readonly from: number;
	/** Batches that a source may have under way. */
	readonly inFlight: number;
	readonly parts: readonly OpenPart[];
	/** By replica of the first stage on this device: the items to be answered. */
	readonly sources: ReadonlyMap<number, Dataset>;
	/** Items that can be answered here; 0 without a source. */
	readonly items: number;
	/** Bytes of boundary tensors that may wait. */
	readonly mailboxBytes: number;
	readonly codecTo: (device: string) => CodecSpec;
	/** What predicting so many items asks of a device. */
	readonly workload: (part: ArrangedPart, items: number) => Workload;
	close(): Promise<void>;
}

export interface InferenceWorkspaceOptions {
	readonly device: string;
	readonly job: Job;
	readonly plan: Plan;
	readonly model: Model;
	/** Of the model, and of the weights where they come apart from it. */
	readonly digest: string;
	/** A model that has the weights under the names of the planned one; undefined: the model's own. */
	readonly trained: Model | undefined;
	readonly batch: number;
	readonly inFlight: number;
	readonly from: number;
	readonly engine: Engine;
	/** The test items of one source, by its replica of the first stage. */
	readonly open: (replica: number) => Promise<Dataset>;
}

/** Nothing is trained: no optimiser, no gradients. */
const settings = {
	optimizer: {kind: 'sgd', lr: 1, momentum: 0, nesterov: false, weightDecay: 0},
	seed: 0,
	stash: 'recompute',
} as const;

/** @throws FplError of the model, the data or the engine. Nothing stays open when it throws. */
export async function openInference(options: InferenceWorkspaceOptions): Promise<InferenceWorkspace> {
	const {device, job, plan, model, digest, trained, batch, inFlight, engine} = options;
	const arrangement = arrange(model, plan, digest, trained && withTrained(trained));
	const own = arrangement.parts.filter(part => part.device === device);
	const loss = job.training.loss ?? model.loss;
	const sources = new Map<number, Dataset>();
	for (const {replica} of own.filter(({stage}) => stage === 0)) {
		const data = bind(await options.open(replica), model, loss);
		sources.set(replica, isBranched(plan, 0) ? renamed(data, device) : data);
	}
	const parts: OpenPart[] = [];
	const close = async () => {
		await Promise.all(parts.map(({stage}) => stage.close()));
	};
	try {
		for (const part of own) {
			const {segment, last} = part;
			parts.push({part, stage: await engine.stage(arrangement.model, {...settings, segment, last, loss})});
		}
	} catch (error) {
		await close();
		throw error;
	}
	const work = workOfParts(model, plan, settings.optimizer);
	return {
		kind: 'inference',
		plan,
		arrangement,
		loss,
		from: options.from,
		inFlight,
		parts,
		sources,
		items: sources.size === 0 ? 0 : Math.min(...[...sources.values()].map(({items}) => items)),
		// Twice as many batches as a source has asked for may be on their way to one device (see `InferTask`).
		mailboxBytes: mailboxBytesFor(own, batch * (inFlight + 1)),
		codecTo: to => codecFor(plan, device, to),
		workload: (part, items) => work.pass(part, {kind: 'forward', micro: 0}, items),
		close,
	};
}
