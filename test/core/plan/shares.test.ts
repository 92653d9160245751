import test from 'ava';
import fc from 'fast-check';
import {apportion} from '../../../core/plan/shares.js';

test('parts are whole, sum to the total, and miss their exact share by less than one', t => {
	fc.assert(
		fc.property(
			fc.integer({min: 0, max: 1000}),
			fc.array(fc.double({min: 0.01, max: 100, noNaN: true}), {minLength: 1, maxLength: 20}),
			(total, shares) => {
				const parts = apportion(total, shares);
				const sum = shares.reduce((a, b) => a + b, 0);
				t.is(
					parts.reduce((a, b) => a + b, 0),
					total,
				);
				t.true(
					parts.every(
						(part, index) => Number.isInteger(part) && Math.abs(part - (total * shares[index]!) / sum) < 1 + 1e-9,
					),
				);
			},
		),
	);
});
