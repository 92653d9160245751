import {createHash} from 'node:crypto';
import test from 'ava';
import {parseHTML} from 'linkedom';
import type {PlanPoint} from '../../../core/ledger/prediction.js';
import {paretoFigure} from '../../../reports/pareto/figure.js';
import {paretoHtml} from '../../../reports/pareto.js';
import {somePoints} from '../../support/predictions/some-points.js';

/** The part of linkedom's elements that is used here; its own types are those of browsers. */
interface PageNode {
	readonly hidden: boolean;
	dispatchEvent(event: object): unknown;
}

const meta = {model: 'lenet5', dataset: 'mnist', objective: 'energy, done within 10 min', devices: 3};

/** The page in a browser of sorts: its script runs, and what it copies is kept. */
function open(points: readonly PlanPoint[], given?: object) {
	const window = parseHTML(paretoHtml(points, meta));
	const {document} = window;
	const copied: string[] = [];
	const navigator = {
		clipboard: {
			writeText: (text: string) => {
				copied.push(text);
				return Promise.resolve();
			},
		},
	};
	const script = document.querySelector('script')!.textContent!;
	new Function('window', script)({document, navigator: given ?? navigator});
	const text = (id: string) => document.getElementById(id)!.textContent!;
	const fire = (element: PageNode, kind: string, more: object = {}) => {
		element.dispatchEvent(Object.assign(new window.Event(kind, {bubbles: true, cancelable: true}), more));
	};
	return {document, copied, text, fire, marks: () => [...document.querySelectorAll('.point')]};
}

