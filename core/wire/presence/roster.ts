/**
 * Who is there, as a pure state machine per device: (entry, event) → [entry, effects]. Births that were retained may be
 * ghosts (the broker was restarted from disk, a will got lost), so their devices are asked before they are believed.
 */
import type {BodyOf} from '../bodies.js';

export type Birth = BodyOf<'birth'>;

export type LeaveReason =
	/** It said goodbye, or its last will did; with the words of the death. */
	| {readonly kind: 'died'; readonly because: string}
	/** A new session of the same device took its place. */
	| {readonly kind: 'replaced'}
	/** After we had lost sight of it, it did not answer. */
	| {readonly kind: 'silent'};

export interface RosterEntry {
	/** The newest birth that is not known to be over. */
	readonly birth: Birth | undefined;
	/** Whether others were told that it is there. */
	readonly present: boolean;
	/** Probes still to be sent while its answer is awaited; undefined: nothing is awaited. */
	readonly probesLeft: number | undefined;
	/** Sessions known to be over. */
	readonly dead: readonly string[];
}

export type RosterEvent =
	| {readonly kind: 'birth'; readonly birth: Birth; readonly retained: boolean}
	| {readonly kind: 'death'; readonly session: string; readonly because: string}
	| {readonly kind: 'reply'; readonly session: string}
	/** The watcher has its connection back: what it knows may be out of date. */
	| {readonly kind: 'recheck'}
	| {readonly kind: 'timer'};

export type RosterEffect =
	| {readonly kind: 'join'; readonly birth: Birth}
	| {readonly kind: 'update'; readonly birth: Birth}
	| {readonly kind: 'leave'; readonly birth: Birth; readonly reason: LeaveReason}
	| {readonly kind: 'ghost'; readonly birth: Birth}
	/** Ask whether it is alive, and come back with `timer`. A later probe replaces the timer of an earlier one. */
	| {readonly kind: 'probe'}
	| {readonly kind: 'stopTimer'};

type Step = readonly [RosterEntry, readonly RosterEffect[]];

const maxDead = 16;
export const emptyEntry: RosterEntry = {birth: undefined, present: false, probesLeft: undefined, dead: []};

/** @param probes how often a silent device is asked before it is given up. */
export function stepRoster(entry: RosterEntry, event: RosterEvent, probes: number): Step {
	switch (event.kind) {
		case 'birth':
			return onBirth(entry, event.birth, event.retained, probes);
		case 'death': {
			const dead = [...entry.dead.filter(session => session !== event.session), event.session].slice(-maxDead);
			// The late will of an earlier session changes nothing.
			return entry.birth?.session === event.session
				? gone({...entry, dead}, {kind: 'died', because: event.because})
				: [{...entry, dead}, []];
		}
		case 'reply':
			// A late answer brings back a device that was given up.
			return entry.birth?.session === event.session && (entry.probesLeft !== undefined || !entry.present)
				? confirmed(entry, entry.birth)
				: [entry, []];
		case 'recheck':
			return entry.birth ? [{...entry, probesLeft: probes - 1}, [{kind: 'probe'}]] : [entry, []];
		case 'timer':
			if (entry.probesLeft === undefined || !entry.birth) {
				return [entry, []];
			}
			if (entry.probesLeft > 0) {
				return [{...entry, probesLeft: entry.probesLeft - 1}, [{kind: 'probe'}]];
			}
			return entry.present
				? gone(entry, {kind: 'silent'})
				: [{...entry, probesLeft: undefined}, [{kind: 'ghost', birth: entry.birth}]];
		default:
			return event satisfies never;
	}
}

function onBirth(entry: RosterEntry, birth: Birth, retained: boolean, probes: number): Step {
	const known = entry.birth;
	const outdated = known && known.installation === birth.installation && birth.incarnation < known.incarnation;
	if (entry.dead.includes(birth.session) || outdated) {
		return [entry, []];
	}
	if (known?.session === birth.session && (entry.present || retained)) {
		const next = {...entry, birth};
		// Alive for certain when it was published just now.
		if (!retained && entry.probesLeft !== undefined) {
			return [{...next, probesLeft: undefined}, [{kind: 'stopTimer'}, {kind: 'update', birth}]];
		}
		return [next, entry.present && changed(known, birth) ? [{kind: 'update', birth}] : []];
	}
	const leave: RosterEffect[] =
		known && entry.present ? [{kind: 'leave', birth: known, reason: {kind: 'replaced'}}] : [];
	return retained
		? [{...entry, birth, present: false, probesLeft: probes - 1}, [...leave, {kind: 'probe'}]]
		: [{...entry, birth, present: true, probesLeft: undefined}, [...leave, {kind: 'stopTimer'}, {kind: 'join', birth}]];
}

const changed = (before: Birth, after: Birth) => JSON.stringify(before) !== JSON.stringify(after);

function confirmed(entry: RosterEntry, birth: Birth): Step {
	const join: RosterEffect[] = entry.present ? [] : [{kind: 'join', birth}];
	return [{...entry, present: true, probesLeft: undefined}, [{kind: 'stopTimer'}, ...join]];
}

function gone(entry: RosterEntry, reason: LeaveReason): Step {
	const {birth, present} = entry;
	const leave: RosterEffect[] = birth && present ? [{kind: 'leave', birth, reason}] : [];
	// After silence the birth is kept: a late answer brings the device back.
	const kept = reason.kind === 'silent' ? birth : undefined;
	return [{...entry, birth: kept, present: false, probesLeft: undefined}, [{kind: 'stopTimer'}, ...leave]];
}
