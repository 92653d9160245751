/** How fast links are, from how long single transfers took. */
import test from 'ava';
import {deviceId} from '../../../../core/ids.js';
import {megabitsPerSecond} from '../../../../core/units.js';
import type {Sending} from '../../../../core/wire/link/sendings.js';
import {coordinatorId} from '../../../../core/wire/topics.js';
import {linkName} from '../../../../fog-broker/run/replan/learned.js';
import {LinkPace} from '../../../../fog-broker/run/replan/link-pace.js';

type Rates = Readonly<Record<string, readonly [up: number, down: number]>>;

const latencySeconds = 0.002;
/** Mbit/s. */
const wifi = [40, 80] as const;
const wired = [940, 940] as const;

const aPace = (says: Rates, stepSeconds = 0.2, least = 5): LinkPace =>
	new LinkPace({
		prediction: {
			stepSeconds,
			links: Object.entries(says).map(([device, [up, down]]) => ({
				device,
				upBytesPerSecond: megabitsPerSecond(up),
				downBytesPerSecond: megabitsPerSecond(down),
			})),
		},
		least,
		latency: () => latencySeconds,
	});

/** A transfer over links that are as they are; `before`: bytes in front of it on its way up and down. */
function sending(
	is: Rates,
	from: string,
	to: string,
	bytes: number,
	before: readonly [number, number] = [0, 0],
): Sending {
	const up = is[from] ? (bytes + before[0]) / megabitsPerSecond(is[from][0]) : 0;
	const down = is[to] ? (bytes + before[1]) / megabitsPerSecond(is[to][1]) : 0;
	const ends = [from, to].filter(party => is[party]).length;
	const way = bytes > 256 * 1024 ? Math.max(up, down) : up + down;
	const seconds = way + 2 * ends * (latencySeconds + 0.001);
	return {to: deviceId(to), wireBytes: bytes, linkBytes: bytes + before[0], seconds, transfers: 1};
}

/** So many steps of transfers from whom to whom. */
function play(pace: LinkPace, is: Rates, ways: readonly (readonly [string, string, number])[], steps = 9): void {
	for (let step = 0; step < steps; step++) {
		for (const [from, to, bytes] of ways) {
			pace.report(from, [sending(is, from, to, bytes)]);
		}
	}
}

const near = (value: number | undefined, expected: number, part = 0.25): boolean =>
	value !== undefined && Math.abs(value / expected - 1) < part;

const says: Rates = {'cam-1': wifi, 'cam-2': wifi, fog: wired};
const split = [
	['cam-1', 'fog', 113_000],
	['fog', 'cam-1', 113_000],
	['cam-2', 'fog', 113_000],
	['fog', 'cam-2', 113_000],
] as const;

test('links that are as predicted are not told of, whatever their rates', t => {
	for (const bytes of [20_000, 113_000, 400_000, 5_000_000]) {
		const pace = aPace(says);
		play(pace, says, [...split.map(([from, to]) => [from, to, bytes] as const), ['cam-1', coordinatorId, bytes]]);
		t.deepEqual([...pace.slowness()], []);
	}
});

test('an uplink, or a downlink, that is five times as slow is found, and how slow it is', t => {
	for (const [name, is] of [
		['cam-1/up', {...says, 'cam-1': [8, 80]}],
		['cam-1/down', {...says, 'cam-1': [40, 16]}],
	] as const) {
		for (const bytes of [60_000, 113_000, 400_000, 5_000_000]) {
			const pace = aPace(says);
			play(
				pace,
				is,
				split.map(([from, to]) => [from, to, bytes]),
			);
			const slowness = pace.slowness();
			t.deepEqual([...slowness.keys()], [name], `${bytes} bytes`);
			t.true(near(slowness.get(name), 5), `${bytes} bytes: ${slowness.get(name)}`);
		}
	}
});

const cams = ['cam-1', 'cam-2', 'cam-3', 'cam-4'];

/** So many senders whose messages come down to a trunk one after the other, in an order of each step. */
function playInOrder(
	pace: LinkPace,
	is: Rates,
	senders: readonly string[],
	orderOf: (step: number) => readonly string[],
) {
	for (let step = 0; step < 9; step++) {
		const order = orderOf(step);
		for (const cam of senders) {
			pace.report(cam, [sending(is, cam, 'fog', 113_000, [0, order.indexOf(cam) * 113_000])]);
		}
	}
}

const turned = (list: readonly string[], by: number): readonly string[] => [
	...list.slice(by % list.length),
	...list.slice(0, by % list.length),
];

for (const count of [1, 2, 3, 4]) {
	for (const [text, orderOf] of [
		['always in the same order', (senders: readonly string[]) => () => senders],
		['in turns', (senders: readonly string[]) => (step: number) => turned(senders, step)],
	] as const) {
		test(`the downlink of a trunk is blamed, at its rate, where ${count} who send to it are held up ${text}`, t => {
			const senders = cams.slice(0, count);
			const says: Rates = {...Object.fromEntries(senders.map(cam => [cam, [940, 80]])), fog: [940, 100]};
			for (const slower of [4, 10, 50]) {
				const pace = aPace(says, 0.05);
				playInOrder(pace, {...says, fog: [940, 100 / slower]}, senders, orderOf(senders));
				t.deepEqual([...pace.slowness().keys()], ['fog/down'], `${slower} times as slow`);
				t.true(near(pace.slowness().get('fog/down'), slower, 0.1), `${slower}: ${pace.slowness().get('fog/down')}`);
			}
		});
	}
}

