/** What coordinator, agents and cost model all compute from a plan: who has which rows, in which order, and who goes on without whom. */
import test from 'ava';
import fc from 'fast-check';
import {devicesOf, withoutDevices} from '../../../core/plan/fallback.js';
import {groupsOf} from '../../../core/plan/groups.js';
import type {Plan} from '../../../core/plan/plan.js';
import {
	activeIn,
	divisionsOf,
	drawsOf,
	edgesBetween,
	isBranched,
	itemsOf,
	microSizes,
	wholeDivision,
} from '../../../core/plan/routing.js';
import {passesOf, warmUp} from '../../../core/plan/schedule.js';
import {anyPlan} from '../../support/stages/a-plan.js';

const batch = fc.integer({min: 1, max: 40});
const turn = fc.integer({min: 0, max: 7});
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

test('the rows of a micro-batch are divided without gap or overlap; branches have all of them', t => {
	fc.assert(
		fc.property(anyPlan, turn, batch, (plan, now, size) => {
			const active = activeIn(plan, now);
			const divisions = [...divisionsOf(plan, active, size), wholeDivision(plan, active, size)];
			for (const [micro, own] of [...microSizes(plan, size), size].entries()) {
				for (const [stage, rows] of divisions[micro]!.entries()) {
					const working = active[stage]!;
					if (isBranched(plan, stage)) {
						t.true(working.every(replica => rows[replica]!.start === 0 && rows[replica]!.count === own));
						continue;
					}
					let next = 0;
					for (const {start, count} of rows) {
						t.is(start, next);
						next += count;
					}
					t.is(next, own);
					t.true(rows.every(({count}, replica) => count === 0 || working.includes(replica)));
				}
			}
		}),
	);
});

test('between two stages every row has exactly one sender and one receiver, or one of each along each branch', t => {
	fc.assert(
		fc.property(anyPlan, turn, batch, (plan, now, size) => {
			const active = activeIn(plan, now);
			const micros = microSizes(plan, size);
			const divisions = divisionsOf(plan, active, size);
			const micro = now % micros.length;
			for (let to = 1; to < plan.stages.length; to++) {
				for (let from = 0; from < to; from++) {
					const edges = edgesBetween(plan, divisions[micro]!, from, to);
					const covering = (row: number) =>
						edges.filter(({rows: {start, count}}) => row >= start && row < start + count);
					const branches = isBranched(plan, from) ? plan.stages[from]!.replicas.length : 1;
					for (let row = 0; row < micros[micro]!; row++) {
						const through = covering(row);
						t.is(through.length, branches);
						t.is(new Set(through.map(edge => edge.from.replica)).size, branches);
						t.is(new Set(through.map(edge => edge.to.replica)).size, isBranched(plan, to) ? branches : 1);
					}
				}
			}
		}),
		{numRuns: 60},
	);
});

test('a batch is divided into micro-batches that differ by one item at most, and every item is drawn once', t => {
	fc.assert(
		fc.property(anyPlan, turn, batch, (plan, now, size) => {
			const micros = microSizes(plan, size);
			t.is(sum(micros), size);
			t.true(micros.every(count => count > 0) && Math.max(...micros) - Math.min(...micros) <= 1);
			const active = activeIn(plan, now);
			const drawn = drawsOf(plan, active, size).map(sum);
			t.deepEqual(drawn, itemsOf(plan, active, 0, size));
			t.is(isBranched(plan, 0) ? Math.max(...drawn) : sum(drawn), size);
		}),
	);
});

test('over a batch every replica has its share but for one item, and micro-batches are divided in few ways', t => {
	fc.assert(
		fc.property(anyPlan, turn, batch, (plan, now, size) => {
			const active = activeIn(plan, now);
			const divisions = divisionsOf(plan, active, size);
			t.true(new Set(divisions).size <= 1 + sum(plan.stages.map(({replicas}) => replicas.length)));
			for (const [stage, {replicas}] of plan.stages.entries()) {
				const items = replicas.map((_, replica) => sum(divisions.map(division => division[stage]![replica]!.count)));
				t.deepEqual(items, itemsOf(plan, active, stage, size));
				const shares = replicas.map(({share}, replica) => (active[stage]!.includes(replica) ? share : 0));
				const exact = shares.map(share => (isBranched(plan, stage) ? size : (size * share) / sum(shares)));
				t.true(items.every((own, replica) => Math.abs(own - exact[replica]!) < 1));
			}
		}),
	);
});

