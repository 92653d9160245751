/**
 * Weights and gradients on their way between the parts and the coordinator: which are asked for, which are sent, and what
 * becomes of those that come.
 */
import type {RunId} from '../../core/ids.js';
import {groupsOf} from '../../core/plan/groups.js';
import {gradientKey} from '../../core/plan/orders.js';
import type {Plan} from '../../core/plan/plan.js';
import type {PartId} from '../../core/plan/routing.js';
import {encodeState} from '../../models/plans/state.js';
import type {MeanAggregator} from '../server/aggregator.js';
import type {PartUpdate} from './commit.js';
import type {Exchange} from './exchange.js';
import {averageKey, stateKey} from './flow.js';
import type {Outbox} from './outbox.js';
import type {GroupPart} from './state.js';
import type {StageWeights} from './weights.js';

export interface TransfersOptions {
	readonly run: RunId;
	readonly outbox: Outbox;
	readonly exchange: Exchange;
	readonly weights: StageWeights;
	/** Something that was waited for is here. */
	readonly onArrived: (key: string) => void;
}

const nameOf = ({stage, replica}: PartId): string => `${stage}.${replica}`;

const deviceOf = (plan: Plan, {stage, replica}: PartId): string => plan.stages[stage]!.replicas[replica]!.device;

export class Transfers {
	readonly #options: TransfersOptions;
	/** By part: items since its weights were last averaged. */
	readonly #sinceMean = new Map<string, number>();

	constructor(options: TransfersOptions) {
		this.#options = options;
	}

	/** Another attempt: nothing of before counts. */
	begin(): void {
		this.#sinceMean.clear();
	}

	/** Awaits the gradients of groups that take one step together. Answers their means, by group. */
	expectGradients(plan: Plan): ReadonlyMap<string, MeanAggregator> {
		const {exchange, weights, onArrived} = this.#options;
		exchange.clearMeans();
		const shared = groupsOf(plan).filter(({kind, replicas}) => kind === 'step' && replicas.length > 1);
		return new Map(
			shared.map(({key, stage, replicas}) => {
				const expected = new Map(
					replicas.map(replica => [gradientKey({stage, replica}), deviceOf(plan, {stage, replica})]),
				);
				return [key, exchange.expectMean(weights.lengths(key), expected, onArrived)];
			}),
		);
	}

	/** Orders one part's update, and sends it the gradient where it is not its own. */
	update({device, items, vector, ...update}: PartUpdate, step: number): void {
		const {outbox, run} = this.#options;
		const gradient = vector ? outbox.transferId('gradient') : '';
		if (vector) {
			const data = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
			outbox.send(device, gradient, {kind: 'weights', run, round: step}, data);
		}
		outbox.order(device).commit!.parts.push({...update, gradient});
		const part = nameOf(update);
		this.#sinceMean.set(part, (this.#sinceMean.get(part) ?? 0) + items);
	}

	/** Asks the parts of a group for their weights, and keeps the mean by items. */
	average(plan: Plan, key: string, parts: readonly GroupPart[], step: number): void {
		const {weights, outbox, exchange, onArrived} = this.#options;
		const lengths = weights.lengths(key);
		const expected = new Map<string, string>();
		for (const {stage, replica} of parts) {
			const device = deviceOf(plan, {stage, replica});
			const transfer = outbox.transferId('mean');
			const part = nameOf({stage, replica});
			const weight = Math.max(1, this.#sinceMean.get(part) ?? 0);
			this.#sinceMean.delete(part);
			expected.set(transfer, device);
			const order = outbox.order(device);
			order.contribute = [...(order.contribute ?? []), {stage, replica, transfer, weight}];
		}
		const before = weights.latest(key);
		const aggregator = exchange.expectMean(lengths, expected, (_, complete) => {
			if (!complete) {
				return;
			}
			const vector = new Float32Array(lengths.parameters + lengths.buffers);
			vector.set(before.parameters);
			vector.set(before.buffers, lengths.parameters);
			aggregator.mean(vector);
			// Each replica goes on with fresh slots: the means of theirs belong to none of them.
			weights.put(key, step, {
				parameters: vector.slice(0, lengths.parameters),
				buffers: vector.slice(lengths.parameters),
				slots: [],
				updates: 0,
			});
			onArrived(averageKey(step, key));
		});
	}

	/** Asks a part for its state. */
	fetch(plan: Plan, {key, stage, replica}: GroupPart, step: number): void {
		const {weights, outbox, exchange, onArrived} = this.#options;
		const device = deviceOf(plan, {stage, replica});
		const transfer = outbox.transferId('state');
		weights.expect(step);
		exchange.expectState(transfer, device, weights.lengths(key), state => {
			weights.put(key, step, state);
			onArrived(stateKey(step, key));
		});
		const order = outbox.order(device);
		order.upload = [...(order.upload ?? []), {stage, replica, transfer}];
	}

	/** Sends parts the newest state of their groups. */
	load(plan: Plan, attempt: number, parts: readonly GroupPart[]): void {
		const {weights, run, outbox} = this.#options;
		for (const {key, stage, replica} of parts) {
			const device = deviceOf(plan, {stage, replica});
			const transfer = outbox.transferId('load');
			const order = outbox.order(device);
			order.load = [...(order.load ?? []), {stage, replica, transfer}];
			outbox.send(device, transfer, {kind: 'state', run, attempt, key: transfer}, encodeState(weights.latest(key)));
		}
	}
}
