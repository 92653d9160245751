/** The transitions of a run. See `state.ts` for the states, events and effects. */
import {
	append,
	awaitDevices,
	beginRound,
	closeRound,
	finish,
	mayBegin,
	mayClose,
	note,
	type Shares,
	withMember,
} from './rounds.js';
import {inState, leavesHere, type RoundReport, type RunEvent, type RunState, type Transition} from './state.js';

/** A device that cannot take part just now is asked again after this long; twice as long each time, up to the longest. */
const firstPauseMs = 500;
const longestPauseMs = 30_000;

export function startRun(state: RunState): Transition {
	return awaitDevices(state, []);
}

export function stepRun(state: RunState, event: RunEvent, shares: Shares): Transition {
	if (state.phase === 'ended') {
		return [state, []];
	}
	switch (event.kind) {
		case 'present':
			return state.members.get(event.device)?.state === 'absent' && state.phase !== 'finishing'
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
		case 'leave': {
			const {because, at} = event;
			const next = {...state, leaving: {because, at}};
			// A round under way is completed first.
			return state.phase === 'gathering' && leavesHere(next) ? finish(next, {kind: 'moved', because}) : [next, []];
		}
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
	const next = withMember(state, device, {state: 'ready', items, trouble: undefined});
	if (member.state === 'working') {
		const asked = new Map(state.asked);
		asked.delete(device);
		const lost = note(`lost round ${state.round + 1}`, device);
		return state.phase === 'training' ? append(mayClose({...next, asked}, shares), lost) : [next, []];
	}
	return append(mayBegin(next, shares), note(`is ready with ${items} items`, device));
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
	if (next.leaving && leavesHere(next)) {
		return finish(next, {kind: 'moved', because: next.leaving.because});
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
				...late.flatMap(device => [
					note(`missed the deadline of round ${state.round + 1}; the run goes on without it`, device),
					// It may have missed the order itself, and would then wait for ever; or it drops what is of no use any more.
					{kind: 'assign', device} as const,
				]),
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

/** `how`: what the report says of it; nothing when undefined. */
function lose(state: RunState, device: string, how: string | undefined, shares: Shares): Transition {
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
	const notes = state.phase === 'finishing' || how === undefined ? [] : [note(how, device)];
	if (state.phase === 'training' && unfinished) {
		return append(mayClose(next, shares), ...notes);
	}
	return append(mayBegin(next, shares), ...notes);
}

/** Who refuses for good is left alone until it joins again; when all do, nobody is waited for. Others are asked again. */
function refused(state: RunState, {device, because, final}: RunEvent & {kind: 'refused'}, shares: Shares): Transition {
	const member = state.members.get(device);
	if (!final) {
		if (!member || member.state === 'absent') {
			return [state, []];
		}
		const {because: before, times} = member.trouble ?? {because: undefined, times: 0};
		const troubled = withMember(state, device, {trouble: {because, times: times + 1}});
		const ms = Math.min(longestPauseMs, firstPauseMs * 2 ** times);
		const [next, effects] = lose(
			troubled,
			device,
			because === before ? undefined : `cannot take part: ${because}`,
			shares,
		);
		return [next, [...effects, {kind: 'ask-again', device, ms}]];
	}
	const [next, effects] = lose(
		withMember(state, device, {refusal: because}),
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
