import test from 'ava';
import {
	type AnnouncerEvent,
	type AnnouncerState,
	type Claim,
	initialAnnouncer,
	stepAnnouncer,
} from '../../../../core/wire/presence/announcer.js';

const times = {settleMs: 700, probeMs: 1000, probes: 3};
const claim = (installation: string, incarnation: number, session: string): Claim => ({
	installation,
	incarnation,
	session,
});
const self = claim('m', 5, 'mine.1');
const online: AnnouncerEvent = {kind: 'online', self};
const birth = (other: Claim): AnnouncerEvent => ({kind: 'birth', claim: other});
const timer: AnnouncerEvent = {kind: 'timer'};

/** The kinds of state and effects along a sequence of events. */
function play(...events: AnnouncerEvent[]): {readonly state: AnnouncerState; readonly trace: readonly string[]} {
	let state = initialAnnouncer;
	const trace: string[] = [];
	for (const event of events) {
		const [next, effects] = stepAnnouncer(state, event, times, new Set(['mine.1', 'mine.0']));
		state = next;
		trace.push(`${event.kind} → ${next.kind}${effects.map(effect => ` ${effect.kind}`).join('')}`);
	}
	return {state, trace};
}
const last = (...events: AnnouncerEvent[]) => play(...events).trace.at(-1);

test('with no other birth the name is taken after a while', t => {
	t.deepEqual(play(online, timer).trace, ['online → looking timer', 'timer → announced publishBirth announced']);
});

test('an earlier life of the same installation is replaced at once', t => {
	t.is(last(online, birth(claim('m', 4, 'old'))), 'birth → announced publishBirth announced');
});

test('our own retained birth of before the reconnection is no obstacle', t => {
	t.is(last(online, birth(claim('m', 5, 'mine.0'))), 'birth → announced publishBirth announced');
});

test('another installation that answers keeps the name', t => {
	const other = claim('x', 1, 'theirs');
	t.deepEqual(play(online, birth(other), {kind: 'reply', claim: other}).trace.slice(1), [
		'birth → probing probe timer',
		'reply → ended taken',
	]);
});

test('another installation that stays silent loses the name after three probes', t => {
	t.deepEqual(play(online, birth(claim('x', 1, 'theirs')), timer, timer, timer).trace.slice(1), [
		'birth → probing probe timer',
		'timer → probing probe timer',
		'timer → probing probe timer',
		'timer → announced publishBirth announced',
	]);
});

test('a death of the other session makes probing needless, whether it comes before or after the birth', t => {
	const other = claim('x', 1, 'theirs');
	const death: AnnouncerEvent = {kind: 'death', session: 'theirs'};
	t.is(last(online, death, birth(other)), 'birth → announced publishBirth announced');
	t.is(last(online, birth(other), death), 'death → announced publishBirth announced');
	t.is(last(online, birth(other), {kind: 'death', session: 'someone'}), 'death → probing');
});

test('a later start of the same installation is asked, and if alive, obeyed', t => {
	const later = claim('m', 6, 'next');
	t.is(last(online, birth(later)), 'birth → probing probe timer');
	t.is(last(online, birth(later), {kind: 'reply', claim: later}), 'reply → ended taken');
});

test('once announced, an agent yields to a later start of its installation and insists against an earlier one', t => {
	t.is(last(online, timer, birth(claim('m', 6, 'next'))), 'birth → ended taken');
	t.is(last(online, timer, birth(claim('m', 4, 'old'))), 'birth → announced publishBirth');
});

test('of two installations that announced at the same time exactly one stays', t => {
	const [a, b] = [claim('a', 1, 's'), claim('b', 1, 's2')];
	const see = (me: Claim, them: Claim) => {
		let state = initialAnnouncer;
		for (const event of [{kind: 'online', self: me}, timer, birth(them)] as const) {
			state = stepAnnouncer(state, event, times, new Set([me.session]))[0];
		}
		return state.kind;
	};
	t.deepEqual([see(a, b), see(b, a)], ['announced', 'ended']);
	const [c, d] = [claim('a', 1, 'p'), claim('a', 1, 'q')];
	t.deepEqual([see(c, d), see(d, c)], ['ended', 'announced']);
});

test('only an announced agent answers probes', t => {
	const probe: AnnouncerEvent = {kind: 'probe', from: 'coordinator', id: '1'};
	t.is(last(online, probe), 'probe → looking');
	t.is(last(online, timer, probe), 'probe → announced reply');
	t.is(last(online, timer, {kind: 'offline'}, probe), 'probe → offline');
});

test('an erased birth and changed facts are published again, but only while announced', t => {
	t.is(last(online, timer, {kind: 'erased'}), 'erased → announced publishBirth');
	t.is(last(online, timer, {kind: 'update'}), 'update → announced publishBirth');
	t.is(last(online, {kind: 'update'}), 'update → looking');
});

test('after leaving nothing happens any more', t => {
	const leave: AnnouncerEvent = {kind: 'leave', because: 'stopped'};
	t.is(last(online, timer, leave), 'leave → ended publishDeath');
	t.is(last(online, leave), 'leave → ended');
	t.is(last(online, timer, leave, online), 'online → ended');
});

test('after a reconnection the name is looked up again', t => {
	t.deepEqual(play(online, timer, {kind: 'offline'}, online, timer).trace.slice(2), [
		'offline → offline',
		'online → looking timer',
		'timer → announced publishBirth announced',
	]);
});
