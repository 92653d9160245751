/** What a run learns of devices and their links. */
import test from 'ava';
import {libraryProfile} from '../../../../core/profile/library.js';
import {megabitsPerSecond} from '../../../../core/units.js';
import {asLearned, learnedText} from '../../../../fog-broker/run/replan/learned.js';

const base = libraryProfile('raspberry-pi-4b', 'cam-1');
const profile = {
	...base,
	link: {...base.link, upBytesPerSecond: megabitsPerSecond(40), downBytesPerSecond: megabitsPerSecond(80)},
};

test('a profile is planned with as it was learned, in what was learned', t => {
	const slowness = new Map([
		['cam-1', 2],
		['cam-1/up', 5],
		['cam-2/down', 9],
	]);
	const learned = asLearned(profile, 'cam-1', slowness);
	t.is(learned.link.upBytesPerSecond, megabitsPerSecond(8));
	t.is(learned.link.downBytesPerSecond, megabitsPerSecond(80));
	t.is(learned.speeds.matmul, profile.speeds.matmul / 2);
	t.deepEqual(asLearned(profile, 'cam-2', slowness).link.downBytesPerSecond, megabitsPerSecond(80) / 9);
	t.is(asLearned(profile, 'cam-3', slowness), profile);
});

test('it is told in words and units', t => {
	const profileOf = () => profile;
	t.deepEqual(
		[
			learnedText('cam-1', 3, profileOf),
			learnedText('cam-1/up', 5.1, profileOf),
			learnedText('cam-1/down', 0.25, profileOf),
			learnedText('cam-1/down', 1.01, profileOf),
			learnedText('cam-1/up', 5, () => undefined),
		],
		[
			'cam-1 takes 3 times as long as its profile says',
			'cam-1 sends at 7.8 Mbit/s, where its profile says 40 Mbit/s',
			'cam-1 receives at 320 Mbit/s, where its profile says 80 Mbit/s',
			'cam-1 receives as fast as its profile says again (80 Mbit/s)',
			'cam-1 sends at 0.2 times the rate of its profile',
		],
	);
});