test('one whose uplink is slow is not mistaken for a slow downlink of who receives from others as well', t => {
	for (const orderOf of [() => cams, (step: number) => turned(cams, step)]) {
		for (const rate of [20, 8, 2]) {
			const says: Rates = {...Object.fromEntries(cams.map(cam => [cam, wifi])), fog: [940, 100]};
			const pace = aPace(says, 0.1);
			playInOrder(pace, {...says, 'cam-2': [rate, 80]}, cams, orderOf);
			t.deepEqual(
				[...pace.slowness().keys()].filter(link => link !== 'cam-2/up'),
				[],
				`${rate} Mbit/s`,
			);
			t.is(pace.slowness().has('cam-2/up'), rate < 20, `${rate} Mbit/s`);
		}
	}
});

test('a slow downlink that chunks of several senders share is blamed, if not at exactly its rate', t => {
	const says: Rates = {...Object.fromEntries(cams.map(cam => [cam, [940, 80]])), fog: [940, 100]};
	const is: Rates = {...says, fog: [940, 10]};
	const pace = aPace(says, 1);
	for (let step = 0; step < 9; step++) {
		for (const cam of cams) {
			pace.report(cam, [sending(is, cam, 'fog', 700_000, [0, 3 * 700_000])]);
		}
	}
	t.deepEqual([...pace.slowness().keys()], ['fog/down']);
	t.true(near(pace.slowness().get('fog/down'), 10, 0.6), `${pace.slowness().get('fog/down')}`);
});

test('of two links that it may have been it is the one that need change less', t => {
	const pace = aPace(says);
	play(pace, {...says, 'cam-1': [8, 80]}, [['cam-1', 'fog', 113_000]]);
	t.deepEqual([...pace.slowness().keys()], ['cam-1/up']);
});

test('what goes to and from the coordinator tells of one link alone', t => {
	const pace = aPace(says);
	play(pace, {...says, 'cam-2': [40, 8]}, [
		[coordinatorId, 'cam-1', 250_000],
		[coordinatorId, 'cam-2', 250_000],
		['cam-2', coordinatorId, 250_000],
	]);
	t.deepEqual([...pace.slowness().keys()], ['cam-2/down']);
	t.true(near(pace.slowness().get('cam-2/down'), 10));
});

test('a link that is faster than predicted is found too', t => {
	const pace = aPace(says);
	play(pace, {...says, 'cam-1': [200, 80]}, [...split, ['cam-1', coordinatorId, 250_000]]);
	t.deepEqual([...pace.slowness().keys()], ['cam-1/up']);
	// Latency is not taken off, which may be shorter than predicted as well.
	const factor = pace.slowness().get('cam-1/up')!;
	t.true(factor >= 1 / 5 && factor < 0.4, `${factor}`);
});

test('who waits behind others on a shared link is not slow', t => {
	const all: Rates = Object.fromEntries([...cams, 'trunk'].map(name => [name, wifi]));
	const pace = aPace(all);
	for (let step = 0; step < 9; step++) {
		// The last one is always behind the others on the trunk's downlink, and sends to somebody else at the same time.
		for (const [place, cam] of cams.entries()) {
			pace.report(cam, [sending(all, cam, 'trunk', 113_000, [50_000, place * 113_000])]);
		}
	}
	t.deepEqual([...pace.slowness()], []);
});

test('a busy broker, which holds up everybody alike, is not mistaken for slow links', t => {
	const ways = ['cam-1', 'cam-2'].map(cam => [coordinatorId, cam, 250_000] as const);
	const late = (seconds: number) => {
		const pace = aPace(says);
		for (let step = 0; step < 9; step++) {
			for (const [from, to, bytes] of ways) {
				const one = sending(says, from, to, bytes);
				pace.report(from, [{...one, seconds: one.seconds + seconds}]);
			}
		}
		return [...pace.slowness().keys()];
	};
	t.deepEqual(late(0.03), []);
	t.deepEqual(late(0.1), ['cam-1/down', 'cam-2/down'], 'as long as it cannot be that busy');
});

test('few transfers, small ones, strangers and a busy moment now and then say nothing', t => {
	const slow: Rates = {...says, 'cam-1': [8, 80]};
	const few = aPace(says);
	play(few, slow, [['cam-1', 'fog', 113_000]], 4);
	t.is(few.slowness().size, 0);
	const busy = aPace(says);
	play(busy, says, [['cam-1', 'fog', 113_000]], 4);
	play(busy, slow, [['cam-1', 'fog', 113_000]], 5);
	t.is(busy.slowness().size, 0);
	play(busy, slow, [['cam-1', 'fog', 113_000]], 3);
	t.is(busy.slowness().size, 1, 'until it stays so');
	const stranger = aPace(says);
	play(stranger, {...slow, stranger: [1, 1]}, [['cam-1', 'stranger', 113_000]]);
	t.is(stranger.slowness().size, 0);
	const irrelevant = aPace(says, 10);
	play(irrelevant, slow, [['cam-1', 'fog', 113_000]]);
	t.is(irrelevant.slowness().size, 0, 'of a step of ten seconds a tenth of a second is nothing');
});

test('what was thought of a link is refuted by transfers that go as predicted', t => {
	const pace = aPace(says, 0.05);
	play(pace, says, split);
	t.true(pace.refutes(linkName('cam-1', 'up'), 5));
	t.true(pace.refutes(linkName('cam-1', 'up'), 0.1));
	t.false(pace.refutes(linkName('cam-1', 'up'), 1.1));
	t.false(pace.refutes(linkName('stranger', 'up'), 5));
	t.false(pace.refutes('cam-1', 5), 'computing is not a link');
});
