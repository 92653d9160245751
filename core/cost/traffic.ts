/** How many bytes go from which replica to which, forward and backward, for a micro-batch. */
import {expectedBytes} from '../codec/size.js';
import type {CodecSpec} from '../codec/spec.js';
import {type CodingWork, codingWork, rawWork} from '../codec/work.js';
import {codecFor} from '../plan/links.js';
import type {Plan} from '../plan/plan.js';
import {type Division, type Edge, edgesBetween, isBranched} from '../plan/routing.js';
import {floatBytes, type ModelCosts, type ValueCosts} from './model-costs.js';

/** First and last unit of a stage. */
export type Range = readonly [number, number];

export const rangesOfPlan = ({stages}: Plan, units: number): readonly Range[] =>
	stages.map(({units: range}) => (range === 'all' ? [0, units - 1] : range));

/** What one stage has for a later one. */
export interface Gift {
	readonly from: number;
	readonly to: number;
	readonly values: readonly ValueCosts[];
	readonly labels: boolean;
}

/** A value goes straight from the stage that makes it to each that reads it. Inputs of the model come from the sources. */
export function giftsOf(plan: Plan, costs: ModelCosts): readonly Gift[] {
	const ranges = rangesOfPlan(plan, costs.units.length);
	const last = ranges.length - 1;
	const within = (unit: number, [start, end]: Range) => unit >= start && unit <= end;
	return ranges.flatMap((makes, from) =>
		ranges.slice(from + 1).flatMap((reads, index): Gift[] => {
			const to = from + 1 + index;
			const values = costs.values.filter(
				({madeBy, readBy}) =>
					(within(madeBy, makes) || (madeBy < 0 && from === 0)) && readBy.some(unit => within(unit, reads)),
			);
			const labels = from === 0 && to === last && plan.labels === 'travel';
			return values.length > 0 || labels ? [{from, to, values, labels}] : [];
		}),
	);
}

/** One message from replica to replica. */
export interface Parcel extends Edge {
	readonly forwardBytes: number;
	/** 0: nothing comes back. */
	readonly backwardBytes: number;
	/** What making and reading the two takes. */
	readonly forwardCoding: CodingWork;
	readonly backwardCoding: CodingWork;
}

/** One message of a parcel. */
export interface Content {
	readonly bytes: number;
	readonly coding: CodingWork;
}

const elementsOf = ({shape}: ValueCosts): number => shape.reduce((product, dim) => product * dim, 1);
/** A bundle begins with this, and is filled up to a multiple of 8 in two places (`core/codec/bundle`). */
const bundleHeadBytes = 24;
/** A bundle's entry for a tensor of so many dimensions, with a name of usual length. */
const tensorHeadBytes = (rank: number): number => 12 + 4 * rank + 10;

/** Messages of micro-batches, by how these are divided. Labels of branches come from the first of them. */
export function parcelsOf(
	plan: Plan,
	costs: ModelCosts,
	gifts: readonly Gift[],
	divisions: readonly Division[],
): ReadonlyMap<Division, readonly Parcel[]> {
	const makers = gifts.map(gift => parcelsOfGift(plan, costs, gift));
	return new Map([...new Set(divisions)].map(division => [division, makers.flatMap(make => make(division))]));
}

