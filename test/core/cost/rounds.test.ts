import test from 'ava';
import fc from 'fast-check';
import {roundTimes} from '../../../core/cost/rounds.js';
import {randomCase} from '../../support/plans/random-costs.js';

test('devices of a type are told of all alike, as if each had been played', t => {
	fc.assert(
		fc.property(randomCase(['d-sgd']), ({costs, fleet}) => {
			const free = {
				...fleet,
				broker: {
					...fleet.broker,
					inBytesPerSecond: Number.POSITIVE_INFINITY,
					outBytesPerSecond: Number.POSITIVE_INFINITY,
				},
			};
			const some = fleet.devices.map(device => ({device, items: 8, localSteps: 0}));
			// The same devices under other names, in between the others.
			const twins = some.flatMap(one => [one, {...one, device: {...one.device, device: `${one.device.device}-twin`}}]);
			// Times of their own make them types of their own.
			const apart = twins.map(one => ({...one, device: {...one.device, times: {...one.device.times}}}));
			const [together, single] = [twins, apart].map(work => roundTimes({costs, fleet: free, work}));
			t.is(together!.seconds, single!.seconds);
			t.deepEqual([...together!.devices], [...single!.devices]);
			const byReplica = (passes: typeof together) => [...passes!.passes].sort((a, b) => a.replica - b.replica);
			t.deepEqual(byReplica(together), byReplica(single));
		}),
		{numRuns: 40, seed: 5},
	);
});
