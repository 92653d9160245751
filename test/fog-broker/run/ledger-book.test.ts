import test from 'ava';
import type {RoundRecord} from '../../../core/ledger/ledger.js';
import {emptyPages, LedgerBook} from '../../../fog-broker/run/ledger-book.js';

const aRound = (round: number): RoundRecord => ({
	round,
	step: round + 1,
	epoch: round / 100,
	at: round,
	seconds: 1,
	loss: 1,
	bytes: 10,
	joules: 2,
	devices: ['a'],
});

const aDeviceRound = {
	phases: {
		compute: {seconds: 1, joules: 5},
		send: {seconds: 2, joules: 1},
		receive: {seconds: 3, joules: 1},
		wait: {seconds: 4, joules: 1},
		idle: {seconds: 0, joules: 0},
	},
	radioJoules: 0.5,
	energySource: 'modelled',
	bytesSent: 100,
	bytesReceived: 200,
	items: 16,
	peakMemoryBytes: 1000,
};

test('what a device reports is added up, and its joules are the sum over its phases', t => {
	const book = new LedgerBook(emptyPages);
	book.enrol('a', {profile: 'raspberry-pi-4b', emulated: true, role: 'replica of stage 0'});
	book.asked('a');
	book.spent('a', aDeviceRound);
	book.spent('a', aDeviceRound);
	book.contributed('a');
	const [device] = book.pages(1).devices;
	t.is(device?.phases.send.seconds, 4);
	t.is(device?.joules, 16);
	t.is(device?.bytesReceived, 400);
	t.is(device?.roundsDone, 1);
});

test('a book goes on from the pages of an earlier one', t => {
	const first = new LedgerBook(emptyPages);
	first.enrol('a', {profile: 'p', emulated: false, role: 'r'});
	first.spent('a', aDeviceRound);
	const second = new LedgerBook(first.pages(5));
	second.enrol('a', {profile: 'p', emulated: false, role: 'r'});
	second.spent('a', aDeviceRound);
	t.is(second.pages(9).devices[0]?.items, 32);
});

test('what codecs did is added up over attempts, each of which counts from zero, however little was sent in one', t => {
	const book = new LedgerBook(emptyPages);
	book.enrol('a', {profile: 'p', emulated: false, role: 'r'});
	const counts = (times: number) => ({
		saturated: times,
		nonFinite: 0,
		bytesBefore: 400 * times,
		bytesAfter: 200 * times,
	});
	for (const [attempt, times] of [
		[1, 1],
		[1, 2],
		// After fewer bytes, as many, and more than were counted last.
		[2, 1],
		[3, 1],
		[4, 5],
		[4, 6],
	] as const) {
		book.encoded('a', attempt, counts(times));
	}
	t.deepEqual(book.pages(1).devices[0]?.codecs, counts(2 + 1 + 1 + 6));
});

test('a long run keeps its totals and its evaluations in a bounded number of records', t => {
	const book = new LedgerBook(emptyPages);
	for (let round = 0; round < 10_001; round++) {
		book.addRound(aRound(round));
		if (round % 1000 === 999) {
			book.evaluated(round, 0.9, 0.1);
		}
	}
	const {rounds} = book;
	t.true(rounds.length <= 2000);
	t.is(
		rounds.reduce((sum, {bytes}) => sum + bytes, 0),
		10_001 * 10,
	);
	t.is(rounds.filter(({accuracy}) => accuracy === 0.9).length, 10);
	t.true(rounds.every((record, index) => index === 0 || record.round > rounds[index - 1]!.round));
});
