/** How rounds of a run begin and end, as transitions of its state. */
import {apportion} from '../../core/plan/shares.js';
import {
	inState,
	isMilestone,
	type Member,
	type Outcome,
	plannedRounds,
	type RoundReport,
	type RunEffect,
	type RunState,
	type Transition,
} from './state.js';

/** Shares of the batch by device, from the plan. */
export type Shares = ReadonlyMap<string, number>;

/** A round may take this many times the median of the last rounds, but never less than the floor. */
const patience = 6;
const patienceFloorMs = 5000;
const firstRoundMs = 120_000;

export const withMember = (state: RunState, device: string, change: Partial<Member>): RunState => {
	const member = state.members.get(device);
	return member ? {...state, members: new Map(state.members).set(device, {...member, ...change})} : state;
};

export const note = (text: string, device?: string): RunEffect =>
	device === undefined ? {kind: 'note', text} : {kind: 'note', text, device};

export const append = ([state, effects]: Transition, ...more: readonly RunEffect[]): Transition => [
	state,
	[...more, ...effects],
];

export function awaitDevices(state: RunState, effects: readonly RunEffect[]): Transition {
	const name = `gather-${state.round}`;
	return [
		{...state, phase: 'gathering', asked: new Map(), deadline: name},
		[...effects, {kind: 'set-deadline', name, ms: state.settings.waitMs}],
	];
}

/** Begins the next round if enough members are ready and no other is just being staged. */
export function mayBegin(state: RunState, shares: Shares): Transition {
	const enough = inState(state, 'ready').length >= state.settings.minimum;
	const expected = [...state.members.values()].some(
		({state: now, refusal}) => (now === 'absent' || now === 'staging') && refusal === undefined,
	);
	return state.phase === 'gathering' && enough && !(expected && !state.begun) ? beginRound(state, shares) : [state, []];
}

export function beginRound(state: RunState, shares: Shares): Transition {
	const devices = inState(state, 'ready');
	const totalItems =
		state.rounds === undefined ? sum([...state.members.values()].map(({items}) => items)) : state.totalItems;
	const rounds = state.rounds ?? plannedRounds(state.settings, totalItems);
	if (state.round >= rounds) {
		return finish({...state, rounds, totalItems}, {kind: 'done'});
	}
	const counts = itemCounts(state, devices, shares);
	const work = new Map(
		devices.map(
			(device, index) => [device, {cursor: state.members.get(device)!.cursor, count: counts[index]!}] as const,
		),
	);
	const deadlineMs = roundDeadline(state);
	const name = `round-${state.round}`;
	const members = new Map(state.members);
	for (const device of devices) {
		members.set(device, {...members.get(device)!, state: 'working'});
	}
	return [
		{
			...state,
			phase: 'training',
			begun: true,
			rounds,
			totalItems,
			members,
			asked: new Map(devices.map(device => [device, {report: undefined, delivered: false}])),
			deadline: name,
		},
		[
			{kind: 'start-round', round: state.round, work, deadlineMs},
			{kind: 'set-deadline', name, ms: deadlineMs},
		],
	];
}

/** A step's global batch is divided by the shares of all replicas: who is missing is missing, the others do not do more. */
function itemCounts({settings: {sync}, members}: RunState, devices: readonly string[], shares: Shares): number[] {
	switch (sync.kind) {
		case 'step': {
			const all = [...shares.keys()];
			const parts = apportion(sync.batch, [...shares.values()]);
			return devices.map(device => Math.max(1, parts[all.indexOf(device)]!));
		}
		case 'epochs':
			return devices.map(device => sync.epochs * members.get(device)!.items);
		default:
			return sync satisfies never;
	}
}

function roundDeadline({settings, recentRoundsMs}: RunState): number {
	if (settings.roundDeadlineMs !== undefined) {
		return settings.roundDeadlineMs;
	}
	const sorted = [...recentRoundsMs].sort((a, b) => a - b);
	const median = sorted[Math.floor(sorted.length / 2)];
	return median === undefined ? firstRoundMs : Math.max(patienceFloorMs, patience * median);
}

const contributors = (state: RunState): Map<string, RoundReport> =>
	new Map([...state.asked].flatMap(([device, {report, delivered}]) => (report && delivered ? [[device, report]] : [])));

/** Closes the round when nobody is waited for any more. */
export function mayClose(state: RunState, shares: Shares): Transition {
	const waiting = [...state.asked.values()].some(({report, delivered}) => !(report && delivered));
	return waiting ? [state, []] : closeRound(state, shares);
}

export function closeRound(state: RunState, shares: Shares): Transition {
	const done = contributors(state);
	if (done.size === 0) {
		const abandoned = awaitDevices(state, [
			{kind: 'abandon-round', round: state.round},
			note(`round ${state.round + 1} had no contribution and is repeated`),
		]);
		const [begun, effects] = mayBegin(abandoned[0], shares);
		return [begun, [...abandoned[1], ...effects]];
	}
	const members = new Map(state.members);
	for (const [device, {items}] of done) {
		const member = members.get(device)!;
		members.set(device, {...member, cursor: member.cursor + items});
	}
	return [
		{...state, phase: 'updating', members, deadline: undefined},
		[{kind: 'close-round', round: state.round, contributors: done, milestone: isMilestone(state)}],
	];
}

export function finish(state: RunState, outcome: Outcome): Transition {
	return state.phase === 'finishing'
		? [state, []]
		: [{...state, phase: 'finishing', deadline: undefined}, [{kind: 'wind-up', outcome}]];
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
