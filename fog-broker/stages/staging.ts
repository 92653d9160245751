/** Which devices a run with stages has, and getting them ready. */
import {devicesOf, type Fallback, withoutDevices} from '../../core/plan/fallback.js';
import type {Plan} from '../../core/plan/plan.js';
import {after, finish, note, then, waitFor} from './flow.js';
import type {StageEffect, StageState, Transition} from './state.js';

/** Times in a row that trouble may come before a step is completed; then something is wrong that repeating does not mend. */
const mostFailures = 6;
/** Before a device that could not take part just now is asked again; twice as long each time. */
const pauseMs = 1000;

const absentFrom = ({original, present, refused}: StageState): ReadonlySet<string> =>
	new Set(devicesOf(original).filter(device => !present.has(device) || refused.has(device)));

function planFor(state: StageState): Fallback {
	const own = devicesOf(state.original);
	// A spare that does the work of another keeps it until that one is back.
	const working = devicesOf(state.plan).filter(device => !own.includes(device));
	const spares = [...new Set([...working, ...state.spares])];
	const here = spares.filter(device => state.present.has(device) && !state.refused.has(device));
	return withoutDevices(state.original, absentFrom(state), here);
}

const turnTakersIn = ({stages}: Plan): string =>
	stages
		.filter(({turns}) => turns === 'in-turn')
		.flatMap(({replicas}) => replicas.map(({device}) => device))
		.join();

/** Whether a device that belongs to the plan is here again, and not in the plan as it is executed. */
export function someReturn(state: StageState): boolean {
	const fallback = planFor(state);
	const own = devicesOf(state.original);
	const now = devicesOf(state.plan);
	return (
		fallback.kind === 'plan' && devicesOf(fallback.plan).some(device => own.includes(device) && !now.includes(device))
	);
}

export const gather = (state: StageState): Transition =>
	then(waitFor(state, 'gathering', [], state.settings.waitMs), now => mayStage(now, false));

/** Stages the plan when all its devices are here; when waiting is over, what can be done with those that are. */
export function mayStage(state: StageState, over: boolean): Transition {
	const absent = absentFrom(state);
	const begun = state.steps !== undefined;
	if (!over && !begun && [...absent].some(device => !state.refused.has(device))) {
		return [state, []];
	}
	const fallback = planFor(state);
	if (fallback.kind === 'missing') {
		// Before the first step, devices that are here and say no are not waited for.
		const hopeless = !begun && fallback.devices.every(device => state.refused.has(device));
		return over || hopeless
			? finish(state, {
					kind: 'failed',
					code: 'RUN_NO_DEVICES',
					facts: {
						where: `stage ${fallback.stage}`,
						expected: `one of ${fallback.devices.join(', ')} within ${state.settings.waitMs / 1000} s`,
						got: [...state.refused].map(([device, because]) => `${device}: ${because}`).join('; ') || 'none',
						fix: 'Start the agents again and go on with «--resume», or run another plan.',
					},
				})
			: [state, []];
	}
	const {plan} = fallback;
	const devices = devicesOf(plan);
	// A turn belongs to a device: with others that take turns it is another's. Whoever works for all of them may change.
	const turnLeft = turnTakersIn(plan) === turnTakersIn(state.plan) ? state.position.turnLeft : 0;
	const position = {...state.position, turnLeft};
	const attempt = state.attempt + 1;
	const own = devicesOf(state.original);
	const before = devicesOf(state.plan);
	const back = begun ? devices.filter(device => own.includes(device) && !before.includes(device)) : [];
	// Other devices take other times; loading weights takes its own.
	const next: StageState = {
		...state,
		plan,
		attempt,
		position,
		saving: undefined,
		held: new Set(),
		recentStepsMs: [],
	};
	const [waiting, deadline] = waitFor(
		next,
		'staging',
		devices.map(device => `ready:${device}`),
		state.settings.stagingDeadlineMs,
	);
	return [
		waiting,
		[
			...[...absent]
				.filter(device => before.includes(device))
				.map(device => note('is away: the run goes on without it', device)),
			...back.map(device => note('is back: the run goes on with it', device)),
			...fallback.replaced.map(({stage, device}) => note(`takes over stage ${stage}`, device)),
			{kind: 'attempt', attempt, plan, position},
			...devices.map((device): StageEffect => ({kind: 'assign', device})),
			...deadline,
		],
	];
}

/** After trouble: another attempt with the devices that are left, from the weights that are here; or the end, if it waited. */
export function replan(before: StageState, pause = false): Transition {
	const steps = before.position.step - before.saved.step;
	const text = `goes back to the weights after step ${before.saved.step}: ${steps} step${steps === 1 ? ' is' : 's are'} repeated`;
	const notes = steps > 0 && !before.ending ? [note(text)] : [];
	return after(again({...before, position: before.saved, waiting: new Set(), saving: undefined}, pause), ...notes);
}

function again(state: StageState, pause: boolean): Transition {
	if (state.ending) {
		return finish(state, state.ending);
	}
	if (state.failures > mostFailures) {
		return finish(state, {
			kind: 'failed',
			code: 'RUN_STALLED',
			facts: {
				where: `step ${state.position.step + 1}`,
				problem: `${mostFailures} attempts in a row completed no step`,
				fix: 'See the notes of the run and the logs of its devices.',
			},
		});
	}
	const ms = Math.min(pauseMs * 2 ** Math.max(0, state.failures - 1), Math.max(pauseMs, state.settings.waitMs));
	return pause ? waitFor(state, 'pausing', [], ms) : gather(state);
}
