/** Branches that are away: what checkpoints keep of them. */
import test from 'ava';
import {packBranches, unpackBranches} from '../../../fog-broker/server/branches-away.js';
import {joinBranches} from '../../../models/junction/join.js';
import {branchState} from '../../../models/junction/remap.js';
import {flatten, layoutOf} from '../../../models/layout.js';
import {buildModel} from '../../../models/zoo/zoo.js';

test('what a branch had when it left is read back by the names of its tensors, its part of the junction included', t => {
	const full = joinBranches(buildModel('lenet5', {seed: 4}), {
		cut: 3,
		branches: ['cam-1', 'cam-2', 'cam-3'],
		junction: 'per-unit',
	});
	const {graph, parameters, buffers} = full;
	const vector = flatten(graph, layoutOf(graph, parameters)).map((_, index) => index);
	const state = {
		parameters: vector,
		buffers: flatten(graph, layoutOf(graph, buffers)),
		slots: [vector.map(value => -value)],
		updates: 7,
	};
	const away = new Map(['cam-2', 'cam-3'].map(branch => [branch, branchState(full, state, branch)] as const));
	t.true([...away.get('cam-2')!.parameters.keys()].some(name => name.startsWith('junction')));
	const kept = packBranches(away);
	const back = unpackBranches(new Map([...kept, ['0@cam-1', state]]), full);
	t.deepEqual([...back.keys()], ['cam-2', 'cam-3']);
	for (const [branch, {parameters: own, slots}] of back) {
		const before = away.get(branch)!;
		t.deepEqual(new Map([...own].sort()), new Map([...before.parameters].sort()));
		t.deepEqual(new Map([...slots[0]!].sort()), new Map([...before.slots[0]!].sort()));
	}
});
