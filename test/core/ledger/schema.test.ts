import test from 'ava';
import fc from 'fast-check';
import {FplError} from '../../../core/errors.js';
import {parseLedger} from '../../../core/ledger/schema.js';
import {aLedger} from '../../support/a-ledger.js';

const stored = (ledger: unknown) => JSON.parse(JSON.stringify(ledger)) as Record<string, unknown>;

test('a stored ledger comes back as it was', t => {
	for (const ledger of [aLedger(), aLedger({devices: 1, rounds: 1}), aLedger({}, {kind: 'predicted'})]) {
		t.deepEqual(parseLedger(stored(ledger)), ledger);
	}
});

test('a loss that was no number comes back as NaN', t => {
	const back = parseLedger(stored(aLedger({devices: 0, rounds: 0})));
	t.true(Number.isNaN(back.final.loss));
});

test('what a later version added is left out', t => {
	const later = {...stored(aLedger()), money: 3};
	t.deepEqual(parseLedger(later), aLedger());
});

test('a wrong ledger is refused with the place of the fault', t => {
	const ledger = stored(aLedger());
	t.throws(() => parseLedger({...ledger, version: 2}, 'runs/a/ledger.json'), {
		code: 'CONFIG_VALUE',
		message: /runs\/a\/ledger\.json, version/u,
	});
	t.throws(() => parseLedger({...ledger, seconds: -1}), {message: /seconds/u});
	t.throws(() => parseLedger({...ledger, devices: [{}]}), {message: /devices\[0\]/u});
	t.throws(() => parseLedger({...ledger, final: {state: 'done', loss: 0, accuracy: 97}}), {
		message: /final\.accuracy/u,
	});
});

test('whatever comes, the answer is a ledger or an FplError', t => {
	t.notThrows(() =>
		fc.assert(
			fc.property(fc.anything(), value => {
				try {
					parseLedger(value);
					return false;
				} catch (error) {
					return error instanceof FplError;
				}
			}),
		),
	);
});
