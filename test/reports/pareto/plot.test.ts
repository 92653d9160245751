import test from 'ava';
import fc from 'fast-check';
import {type Box, frontOf, placeOn, roomFor, scaleOf, ticksOf, wantsLog} from '../../../reports/pareto/plot.js';

const spots = fc.array(fc.record({x: fc.integer({min: 0, max: 20}), y: fc.integer({min: 0, max: 20})}), {
	maxLength: 30,
});

test('the front is what no other spot beats, and each other spot is beaten or equalled by one of it', t => {
	t.notThrows(() =>
		fc.assert(
			fc.property(spots, list => {
				const front = frontOf(list);
				const beats = (a: number, b: number) =>
					list[a]!.x <= list[b]!.x && list[a]!.y <= list[b]!.y && (list[a]!.x < list[b]!.x || list[a]!.y < list[b]!.y);
				const all = list.map((_, index) => index);
				return (
					front.every(index => all.every(other => !beats(other, index))) &&
					all.every(index => front.some(one => list[one]!.x <= list[index]!.x && list[one]!.y <= list[index]!.y))
				);
			}),
		),
	);
	t.deepEqual(
		frontOf([
			{x: Number.NaN, y: 1},
			{x: 1, y: 1},
		]),
		[1],
	);
});

const values = fc.array(fc.double({min: 1e-6, max: 1e9, noNaN: true}), {minLength: 1, maxLength: 20});

test('an axis holds all values, and its ticks are in order and on it', t => {
	t.notThrows(() =>
		fc.assert(
			fc.property(values, fc.boolean(), fc.integer({min: 2, max: 16}), (list, log, count) => {
				const scale = scaleOf(list, log);
				const ticks = ticksOf(scale, count);
				return (
					list.every(value => placeOn(scale, value) >= 0 && placeOn(scale, value) <= 1) &&
					ticks.length >= 1 &&
					ticks.length <= 4 * count + 4 &&
					ticks.every((tick, index) => index === 0 || tick > ticks[index - 1]!) &&
					ticks.every(tick => placeOn(scale, tick) > -1e-6 && placeOn(scale, tick) < 1 + 1e-6)
				);
			}),
		),
	);
});

test('an axis is logarithmic only where all values are above zero', t => {
	t.true(wantsLog([1, 100]));
	t.false(wantsLog([1, 10]));
	t.false(wantsLog([0, 100]));
	t.false(wantsLog([]));
	t.false(scaleOf([0, 100], true).log);
	t.deepEqual(scaleOf([], false), {from: 0, to: 1.08, log: false});
	t.deepEqual(ticksOf({from: 0, to: 10, log: false}, 5), [0, 2, 4, 6, 8, 10]);
	t.deepEqual(ticksOf({from: 0.9, to: 1100, log: true}, 8), [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]);
});

test('a label stands where nothing else does, or nowhere', t => {
	const frame: Box = {left: 0, top: 0, width: 200, height: 100};
	const first = roomFor({x: 100, y: 50}, 60, [], frame);
	t.deepEqual(first, {left: 112, top: 43, width: 60, height: 14});
	t.is(roomFor({x: 100, y: 50}, 60, [first!], frame)!.left, 28);
	t.is(roomFor({x: 195, y: 50}, 60, [], frame)!.left, 123);
	t.is(roomFor({x: 100, y: 50}, 60, [frame], frame), undefined);
});
