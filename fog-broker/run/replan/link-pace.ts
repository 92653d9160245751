/**
 * How fast links really are, against what a plan was predicted with, from how long single transfers took. Pure.
 *
 * A transfer goes over two links, and may share each of them with others. So what it takes lies between two times: alone on both; and
 * with what its sender sent meanwhile, and half of what its receiver gets in a step, in front of it. Only what lies outside is odd.
 * A link is blamed for it where no other transfer over it says the opposite; of two, the one that explains more, and then the one
 * whose rate need change less.
 */
import {defaultMessaging} from '../../../core/cost/fleet.js';
import type {Prediction} from '../../../core/ledger/prediction.js';
import {earlyBytes} from '../../../core/wire/link/schedule.js';
import type {Sending} from '../../../core/wire/link/sendings.js';
import {coordinatorId} from '../../../core/wire/topics.js';
import {leastGain} from './decide.js';
import {type Direction, linkName} from './learned.js';

/** Of the last ones a quarter may have been faster: flukes do not count, and neither does what got in the way now and then. */
const keptSendings = 9;
const quantile = 0.25;
/** What timers and busy processors do to a single transfer. */
const leastSeconds = 0.01;
/** Part of a transfer's time that nobody predicts so exactly. */
const leastPart = 0.25;
/**
 * What all transfers from the coordinator, to it, or past it are late by alike, is its own doing or the broker's, up to so many
 * seconds: not that of their links.
 */
const mostBusy = 0.03;
/** No link is held to be faster than this many times. */
const mostFast = 50;

export interface LinkPaceOptions {
	readonly prediction: Pick<Prediction, 'links' | 'stepSeconds'>;
	/** Fewer transfers from one to another say little. */
	readonly least: number;
	/** One way between a device and the broker, seconds. */
	readonly latency: (device: string) => number;
}

/** Transfers from one party to another. */
interface Way {
	readonly from: string;
	readonly to: string;
	readonly sendings: Sending[];
}

/** A link that a transfer takes, and the seconds of this. */
interface Leg {
	readonly link: string;
	readonly direction: Direction;
	/** Alone; behind as much as is likely; behind everything. */
	readonly least: number;
	readonly most: number;
	readonly worst: number;
}

interface Measured {
	readonly legs: readonly Leg[];
	/** Whether it passes one link after the other, instead of both at once in chunks. */
	readonly isWhole: boolean;
	readonly seconds: number;
	/** What it takes besides: of latency alone, and at most. */
	readonly trip: number;
	readonly fixed: number;
	/** What is no sign of anything. */
	readonly tolerance: number;
	/** Seconds more than predicted at most. */
	readonly late: number;
	/** Seconds more than predicted, negative where less; 0: nothing odd. */
	readonly excess: number;
}

export class LinkPace {
	readonly #options: LinkPaceOptions;
	readonly #rates: ReadonlyMap<string, number>;
	readonly #ways = new Map<string, Way>();