test('replicas without rows of some micro-batches do the others in an order that nobody waits for in vain', t => {
	const cases = fc
		.tuple(fc.integer({min: 1, max: 12}), fc.array(fc.integer({min: 1, max: 3}), {minLength: 1, maxLength: 5}))
		.chain(([micros, widths]) =>
			fc.tuple(
				fc.constant(micros),
				// By stage and micro-batch: the replicas that have rows of it, one at least.
				fc.tuple(
					...widths.map(width =>
						fc.array(fc.subarray([...new Array(width).keys()], {minLength: 1}), {minLength: micros, maxLength: micros}),
					),
				),
			),
		);
	fc.assert(
		fc.property(fc.constantFrom('gpipe' as const, '1f1b' as const), cases, (schedule, [micros, stages]) => {
			const all = Array.from({length: micros}, (_, micro) => micro);
			const last = stages.length - 1;
			const orders = stages.flatMap((holders, stage) =>
				[0, 1, 2].map(replica => ({
					stage,
					replica,
					left: [
						...passesOf(
							schedule,
							stage,
							stages.length,
							all.filter(micro => holders[micro]!.includes(replica)),
						),
					],
				})),
			);
			const done = new Set<string>();
			const isDone = (kind: string, stage: number, micro: number) =>
				stages[stage]![micro]!.every(replica => done.has(`${kind} ${stage}.${replica} ${micro}`));
			for (let moved = true; moved; ) {
				moved = false;
				for (const {stage, replica, left} of orders) {
					const [pass] = left;
					if (!pass) {
						continue;
					}
					const {kind, micro} = pass;
					const ready =
						kind === 'backward'
							? isDone(stage + 1 === last ? 'learn' : 'backward', stage + 1, micro)
							: stage === 0 || isDone('forward', stage - 1, micro);
					if (ready) {
						done.add(`${kind} ${stage}.${replica} ${micro}`);
						left.shift();
						moved = true;
					}
				}
			}
			t.true(orders.every(({left}) => left.length === 0));
		}),
	);
});

test('a stage takes every micro-batch forward and backward once, in order, with a bounded number under way', t => {
	const schedule = fc.constantFrom('gpipe' as const, '1f1b' as const);
	const counts = fc.tuple(fc.integer({min: 1, max: 5}), fc.integer({min: 1, max: 12}));
	fc.assert(
		fc.property(schedule, counts, (kind, [stages, micros]) => {
			const all = Array.from({length: micros}, (_, micro) => micro);
			for (let stage = 0; stage < stages; stage++) {
				const passes = passesOf(kind, stage, stages, all);
				const of = (...kinds: string[]) => passes.filter(pass => kinds.includes(pass.kind)).map(({micro}) => micro);
				t.deepEqual(of('forward', 'learn'), all);
				t.deepEqual(of('backward', 'learn'), all);
				let under = 0;
				let most = 0;
				for (const pass of passes) {
					under += pass.kind === 'forward' ? 1 : pass.kind === 'backward' ? -1 : 0;
					most = Math.max(most, under);
					t.true(under >= 0);
				}
				t.is(under, 0);
				t.true(most <= Math.max(warmUp(kind, stage, stages, micros), 0));
				t.true(kind === 'gpipe' || most <= 2 * (stages - 1 - stage) + 1);
			}
		}),
	);
});

test('every replica of every stage is in exactly one group, and the keys of groups are unique', t => {
	fc.assert(
		fc.property(anyPlan, plan => {
			const groups = groupsOf(plan);
			t.is(new Set(groups.map(({key}) => key)).size, groups.length);
			const members = groups.flatMap(({stage, replicas}) => replicas.map(replica => `${stage}.${replica}`));
			const all = plan.stages.flatMap(({replicas}, stage) => replicas.map((_, replica) => `${stage}.${replica}`));
			t.deepEqual(members.toSorted(), all.toSorted());
		}),
	);
});

/** The data of an absent source may not come from elsewhere, and only spares and devices of the plan may step in. */
function fits(plan: Plan, original: Plan, absent: ReadonlySet<string>, spares: readonly string[]): boolean {
	const sources = original.stages[0]!.replicas.map(({device}) => device);
	return (
		plan.stages.length === original.stages.length &&
		plan.stages.every(({replicas}) => replicas.length > 0) &&
		plan.stages[0]!.replicas.every(({device}) => sources.includes(device)) &&
		devicesOf(plan).every(
			device => !absent.has(device) && (devicesOf(original).includes(device) || spares.includes(device)),
		)
	);
}

test('a plan without some of its devices has none of them, still has all its stages, and no new source', t => {
	const pick = fc.array(fc.double({min: 0, max: 1, noNaN: true}), {minLength: 8, maxLength: 8});
	fc.assert(
		fc.property(anyPlan, pick, fc.boolean(), (original, dice, hasSpare) => {
			const devices = devicesOf(original);
			const absent = new Set(devices.filter((_, index) => dice[index]! < 0.4));
			const spares = hasSpare ? ['spare'] : [];
			const result = withoutDevices(original, absent, spares);
			if (result.kind === 'missing') {
				// Only what is bound to data cannot be replaced while anybody is left.
				const {replicas} = original.stages[result.stage]!;
				t.true(replicas.some(({device}) => absent.has(device)));
				return;
			}
			t.true(fits(result.plan, original, absent, spares), JSON.stringify(result.plan.stages));
			const again = withoutDevices(original, absent, spares);
			t.deepEqual(again, result);
			if (absent.size === 0) {
				t.deepEqual(result.plan, original);
			}
		}),
	);
});

test('keys of weights stay the same when other devices leave', t => {
	fc.assert(
		fc.property(anyPlan, fc.nat(), (original, which) => {
			const devices = devicesOf(original);
			const result = withoutDevices(original, new Set([devices[which % devices.length]!]), ['spare']);
			if (result.kind === 'plan') {
				const before = new Set(groupsOf(original).map(({key}) => key));
				t.true(groupsOf(result.plan).every(({key}) => before.has(key)));
			}
		}),
	);
});
