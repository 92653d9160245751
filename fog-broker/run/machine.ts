/** The transitions of a run. See `state.ts` for the states, events and effects. */
import {apportion} from '../../core/plan/shares.js';
import {
	inState,
	isMilestone,
	type Member,
	type Outcome,
	plannedRounds,
	type RoundReport,
	type RunEffect,
	type RunEvent,
	type RunState,
	type Transition,
} from './state.js';

/** Shares of the batch by device, from the plan. */
export type Shares = ReadonlyMap<string, number>;

/** A round may take this many times the median of the last rounds, but never less than the floor. */
const patience = 6;
const patienceFloorMs = 5000;
const firstRoundMs = 120_000;

const withMember = (state: RunState, device: string, change: Partial<Member>): RunState => {
	const member = state.members.get(device);
	return member ? {...state, members: new Map(state.members).set(device, {...member, ...change})} : state;
};

const note = (text: string, device?: string): RunEffect =>
	device === undefined ? {kind: 'note', text} : {kind: 'note', text, device};

export function startRun(state: RunState): Transition {
	return awaitDevices(state, []);
}

export function stepRun(state: RunState, event: RunEvent, shares: Shares): Transition {
	if (state.phase === 'ended') {
		return [state, []];
	}
	switch (event.kind) {
		case 'present':
			return state.members.get(event.device)?.state === 'absent'
				? [
						withMember(state, event.device, {state: 'staging', refusal: undefined}),
						[{kind: 'assign', device: event.device}],
					]
				: [state, []];
		case 'gone':
			return lose(state, event.device, 'left', shares);
		case 'refused':
			return refused(state, event, shares);
		case 'ready':
			return ready(state, event.device, event.items, shares);
		case 'report':
			return heard(state, event.device, event.round, {report: event.report}, shares);
		case 'delivered':
			return heard(state, event.device, event.round, {delivered: true}, shares);
		case 'deadline':
			return event.name === state.deadline ? deadlinePassed({...state, deadline: undefined}, shares) : [state, []];
		case 'updated':
			return updated(state, event.round, event.tookMs, shares);
		case 'evaluated':
			return evaluated(state, event.round, event.accuracy);
		case 'finished':
			return [{...state, phase: 'ended', deadline: undefined}, [{kind: 'end'}]];
		case 'stop':
			return finish(state, {kind: 'stopped', because: event.because});
		default:
			return event satisfies never;
	}
}

/** Staged, or back after a round that the link lost. */
function ready(state: RunState, device: string, items: number, shares: Shares): Transition {
	const member = state.members.get(device);
	if (!member || member.state === 'absent' || member.state === 'ready') {
		return [state, []];
	}
	const next = withMember(state, device, {state: 'ready', items});
	if (member.state === 'working') {
		const asked = new Map(state.asked);
		asked.delete(device);
		const lost = note(`lost round ${state.round + 1}`, device);
		return state.phase === 'training' ? append(mayClose({...next, asked}, shares), lost) : [next, []];
	}
	return append(mayBegin(next, shares), note(`is ready with ${items} items`, device));
}

const append = ([state, effects]: Transition, ...more: readonly RunEffect[]): Transition => [
	state,
	[...more, ...effects],
];

function awaitDevices(state: RunState, effects: readonly RunEffect[]): Transition {
	const name = `gather-${state.round}`;
	return [
		{...state, phase: 'gathering', asked: new Map(), deadline: name},
		[...effects, {kind: 'set-deadline', name, ms: state.settings.waitMs}],
	];
}

/** Begins the next round if enough members are ready and no other is just being staged. */
function mayBegin(state: RunState, shares: Shares): Transition {
	const enough = inState(state, 'ready').length >= state.settings.minimum;
	const expected = [...state.members.values()].some(
		({state: now, refusal}) => (now === 'absent' || now === 'staging') && refusal === undefined,
	);
	return state.phase === 'gathering' && enough && !(expected && state.rounds === undefined)
		? beginRound(state, shares)
		: [state, []];
}