	constructor(options: LinkPaceOptions) {
		this.#options = options;
		this.#rates = new Map(
			options.prediction.links.flatMap(({device, upBytesPerSecond, downBytesPerSecond}) => [
				[linkName(device, 'up'), upBytesPerSecond],
				[linkName(device, 'down'), downBytesPerSecond],
			]),
		);
	}

	/** What a device, or the coordinator, tells of its transfers in a step. */
	report(from: string, sendings: readonly Sending[]): void {
		const isKnown = (party: string, direction: Direction) =>
			party === coordinatorId || this.#rates.has(linkName(party, direction));
		for (const sending of sendings) {
			const {to} = sending;
			if (isKnown(from, 'up') && isKnown(to, 'down')) {
				const way = `${from}>${to}`;
				const before = this.#ways.get(way)?.sendings ?? [];
				this.#ways.set(way, {from, to, sendings: [...before, sending].slice(-keptSendings)});
			}
		}
	}

	/** How many times as slow as predicted links are, by their names. Links with nothing odd about them are left out. */
	slowness(): ReadonlyMap<string, number> {
		const measured = this.#measured();
		return new Map([...blamed(measured, 'slow'), ...blamed(measured, 'fast')]);
	}

	/** Whether transfers were as predicted that would not have been if the link were so many times as slow. */
	refutes(link: string, factor: number): boolean {
		const suspect = {link, factor};
		return this.#measured().some(one => contradicts(one, suspect, factor > 1 ? 'slow' : 'fast'));
	}

	#measured(): readonly Measured[] {
		const {least} = this.#options;
		const usual = [...this.#ways.values()]
			.filter(({sendings}) => sendings.length >= least)
			.map(({from, to, sendings}) => {
				const sorted = sendings.toSorted((a, b) => a.seconds / a.wireBytes - b.seconds / b.wireBytes);
				return {from, to, sending: sorted[Math.floor(quantile * sorted.length)]!};
			});
		const received = new Map<string, number>();
		for (const {to, sending} of usual) {
			received.set(to, (received.get(to) ?? 0) + sending.wireBytes);
		}
		const groups = new Map<string, (typeof usual)[number][]>();
		for (const way of usual) {
			const key = `${way.from === coordinatorId}${way.to === coordinatorId}`;
			groups.set(key, [...(groups.get(key) ?? []), way]);
		}
		return [...groups.values()].flatMap(ways => {
			const measured = (busy: number) =>
				ways.map(({from, to, sending}) => this.#measure(from, to, sending, received.get(to)!, busy));
			const alone = measured(0);
			const busy = hasCommonEnd(ways) ? 0 : Math.min(mostBusy, ...alone.map(({late}) => late));
			return busy > 0 ? measured(busy) : alone;
		});
	}

	#measure(from: string, to: string, sending: Sending, received: number, busy: number): Measured {
		const {latency, prediction} = this.#options;
		const {wireBytes, seconds, transfers} = sending;
		const {chunkBytes, secondsPerMessage} = defaultMessaging;
		const sent = Math.max(wireBytes, sending.linkBytes);
		const legs = [
			...this.#leg(from, 'up', {least: wireBytes, most: sent, worst: sent}),
			...this.#leg(to, 'down', {least: wireBytes, most: (wireBytes + received) / 2, worst: received}),
		];
		const ends = [from, to].filter(party => party !== coordinatorId);
		const trip = 2 * sum(ends.map(latency));
		const there = trip + 2 * ends.length * secondsPerMessage;
		const isWhole = wireBytes <= chunkBytes || legs.length === 1;
		// One link carries the first chunk before the other one has anything.
		const chunk = isWhole ? 0 : Math.max(...legs.map(({least}) => least)) * (chunkBytes / wireBytes);
		const fixed = (wireBytes > earlyBytes ? 2 : 1) * there + chunk + busy;
		const all = (of: 'least' | 'most') => {
			const parts = legs.map(leg => leg[of]);
			return isWhole ? sum(parts) : Math.max(...parts);
		};
		const late = seconds - fixed - all('most');
		const beyond = Math.max(0, late) + Math.min(0, seconds - all('least'));
		const relevant = (leastGain * prediction.stepSeconds) / Math.max(1, transfers);
		const tolerance = Math.max(leastSeconds, leastPart * seconds, relevant);
		const excess = Math.abs(beyond) > tolerance ? beyond : 0;
		return {legs, isWhole, seconds, trip, fixed, tolerance, late, excess};
	}

	/** The coordinator is beside the broker. */
	#leg(party: string, direction: Direction, {least, most, worst}: Readonly<Record<Load, number>>): readonly Leg[] {
		const link = linkName(party, direction);
		const rate = this.#rates.get(link);
		return rate === undefined ? [] : [{link, direction, least: least / rate, most: most / rate, worst: worst / rate}];
	}
}

/** Whether one device is at one end of all ways. */
const hasCommonEnd = (ways: readonly Pick<Way, 'from' | 'to'>[]): boolean =>
	[ways[0]?.from, ways[0]?.to].some(
		end => end !== coordinatorId && ways.every(({from, to}) => from === end || to === end),
	);

type Oddity = 'slow' | 'fast';
type Load = 'least' | 'most' | 'worst';

interface Suspect {
	readonly link: string;
	readonly factor: number;
	/** What is left unexplained if it is this one. */
	readonly left: readonly Measured[];
}

/** Links that are slower or faster than predicted, with how many times as slow they are. */
function blamed(measured: readonly Measured[], oddity: Oddity): ReadonlyMap<string, number> {
	const result = new Map<string, number>();
	let odd: readonly Measured[] = measured.filter(({excess}) => (oddity === 'slow' ? excess > 0 : excess < 0));
	while (odd.length > 0) {
		const links = new Set(odd.flatMap(({legs}) => legs.map(({link}) => link)));
		const suspects = [...links].flatMap((link): Suspect[] => {
			const suspect = suspectOf(link, odd, measured, oddity);
			return suspect && !measured.some(one => contradicts(one, suspect, oddity)) ? [suspect] : [];
		});
		const [first] = suspects.toSorted(
			(a, b) => a.left.length - b.left.length || Math.abs(Math.log(a.factor)) - Math.abs(Math.log(b.factor)),
		);
		if (!first) {
			break;
		}
		result.set(first.link, first.factor);
		odd = first.left;
	}
	return result;
}

