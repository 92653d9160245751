import test from 'ava';
import fc from 'fast-check';
import * as format from '../../reports/format.js';

test('what is missing or no number is a dash', t => {
	for (const write of [
		format.duration,
		format.byteCount,
		format.energy,
		format.percent,
		format.integer,
		format.fraction,
		format.loss,
		format.ratio,
	]) {
		for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
			t.is(write(value), '–');
		}
		t.regex(write(0), /^0/u);
	}
});

test('numbers are written for people', t => {
	t.is(format.percent(0.97312), '97.3 %');
	t.is(format.integer(1_234_567), '1 234 567');
	t.is(format.integer(999), '999');
	t.is(format.fraction(2.0), '2');
	t.is(format.loss(0.074021), '0.07402');
	t.is(format.loss(1.302585), '1.303');
	t.is(format.loss(1.5e-9), '1.50e-9');
	t.is(format.loss(1.2614e-6), '1.26e-6');
	t.is(format.ratio(0.8749), '0.875×');
	t.is(format.byteCount(61_706), '61.7 kB');
	t.is(format.when('2026-03-14T09:26:53.000Z'), '2026-03-14 09:26 UTC');
	t.is(format.when('soon'), 'soon');
});

test('words are joined as in a sentence', t => {
	t.is(format.enumerate([]), '');
	t.is(format.enumerate(['a']), 'a');
	t.is(format.enumerate(['a', 'b', 'c']), 'a, b and c');
	t.is(format.enumerate(['a', 'b', 'c', 'd'], 3), 'a, b and 2 more');
});

test('wide and combining characters take the columns they take', t => {
	t.is(format.textWidth('abc'), 3);
	t.is(format.textWidth('日本'), 4);
	t.is(format.textWidth('e\u0301'), 1);
	t.is(format.cut('abcdef', 4), 'abc…');
	t.is(format.cut('abcd', 4), 'abcd');
	t.is(format.cut('日本語', 4), '日…');
	t.is(format.cutMiddle('lenet5-261121132830-1719', 13), 'lenet5…0-1719');
	t.is(format.cutMiddle('日本語日本語', 8), '日本…語');
	t.is(format.cutMiddle('abcd', 4), 'abcd');
});

test('foreign text becomes one line without control characters, and a cut text fits', t => {
	t.notThrows(() =>
		fc.assert(
			fc.property(fc.string({unit: 'binary'}), fc.integer({min: 1, max: 30}), (text, most) => {
				const line = format.oneLine(text);
				const cuts = [format.cut(line, most), format.cutMiddle(line, most)];
				return !/\p{C}/u.test(line) && cuts.every(cut => format.textWidth(cut) <= most);
			}),
		),
	);
});