function beginRound(state: RunState, shares: Shares): Transition {
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

function heard(
	state: RunState,
	device: string,
	round: number,
	news: {readonly report?: RoundReport; readonly delivered?: true},
	shares: Shares,
): Transition {
	const before = state.asked.get(device);
	if (state.phase !== 'training' || round !== state.round || !before) {
		// A late answer: the device is alive after all and takes part again from the next round on.
		return state.members.get(device)?.state === 'late'
			? mayBegin(withMember(state, device, {state: 'ready'}), shares)
			: [state, []];
	}
	const after = {report: news.report ?? before.report, delivered: news.delivered ?? before.delivered};
	if (after.report && !Number.isFinite(after.report.loss)) {
		return finish(state, {
			kind: 'failed',
			code: 'RUN_LOSS_NAN',
			facts: {
				where: `round ${round + 1}, device «${device}»`,
				expected: 'a finite loss',
				got: String(after.report.loss),
				fix: 'Lower the learning rate, clip the gradient («clipNorm»), or check the data of that device.',
			},
		});
	}
	const asked = new Map(state.asked).set(device, after);
	const next = {...state, asked};
	return after.report && after.delivered ? mayClose(withMember(next, device, {state: 'ready'}), shares) : [next, []];
}

const contributors = (state: RunState): Map<string, RoundReport> =>
	new Map([...state.asked].flatMap(([device, {report, delivered}]) => (report && delivered ? [[device, report]] : [])));

/** Closes the round when nobody is waited for any more. */
function mayClose(state: RunState, shares: Shares): Transition {
	const waiting = [...state.asked.values()].some(({report, delivered}) => !(report && delivered));
	return waiting ? [state, []] : closeRound(state, shares);
}

function closeRound(state: RunState, shares: Shares): Transition {
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

function updated(state: RunState, round: number, tookMs: number, shares: Shares): Transition {
	if (state.phase !== 'updating') {
		// The run was ended while the update was under way: the last checkpoint counts this round as done.
		return [state.phase === 'finishing' ? {...state, round: Math.max(state.round, round + 1)} : state, []];
	}
	const next: RunState = {
		...state,
		phase: 'gathering',
		round: state.round + 1,
		asked: new Map(),
		recentRoundsMs: [...state.recentRoundsMs, tookMs].slice(-9),
	};
	if (next.round >= (next.rounds ?? Number.POSITIVE_INFINITY)) {
		return finish(next, {kind: 'done'});
	}
	const [begun, effects] = mayBegin(next, shares);
	return begun.phase === 'gathering' ? awaitDevices(begun, effects) : [begun, effects];
}

function evaluated(state: RunState, round: number, accuracy: number | undefined): Transition {
	const target = state.settings.targetAccuracy;
	return target !== undefined && accuracy !== undefined && accuracy >= target && state.phase !== 'finishing'
		? append(finish(state, {kind: 'done'}), note(`reached the target accuracy after round ${round + 1}`))
		: [state, []];
}

function deadlinePassed(state: RunState, shares: Shares): Transition {
	switch (state.phase) {
		case 'gathering': {
			// Whoever is ready by now is enough, if it is enough.
			const ready = inState(state, 'ready');
			return ready.length >= state.settings.minimum
				? beginRound(state, shares)
				: finish(state, {
						kind: 'failed',
						code: 'RUN_NO_DEVICES',
						facts: {
							expected: `at least ${state.settings.minimum} ready within ${state.settings.waitMs / 1000} s`,
							got: `${ready.length}`,
							fix: 'Start more agents («fpl agent run») or lower «devices.minimum», then go on with «--resume».',
						},
					});
		}
		case 'training': {
			const late = [...state.asked]
				.filter(([, {report, delivered}]) => !(report && delivered))
				.map(([device]) => device);
			let next = state;
			for (const device of late) {
				next = withMember(next, device, {state: 'late'});
			}
			return append(
				closeRound(next, shares),
				...late.map(device =>
					note(`missed the deadline of round ${state.round + 1}; the run goes on without it`, device),
				),
			);
		}
		case 'updating':
		case 'finishing':
		case 'ended':
			return [state, []];
		default:
			return state.phase satisfies never;
	}
}

function lose(state: RunState, device: string, how: string, shares: Shares): Transition {
	const member = state.members.get(device);
	if (!member || member.state === 'absent') {
		return [state, []];
	}
	const asked = new Map(state.asked);
	const counted = asked.get(device);
	const unfinished = counted !== undefined && !(counted.report && counted.delivered);
	if (unfinished) {
		asked.delete(device);
	}
	const next = withMember({...state, asked}, device, {state: 'absent'});
	const notes = state.phase === 'finishing' ? [] : [note(how, device)];
	if (state.phase === 'training' && unfinished) {
		return append(mayClose(next, shares), ...notes);
	}
	return append(mayBegin(next, shares), ...notes);
}

/** When all refuse for good, nobody is waited for. */
function refused(state: RunState, {device, because, final}: RunEvent & {kind: 'refused'}, shares: Shares): Transition {
	const [next, effects] = lose(
		final ? withMember(state, device, {refusal: because}) : state,
		device,
		`cannot take part: ${because}`,
		shares,
	);
	const hopeless = [...next.members.values()].every(
		({state: now, refusal}) => now === 'absent' && refusal !== undefined,
	);
	if (!hopeless) {
		return [next, effects];
	}
	const problem = `every device refuses; ${device}: ${because}`;
	return append(finish(next, {kind: 'failed', code: 'RUN_NO_DEVICES', facts: {problem}}), ...effects);
}

function finish(state: RunState, outcome: Outcome): Transition {
	return state.phase === 'finishing'
		? [state, []]
		: [{...state, phase: 'finishing', deadline: undefined}, [{kind: 'wind-up', outcome}]];
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
