/** Links that are as devices say: a run that looks at them finds nothing. */
import test from 'ava';
import {follow} from '../../support/plans/moves.js';
import {aShapedFleet, aShapedJob, limit} from '../../support/plans/shaped-fleet.js';

/** So slow that a busy machine, on which each message takes some milliseconds longer, does not matter. */
const wifi = {up: 10, down: 20};

for (const [name, job] of [
	[
		'two sources and a trunk',
		aShapedJob({data: {dataset: 'digits', limit, sources: ['cam-1', 'cam-2']}, planning: {}}),
	],
	['replicas of the whole model', aShapedJob({planning: {mostStages: 1}})],
] as const) {
	test.serial(`nothing is wrong with links that are as devices say: ${name}`, async t => {
		const fleet = await aShapedFleet(t, {
			'cam-1': {slow: 10, says: wifi},
			'cam-2': {slow: 10, says: wifi},
			'fog-1': {slow: 3, says: wifi},
		});
		await fleet.coordinator();
		await Promise.all(['cam-1', 'cam-2', 'fog-1'].map(device => fleet.join(device)));
		const training = {...job.training, epochs: 3};
		const run = await fleet.submit({...job, training, planning: {...job.planning, replanFactor: 1.5}});
		const {ledger} = await follow(fleet, run, () => {});
		const {plan} = (await fleet.store.find(run))!;
		t.log(
			plan!.scheme,
			ledger.notes.map(({text}) => text),
		);
		t.false(ledger.notes.some(({text}) => /sends|receives/u.test(text)));
	});
}