/** Makes the messages for one gift. Where neither of its stages is divided otherwise, they are the same. */
function parcelsOfGift(plan: Plan, costs: ModelCosts, gift: Gift): (division: Division) => readonly Parcel[] {
	/** By codec, items and direction: many messages hold as much. */
	const known = new Map<CodecSpec, Map<number, Content>>();
	const content = (from: string, to: string, items: number, back: boolean): Content => {
		const codec = codecFor(plan, from, to);
		const ofCodec = known.get(codec) ?? new Map<number, Content>();
		known.set(codec, ofCodec);
		const key = 2 * items + (back ? 1 : 0);
		const made = ofCodec.get(key) ?? contentOf(gift, codec, items, back);
		ofCodec.set(key, made);
		return made;
	};
	const devices = (stage: number) => plan.stages[stage]!.replicas;
	const parcelOf = ({from, to, rows}: Edge): Parcel => {
		const sender = devices(gift.from)[from.replica]!.device;
		const receiver = devices(gift.to)[to.replica]!.device;
		const labelled = gift.labels && (!isBranched(plan, 0) || from.replica === 0);
		const labels = labelled ? tensorHeadBytes(1) + rows.count * costs.labelBytes : 0;
		const forward = content(sender, receiver, rows.count, false);
		const backward = content(receiver, sender, rows.count, true);
		return {
			from,
			to,
			rows,
			forwardBytes: forward.bytes + labels,
			backwardBytes: backward.bytes,
			forwardCoding: forward.coding,
			backwardCoding: backward.coding,
		};
	};
	/** By the rows of the two stages. */
	const made = new Map<Division[number], Map<Division[number], readonly Parcel[]>>();
	return division => {
		const [sent, wanted] = [division[gift.from]!, division[gift.to]!];
		const bySent = made.get(sent) ?? new Map<Division[number], readonly Parcel[]>();
		made.set(sent, bySent);
		const parcels = bySent.get(wanted) ?? edgesBetween(plan, division, gift.from, gift.to).map(parcelOf);
		bySent.set(wanted, parcels);
		return parcels;
	};
}

function contentOf({values, labels}: Gift, codec: CodecSpec, items: number, back: boolean): Content {
	let [bytes, encode, decode] = [0, 0, 0];
	for (const value of values) {
		const head = tensorHeadBytes(1 + value.shape.length);
		if (value.differentiable) {
			const shape = [items, ...value.shape];
			const work = codingWork(codec, shape);
			bytes += head + expectedBytes(codec, shape);
			encode += work.encode;
			decode += work.decode;
		} else if (!back) {
			const data = items * elementsOf(value) * value.bytesPerElement;
			bytes += head + data;
			encode += rawWork(data).encode;
		}
	}
	bytes += bytes > 0 || (labels && !back) ? bundleHeadBytes : 0;
	return {bytes, coding: {encode, decode}};
}

/** Float32 elements of the vectors that replicas of a stage exchange: parameters and buffers. */
export const vectorElements = (costs: ModelCosts, [first, last]: Range): number => {
	let sum = 0;
	for (let unit = first; unit <= last; unit++) {
		sum += costs.units[unit]!.parameters + costs.units[unit]!.buffers;
	}
	return sum;
};

export const vectorBytes = (elements: number): number => elements * floatBytes;

/** Numbers of updates and slots (`models/plans/state`). */
const stateHeadBytes = 8;

/** The state of a stage as it is handed over and kept: weights, buffers, and as many vectors of the optimiser. */
export const stateBytes = (costs: ModelCosts, [first, last]: Range, slots: number): number => {
	let parameters = 0;
	for (let unit = first; unit <= last; unit++) {
		parameters += costs.units[unit]!.parameters;
	}
	return vectorBytes(vectorElements(costs, [first, last]) + slots * parameters) + stateHeadBytes;
};

/** Opening message of a transfer with its topic: envelope, ids, purpose; names of usual length. */
export const openingBytes = 195;
/** Head of each further chunk: transfer, sequence, check sum, topic. */
export const chunkHeadBytes = 102;
/** What the receiver answers: acceptance or acknowledgment. */
export const answerBytes = 115;

/** Orders to a device and its report, about; ledgers do not count them, but they take their time. */
export const orderBytes = 500;
export const reportBytes = 1000;

export interface WireBytes {
	/** From sender to receiver. */
	readonly there: number;
	/** Answers. */
	readonly back: number;
	readonly messages: number;
}

/** What a transfer of so many bytes takes on the wire: its data travel in chunks, a single small one with the opening. */
export function onTheWire(bytes: number, chunkBytes: number): WireBytes {
	if (bytes <= chunkBytes) {
		return {there: bytes + openingBytes, back: answerBytes, messages: 1};
	}
	const chunks = Math.ceil(bytes / chunkBytes);
	const answers = 2 + Math.floor(chunks / 16);
	return {
		there: bytes + openingBytes + chunks * chunkHeadBytes,
		back: answers * answerBytes,
		messages: chunks + 1,
	};
}