interface Over {
	readonly one: Measured;
	readonly leg: Leg;
}

const overLink = (measured: readonly Measured[], link: string): readonly Over[] =>
	measured.flatMap(one => {
		const leg = one.legs.find(other => other.link === link);
		return leg ? [{one, leg}] : [];
	});

/** How many times as slow a link is if nothing but that link is to blame for what a transfer took, behind so much of others. */
function factorBy(
	{one: {legs, isWhole, seconds, fixed}, leg}: Over,
	oddity: Oddity,
	{own, others: behind}: {readonly own: Load; readonly others: Load},
): number {
	// In chunks the slowest link alone counts.
	const others = isWhole ? sum(legs.filter(other => other !== leg).map(other => other[behind])) : 0;
	return (seconds - (oddity === 'slow' ? fixed : 0) - others) / leg[own];
}

/**
 * How slow an uplink is: who sends may have been behind everything that came to the receiver, so it is as slow as the transfer says
 * that needs it least.
 */
const uplinkFactor = (over: readonly Over[]): number =>
	Math.min(...over.map(each => factorBy(each, 'slow', {own: 'most', others: 'worst'})));

/**
 * How slow a downlink is. Messages go over it one after the other, so that of those who send to it at the same time one is in front,
 * and took what the message alone takes: the one for which the link can be least slow. Chunks of several senders take turns: then each
 * of them took part of what all take together.
 * @param odd transfers over it that are odd; @param all those that are not, as well.
 */
function downlinkFactor(odd: readonly Over[], all: readonly Over[]): number {
	const likely = (each: Over) => factorBy(each, 'slow', {own: each.one.isWhole ? 'least' : 'most', others: 'most'});
	const mostOf = ({one: {seconds, trip}, leg}: Over) => (seconds - trip) / leg.least;
	const [front] = all.filter(({one}) => one.isWhole).toSorted((a, b) => mostOf(a) - mostOf(b));
	const chunked = odd.filter(({one}) => !one.isWhole).map(likely);
	return Math.min(...(front ? [likely(front)] : []), ...(chunked.length > 0 ? [sum(chunked) / chunked.length] : []));
}

/**
 * Supposes that all that is odd about transfers over a link is its fault; undefined where at least half of it cannot be.
 * @param measured all transfers, also those with nothing odd about them.
 */
function suspectOf(
	link: string,
	odd: readonly Measured[],
	measured: readonly Measured[],
	oddity: Oddity,
): Suspect | undefined {
	const over = overLink(odd, link);
	const of = oddity === 'slow' ? 'most' : 'least';
	const factor =
		oddity === 'fast'
			? Math.max(1 / mostFast, ...over.map(each => factorBy(each, 'fast', {own: 'least', others: 'least'})))
			: over[0]!.leg.direction === 'up'
				? uplinkFactor(over)
				: downlinkFactor(over, overLink(measured, link));
	const changes = over.map(({one: {legs, isWhole}, leg}) => {
		const slowest = Math.max(...legs.map(other => other[of]));
		// Where one is in front on a slow downlink, another one is behind everything.
		const load = oddity === 'slow' && leg.direction === 'down' ? leg.worst : leg[of];
		return isWhole ? (factor - 1) * load : factor * leg[of] - slowest;
	});
	const sign = oddity === 'slow' ? 1 : -1;
	const isEnough = sign * sum(changes) >= (sign * sum(over.map(({one}) => one.excess))) / 2;
	return isEnough ? {link, factor, left: odd.filter(one => over.every(other => other.one !== one))} : undefined;
}

/** Whether a transfer with nothing odd about it would have been odd, with such a link. */
function contradicts(
	{legs, isWhole, seconds, fixed, tolerance, excess}: Measured,
	{link, factor}: Pick<Suspect, 'link' | 'factor'>,
	oddity: Oddity,
): boolean {
	const leg = legs.find(one => one.link === link);
	if (!leg || excess !== 0) {
		return false;
	}
	const of = oddity === 'slow' ? 'least' : 'worst';
	const parts = legs.map(one => one[of] * (one === leg ? factor : 1));
	const together = isWhole ? sum(parts) : Math.max(...parts);
	return oddity === 'slow' ? seconds < together - tolerance : seconds > fixed + together + tolerance;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
