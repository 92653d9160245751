/**
 * Taking a device's name, as a pure state machine: (state, event) → [state, effects]. The rule «no ghosts, no doubles»:
 * the same installation replaces its earlier session; another installation with the same device id is refused as long as
 * it answers. It needs nothing of the broker but retained messages:
 *
 *     offline → looking (reads the retained birth) → probing (somebody else's: is it alive?) → announced
 *                                                                                         ↘ ended (id taken)
 *
 * Birth and death are retained on two topics, and a device is there when its birth names another session than its death.
 * So the late will of an old session, which overwrites the death, can never erase a newer birth.
 */

/** Who claims a device's name. */
export interface Claim {
	readonly installation: string;
	readonly incarnation: number;
	readonly session: string;
}

export interface AnnouncerTimes {
	/** How long to wait for a retained birth: MQTT does not say that there is none. */
	readonly settleMs: number;
	/** How long another claimant may take to answer one probe, and how often it is asked. */
	readonly probeMs: number;
	readonly probes: number;
}

export type AnnouncerState =
	| {readonly kind: 'offline'; readonly dead: readonly string[]}
	| {readonly kind: 'looking'; readonly self: Claim; readonly dead: readonly string[]}
	| {
			readonly kind: 'probing';
			readonly self: Claim;
			readonly other: Claim;
			readonly left: number;
			readonly dead: readonly string[];
	  }
	| {readonly kind: 'announced'; readonly self: Claim; readonly dead: readonly string[]}
	| {readonly kind: 'ended'; readonly dead: readonly string[]};

export type AnnouncerEvent =
	| {readonly kind: 'online'; readonly self: Claim}
	| {readonly kind: 'offline'}
	/** A birth on the device's own topic, whoever published it. */
	| {readonly kind: 'birth'; readonly claim: Claim}
	/** Somebody erased the retained birth. */
	| {readonly kind: 'erased'}
	| {readonly kind: 'death'; readonly session: string}
	| {readonly kind: 'reply'; readonly claim: Claim}
	/** Somebody asks whether we are alive. */
	| {readonly kind: 'probe'; readonly from: string; readonly id: string}
	| {readonly kind: 'timer'}
	/** What the birth says has changed. */
	| {readonly kind: 'update'}
	| {readonly kind: 'leave'; readonly because: string};

export type AnnouncerEffect =
	/** At most one timer runs; a change of state stops it. */
	| {readonly kind: 'timer'; readonly ms: number}
	| {readonly kind: 'publishBirth'; readonly self: Claim}
	| {readonly kind: 'publishDeath'; readonly session: string; readonly because: string}
	| {readonly kind: 'probe'}
	| {readonly kind: 'reply'; readonly to: string; readonly id: string; readonly self: Claim}
	/** The name is ours (again). */
	| {readonly kind: 'announced'}
	/** The name is somebody else's, for good. */
	| {readonly kind: 'taken'; readonly by: Claim; readonly sameInstallation: boolean};

type Step = readonly [AnnouncerState, readonly AnnouncerEffect[]];

/** Sessions known to be over; older ones no longer matter. */
const maxDead = 16;

export const initialAnnouncer: AnnouncerState = {kind: 'offline', dead: []};

const announce = (self: Claim, dead: readonly string[]): Step => [
	{kind: 'announced', self, dead},
	[{kind: 'publishBirth', self}, {kind: 'announced'}],
];

const yieldTo = (self: Claim, by: Claim, dead: readonly string[]): Step => [
	{kind: 'ended', dead},
	[{kind: 'taken', by, sameInstallation: by.installation === self.installation}],
];

/** Whether `other` is an earlier life of the same agent, which gives way without being asked. */
const earlier = (self: Claim, other: Claim): boolean =>
	other.installation === self.installation && other.incarnation <= self.incarnation;

/** Two that have announced themselves both: one rule for both, so that exactly one stays. */
function outranks(other: Claim, self: Claim): boolean {
	if (other.installation !== self.installation) {
		return other.installation < self.installation;
	}
	return other.incarnation === self.incarnation ? other.session > self.session : other.incarnation > self.incarnation;
}

/** @param ownSessions sessions of this very process: what comes from them is an echo. */
export function stepAnnouncer(
	state: AnnouncerState,
	event: AnnouncerEvent,
	times: AnnouncerTimes,
	ownSessions: ReadonlySet<string>,
): Step {
	const {dead} = state;
	if (state.kind === 'ended') {
		return [state, []];
	}
	switch (event.kind) {
		case 'online':
			return [{kind: 'looking', self: event.self, dead}, [{kind: 'timer', ms: times.settleMs}]];
		case 'offline':
			return [{kind: 'offline', dead}, []];
		case 'death':
			return onDeath(state, event.session);
		case 'birth':
			if (ownSessions.has(event.claim.session) || dead.includes(event.claim.session)) {
				// The retained birth is ours from before, or that of a dead session: nobody else claims the name.
				return state.kind === 'looking' ? announce(state.self, dead) : [state, []];
			}
			return onClaim(state, event.claim, times);
		case 'erased':
		case 'update':
			return [state, state.kind === 'announced' ? [{kind: 'publishBirth', self: state.self}] : []];
		case 'reply':
			return onReply(state, event.claim, ownSessions);
		case 'probe':
			return [
				state,
				state.kind === 'announced' ? [{kind: 'reply', to: event.from, id: event.id, self: state.self}] : [],
			];
		case 'timer':
			return onTimer(state, times);
		case 'leave':
			return [
				{kind: 'ended', dead},
				state.kind === 'announced' ? [{kind: 'publishDeath', session: state.self.session, because: event.because}] : [],
			];
		default:
			return event satisfies never;
	}
}

function onDeath(state: AnnouncerState, session: string): Step {
	const dead = [...state.dead.filter(other => other !== session), session].slice(-maxDead);
	// The one that was asked has just been declared dead: nothing to wait for.
	return state.kind === 'probing' && state.other.session === session
		? announce(state.self, dead)
		: [{...state, dead}, []];
}

function onClaim(state: AnnouncerState, claim: Claim, times: AnnouncerTimes): Step {
	switch (state.kind) {
		case 'looking':
			return earlier(state.self, claim)
				? announce(state.self, state.dead)
				: [
						{kind: 'probing', self: state.self, other: claim, left: times.probes - 1, dead: state.dead},
						[{kind: 'probe'}, {kind: 'timer', ms: times.probeMs}],
					];
		case 'announced':
			return outranks(claim, state.self)
				? yieldTo(state.self, claim, state.dead)
				: [state, [{kind: 'publishBirth', self: state.self}]];
		case 'probing':
			return [{...state, other: claim}, []];
		case 'offline':
		case 'ended':
			return [state, []];
		default:
			return state satisfies never;
	}
}

function onReply(state: AnnouncerState, claim: Claim, ownSessions: ReadonlySet<string>): Step {
	return state.kind === 'probing' && !ownSessions.has(claim.session) && !earlier(state.self, claim)
		? yieldTo(state.self, claim, state.dead)
		: [state, []];
}

function onTimer(state: AnnouncerState, times: AnnouncerTimes): Step {
	switch (state.kind) {
		case 'looking':
			return announce(state.self, state.dead);
		case 'probing':
			return state.left === 0
				? announce(state.self, state.dead)
				: [{...state, left: state.left - 1}, [{kind: 'probe'}, {kind: 'timer', ms: times.probeMs}]];
		case 'offline':
		case 'announced':
		case 'ended':
			return [state, []];
		default:
			return state satisfies never;
	}
}
