/** Links that are as devices say: a run that looks at them finds nothing. */
import test from 'ava';
import {follow} from '../../support/plans/moves.js';
import {aShapedFleet, aShapedJob, limit} from '../../support/plans/shaped-fleet.js';

/**
 * So slow that a busy machine, on which each transfer takes a tenth of a second longer, does not matter. Two transfers at once that
 * are held for one, or the other way round, would make a link twice as slow as it says, or twice as fast.
 */
const wifi = {up: 5, down: 10};

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
		const run = await fleet.submit({...job, training, planning: {...job.planning, replanFactor: 1.8}});
		const {ledger} = await follow(fleet, run, () => {}, undefined);
		const {plan} = (await fleet.store.find(run))!;
		t.log(
			plan!.scheme,
			ledger.notes.map(({text}) => text),
		);
		t.false(ledger.notes.some(({text}) => /sends|receives/u.test(text)));
	});
}
