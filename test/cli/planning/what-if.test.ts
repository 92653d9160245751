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

test('with some of its cores a device is slower and draws less', t => {
	const {profile: was} = fleet[0]!;
	const {profile: is} = withChanges(fleet, ['cam-1.cores=1'])[0]!;
	t.is(is!.speeds.convolution, was!.speeds.convolution / 4);
	t.is(is!.idleWatts, was!.idleWatts);
	t.is(is!.busyWatts, was!.idleWatts + (was!.busyWatts - was!.idleWatts) / 4);
	const {speeds, busyWatts, idleWatts} = was!;
	t.like(withChanges(fleet, ['cam-1.cores=4'])[0]!.profile, {speeds, busyWatts, idleWatts});
});

test('a device may be away', t => {
	t.deepEqual(
		withChanges(fleet, ['cam-1=away']).map(({device}) => device),
		['fog-1'],
	);
});

test('who is away cannot be changed as well', t => {
	const message = /cores=1.*by another change «cam-1» is away already/u;
	t.throws(() => withChanges(fleet, ['cam-1=away', 'cam-1.cores=1']), {message});
	t.notThrows(() => withChanges(fleet, ['cam-1.cores=1', 'cam-1=away']));
});

test('what makes no sense is refused with what was expected', t => {
	t.regex(messageOf('cam-1.link.up=5'), /expected a number with its unit.*got 5/u);
	t.regex(messageOf('cam-1.link.up=0 Mbit/s'), /expected from 1 bit\/s/u);
	t.regex(messageOf('cam-1.link.upp=5 Mbit/s'), /upp.*«up»/u);
	t.regex(messageOf('cam-2.link.up=5 Mbit/s'), /no device «cam-2».*«cam-1»/u);
	t.regex(messageOf('cam-1'), /expected «device\.field=value»/u);
	t.regex(messageOf('cam-1=gone'), /«away»/u);
});

for (const [change, message] of [
	['memory=512', /memory: expected a number with its unit.*got 512/u],
	['memory=0 MB', /memory: expected from 1 B to/u],
	['memory=-5 MB', /memory: expected a number with its unit.*«-5 MB»/u],
	['memory=NaN MB', /memory: expected a number with its unit.*«NaN MB»/u],
	['link.down=Infinity Mbit/s', /link\.down: expected a number with its unit/u],
	['link.latency=-1 ms', /link\.latency: expected a number with its unit.*«-1 ms»/u],
	['link.latency=4', /link\.latency: expected a number with its unit.*got 4/u],
	['link.up=5 MFLOP/s', /link\.up: expected a number with its unit.*«5 MFLOP\/s»/u],
	['link.up.rate=5 Mbit/s', /link\.up: expected a number with its unit/u],
	['link.medium=5g', /link\.medium: expected .*«lte».*«5g»/u],
	['link=5 Mbit/s', /link: .*«wifi».*«5 Mbit\/s»/u],
	['speeds.conv=5 GFLOP/s', /speeds\.conv: .* is no key here/u],
	['speeds.matmul=0 GFLOP/s', /speeds\.matmul: expected from 1 FLOP\/s to/u],
	['speeds=5 GFLOP/s', /speeds: expected .*got «5 GFLOP\/s»/u],
	['cores=0', /cores: expected .*1.*got 0/u],
	['cores=1.5', /cores: expected .*got 1\.5/u],
	['cores=NaN', /cores: expected .*«NaN»/u],
	['cores=8', /expected 1 to 4, the cores that it has.*got 8.*speeds/u],
	['idle=-1 W', /idle: expected a number with its unit/u],
	['busy=0.1 W', /busy power of at least the idle power.*0\.1 W/u],
	['battery=0 J', /battery: expected from 1 mJ to/u],
	['price=-1 USD/h', /price: expected a number with its unit/u],
	['price=0.1', /price: expected a number with its unit.*got 0\.1/u],
	['watts=5 W', /watts: .* is no key here/u],
	['name=other', /name: .* is no key here/u],
	['__proto__.cores=2', /__proto__/u],
	['link.=5 Mbit/s', /link/u],
] as const) {
	test(`«${change}» is refused, and what was expected is said`, t => {
		const text = messageOf(`cam-1.${change}`);
		t.regex(text, message);
		t.true(text.includes('--what-if'), text);
	});
}

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