test('it runs one script, which its policy names, and fetches nothing', t => {
	const {document} = parseHTML(paretoHtml(somePoints(12), meta));
	t.is(document.querySelectorAll('script').length, 1);
	t.is(document.querySelectorAll('link, img, iframe, object, [src], [href], [onclick]').length, 0);
	const script = document.querySelector('script')!.textContent!;
	t.is(
		document.querySelector('meta[http-equiv="Content-Security-Policy"]')!.getAttribute('content'),
		`default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
	);
	t.false(/url\(|@import/u.test(document.querySelector('style')!.textContent!));
	t.false(/\b(?:fetch|XMLHttpRequest|import|eval)\b/u.test(script));
});

test('every plan is a mark and a row, the chosen one is shown first, and axes without values are not offered', t => {
	const {document, text, marks} = open(somePoints(12));
	t.is(marks().length, 12);
	t.is(document.querySelectorAll('tbody tr').length, 12);
	t.is(text('plan-kind'), 'The chosen plan');
	t.is(text('plan-scheme'), 'FPL 0');
	t.is(document.querySelectorAll('#plan-stages li').length, 2);
	t.deepEqual(
		[...document.querySelectorAll('#across option')].map(option => option.textContent),
		['time', 'bytes', 'energy'],
	);
	const priced = open(somePoints(4).map((point, index) => ({...point, dollars: index})));
	t.is(priced.document.querySelectorAll('#across option').length, 4);
});

test('pointing shows a plan, leaving shows the selected one again, clicking keeps it', t => {
	const {text, fire, marks, document} = open(somePoints(12));
	const other = marks().find(mark => mark.getAttribute('aria-label')!.startsWith('FPL 5:'))!;
	fire(other, 'pointerenter');
	t.is(text('plan-scheme'), 'FPL 5');
	t.regex(text('plan-figures'), /×/u);
	fire(other, 'pointerleave');
	t.is(text('plan-scheme'), 'FPL 0');
	fire(other, 'click');
	fire(other, 'pointerleave');
	t.is(text('plan-scheme'), 'FPL 5');
	const row = [...document.querySelectorAll('button[data-point]')].find(one => one.textContent === 'classic 7')!;
	fire(row, 'click');
	t.is(text('plan-scheme'), 'classic 7');
	t.is(text('plan-kind'), 'A classic scheme');
	t.true(row.getAttribute('class')!.includes('selected'));
});

test('what speaks against a classic scheme stands in the table and beside the picture', t => {
	const points = somePoints(12).map(point =>
		point.scheme === 'classic 7' ? {...point, against: 'trains <another> way'} : point,
	);
	const {text, fire, document} = open(points);
	const row = [...document.querySelectorAll('button[data-point]')].find(one => one.textContent === 'classic 7')!;
	t.regex(row.closest('tr')!.textContent!, /classic scheme: trains <another> way/u);
	fire(row, 'click');
	t.is(text('plan-kind'), 'A classic scheme: trains <another> way');
});

test('arrow keys go from point to point by the horizontal axis, and only one point is a tab stop', t => {
	const points = somePoints(12);
	const {text, fire, marks} = open(points);
	const byTime = points.toSorted((a, b) => a.seconds - b.seconds).map(({scheme}) => scheme);
	const focused = () => marks().find(mark => mark.getAttribute('tabindex') === '0')!;
	fire(focused(), 'keydown', {key: 'Home'});
	const seen = byTime.map(() => {
		const shown = text('plan-scheme');
		fire(focused(), 'keydown', {key: 'ArrowRight'});
		return shown;
	});
	t.deepEqual(seen, byTime);
	t.is(text('plan-scheme'), byTime.at(-1));
	t.is(marks().filter(mark => mark.getAttribute('tabindex') === '0').length, 1);
	fire(focused(), 'keydown', {key: 'x'});
	t.is(text('plan-scheme'), byTime.at(-1));
});

test('other axes draw another picture', t => {
	const {document, fire} = open(somePoints(12));
	const before = document.querySelector('#plot svg')!.outerHTML;
	const across = document.getElementById('across')!;
	for (const option of across.querySelectorAll('option')) {
		option.toggleAttribute('selected', option.value === 'bytes');
	}
	fire(across, 'change');
	const after = document.querySelector('#plot svg')!;
	t.not(after.outerHTML, before);
	t.regex(after.textContent!, /bytes, MB/u);
});

test('the plan that is shown can be copied, and one without a document cannot', async t => {
	const {document, fire, copied, text, marks} = open(somePoints(12));
	const copy = document.getElementById('plan-copy')!;
	fire(copy, 'click');
	await Promise.resolve();
	t.deepEqual(copied, ['version: 1\nscheme: FPL 0\n']);
	t.is(text('plan-said'), 'Copied.');
	const forbidden = open(somePoints(12), {});
	forbidden.fire(forbidden.document.getElementById('plan-copy')!, 'click');
	t.true(forbidden.document.getElementById('plan-document')!.hasAttribute('open'));
	fire(marks().find(mark => mark.getAttribute('aria-label')!.startsWith('FPL 5:'))!, 'click');
	t.true(copy.hidden);
});

test('hostile texts end neither the script nor the page', t => {
	const evil = `</script><script>alert(1)</script><!-- <b>&'"\u2028\u001b`;
	const points = somePoints(5).map(point => ({
		...point,
		scheme: evil,
		yaml: evil,
		stages: [{units: evil, devices: [evil], remark: evil}],
	}));
	const {document, text} = open(points);
	t.is(document.querySelectorAll('script').length, 1);
	t.is(document.querySelectorAll('b').length, 0);
	t.is(text('plan-scheme'), evil);
});

test('one point, equal points, zeros and what is no number are no obstacle', t => {
	const [one] = somePoints(1);
	const odd: PlanPoint[] = [
		{...one!, seconds: 0, joules: 0, bytes: 0},
		{...one!, id: 'x', chosen: false, joules: Number.POSITIVE_INFINITY},
		{...one!, id: 'y', chosen: false},
	];
	for (const points of [[one!], [one!, {...one!, id: 'again'}], odd, odd.slice(0, 1), odd.slice(1, 2)]) {
		const {document} = open(points);
		t.false(/NaN|undefined|Infinity|\[object/u.test(document.body.querySelector('#explorer')!.outerHTML));
	}
	t.true(paretoHtml([], meta).includes('There is no plan to show.'));
});

test('the still picture has a mark for each plan and says how many are best', t => {
	const points = somePoints(30);
	const drawn = paretoFigure(points, {across: 'time', upwards: 'energy'})!;
	const {document} = parseHTML(`<body>${drawn.text}</body>`);
	t.is(document.querySelectorAll('.wide [aria-label="dot"] > *').length, 30);
	t.regex(
		document.querySelector('.wide svg')!.getAttribute('aria-label')!,
		/30 plans, of which \d+ are beaten by none/u,
	);
	t.is(paretoFigure([], {across: 'time', upwards: 'energy'}), undefined);
	t.false(/NaN|undefined/u.test(drawn.text));
});
