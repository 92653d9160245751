import test from 'ava';
import type {Participant} from '../../../cli/planning/plan-input.js';
import {withChanges} from '../../../cli/planning/what-if.js';
import {FplError} from '../../../core/errors.js';
import {libraryProfile} from '../../../core/profile/library.js';

const fleet: readonly Participant[] = ['cam-1', 'fog-1'].map(device => ({
	device,
	profile: libraryProfile('raspberry-pi-4b'),
}));

const messageOf = (change: string): string => {
	try {
		withChanges(fleet, [change]);
	} catch (error) {
		return error instanceof FplError ? error.message : String(error);
	}
	return 'nothing';
};

test('a figure of one device is changed, and nothing else', t => {
	const [cam, fog] = withChanges(fleet, ['cam-1.link.up=5 Mbit/s', 'cam-1.memory=256 MiB', 'cam-1.cores=2']);
	t.is(cam!.profile!.link.upBytesPerSecond, 5e6 / 8);
	t.is(cam!.profile!.memoryBytes, 256 * 1024 ** 2);
	t.is(cam!.memoryBytes, 256 * 1024 ** 2);
	t.is(cam!.profile!.cores, 2);
	t.is(fog, fleet[1]);
});

test('a device may be away', t => {
	t.deepEqual(
		withChanges(fleet, ['cam-1=away']).map(({device}) => device),
		['fog-1'],
	);
});

test('what makes no sense is refused with what was expected', t => {
	t.regex(messageOf('cam-1.link.up=5'), /expected a number with its unit.*got 5/u);
	t.regex(messageOf('cam-1.link.up=0 Mbit/s'), /more than zero/u);
	t.regex(messageOf('cam-1.link.upp=5 Mbit/s'), /upp.*«up»/u);
	t.regex(messageOf('cam-2.link.up=5 Mbit/s'), /no device «cam-2».*«cam-1»/u);
	t.regex(messageOf('cam-1'), /expected «device\.field=value»/u);
	t.regex(messageOf('cam-1=gone'), /«away»/u);
});

test('of a device whose times are measured, what times would follow from is refused, and the rest is changed', t => {
	const timesFrom = ({device}: Participant) => (device === 'cam-1' ? '--times pi4.yaml' : undefined);
	for (const field of ['speeds.matmul=1 GFLOP/s', 'dispatch=1 ms', 'cores=2']) {
		t.throws(() => withChanges(fleet, [`cam-1.${field}`], timesFrom), {
			message: /what-if.*how long «cam-1» takes is measured \(--times pi4\.yaml\)/u,
		});
		t.notThrows(() => withChanges(fleet, [`fog-1.${field}`], timesFrom));
	}
	const [cam] = withChanges(fleet, ['cam-1.memory=256 MiB'], timesFrom);
	t.is(cam!.memoryBytes, 256 * 1024 ** 2);
});
