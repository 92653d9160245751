import test from 'ava';
import {parseHTML} from 'linkedom';
import {reportHtml} from '../../reports/html.js';
import {aHostileLedger, aLedger} from '../support/a-ledger.js';

const parse = (html: string) => parseHTML(html).document;

/** Elements without an end tag. */
const empty = new Set(['meta', 'br', 'img', 'link', 'input', 'hr']);

/** Every start tag has its end tag, in the right order: stricter than browsers, which mend much silently. */
function unbalanced(html: string): string | undefined {
	const open: string[] = [];
	const body = html.replace(/<style>[\s\S]*?<\/style>/gu, '<style></style>');
	for (const [tag, slash, name, rest] of body.matchAll(/<(\/?)([a-zA-Z][\w-]*)((?:"[^"]*"|'[^']*'|[^<>"'])*)>/gu)) {
		if (slash) {
			if (open.pop() !== name) {
				return tag;
			}
		} else if (!rest!.endsWith('/') && !empty.has(name!)) {
			open.push(name!);
		}
	}
	return open.at(-1);
}

test('the page is well formed', t => {
	for (const ledger of [
		aLedger(),
		aLedger({devices: 1, rounds: 1}),
		aLedger({devices: 0, rounds: 0}),
		aHostileLedger(),
	]) {
		t.is(unbalanced(reportHtml(ledger)), undefined);
	}
	t.is(unbalanced('<p><b></p></b>'), '</p>');
});

test('it has curves, and bars for time, bytes and joules, each for wide and for narrow pages', t => {
	const document = parse(reportHtml(aLedger()));
	t.deepEqual(
		[...document.querySelectorAll('figure h3')].map(({textContent}) => textContent),
		[
			'Loss',
			'Test accuracy',
			'Time by device and phase',
			'Energy by device and phase',
			'Bytes by device',
			'Accuracy against energy',
		],
	);
	t.is(document.querySelectorAll('.wide svg').length, 6);
	t.is(document.querySelectorAll('.narrow svg').length, 6);
	for (const svg of document.querySelectorAll('svg')) {
		t.truthy(svg.getAttribute('aria-label'));
		t.truthy(svg.getAttribute('viewBox'));
	}
	// Five devices, of which each spends time in five phases.
	t.is(document.querySelectorAll('figure:nth-of-type(3) .wide rect').length, 25);
});

test('it fetches nothing, runs nothing, and forbids both', t => {
	for (const html of [reportHtml(aLedger()), reportHtml(aHostileLedger())]) {
		const document = parse(html);
		t.is(document.querySelectorAll('script, link, img, iframe, object, [src], [href], [onclick]').length, 0);
		t.false(/url\(|@import/u.test(document.querySelector('style')!.textContent!));
		t.regex(
			document.querySelector('meta[http-equiv="Content-Security-Policy"]')!.getAttribute('content')!,
			/^default-src 'none'/u,
		);
	}
});

test('it says what is modelled and what is emulated, beside the numbers and at the top', t => {
	const document = parse(reportHtml(aLedger()));
	const badges = [...document.querySelectorAll('.badge')].map(({textContent}) => textContent);
	t.is(badges.filter(text => text === 'modelled').length, 4);
	t.is(badges.filter(text => text === 'emulated').length, 4);
	t.is(document.querySelectorAll('.marks li').length, 3);
	t.regex(document.querySelector('.cards')!.textContent!, /505 J modelled/u);
	t.regex(document.querySelector('figure:nth-of-type(4)')!.textContent!, /\* modelled from the profile, not measured/u);
});

test('a prediction is called one, and no joule of it modelled or measured', t => {
	const document = parse(reportHtml(aLedger({}, {kind: 'predicted'})));
	t.regex(document.querySelector('.marks')!.textContent!, /predicted by the cost model/u);
	t.true([...document.querySelectorAll('.badge')].every(({textContent}) => textContent !== 'modelled'));
	t.false(document.body.textContent!.includes('measured by'));
});

test('hostile texts are shown, not obeyed', t => {
	const html = reportHtml(aHostileLedger());
	const document = parse(html);
	t.is(document.querySelectorAll('script').length, 0);
	t.true(document.querySelector('h1')!.textContent!.includes('<script>alert("x")</script>&amp;'));
	t.false(html.includes('<script'));
	t.false(/[\p{Cc}\p{Cf}]/u.test(html.replaceAll(/[\n\t]/gu, '')));
});

test('nothing that is no number gets into the page, even of a run that diverged', t => {
	const {rounds, ...rest} = aLedger();
	const diverged = {
		...rest,
		rounds: rounds.map(record => ({...record, loss: Number.NaN, testLoss: Number.POSITIVE_INFINITY})),
		final: {loss: Number.NaN, state: 'failed', because: 'the loss is no number'} as const,
	};
	for (const ledger of [diverged, aLedger(), aLedger({devices: 0, rounds: 0}), aLedger({devices: 1, rounds: 1})]) {
		t.false(/NaN|undefined|Infinity|\[object/u.test(reportHtml(ledger)));
	}
	t.is(parse(reportHtml(diverged)).querySelector('figure h3')!.textContent, 'Test accuracy');
});

test('a hundred devices and thousands of rounds stay a page of bounded size', t => {
	const html = reportHtml(aLedger({devices: 100, rounds: 3000}));
	t.true(html.length < 1e6, `${html.length}`);
	const document = parse(html);
	t.regex(document.querySelector('figure:nth-of-type(3) figcaption')!.textContent!, /The 50 largest of 101 devices/u);
	t.is(document.querySelectorAll('tbody')[0]!.querySelectorAll('tr').length, 101);
	t.is(document.querySelectorAll('tbody')[4]!.querySelectorAll('tr').length, 200);
});

test('a failed run tells why', t => {
	const document = parse(reportHtml(aLedger({}, {final: {loss: 1, state: 'failed', because: 'not enough devices'}})));
	t.is(document.querySelector('p.failed')!.textContent, 'failed after 31 s because: not enough devices');
});
