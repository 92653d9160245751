import test from 'ava';
import fc from 'fast-check';
import {parseHTML} from 'linkedom';
import {textWidth} from '../../reports/format.js';
import {reportHtml} from '../../reports/html.js';
import {reportText} from '../../reports/text.js';
import {lanesOf, timelineLines} from '../../reports/timeline.js';
import {aLedger, aTimeline} from '../support/a-ledger.js';

test('a row for each replica of each stage, in order, from the first pass on', t => {
	const lanes = lanesOf(aTimeline())!;
	t.deepEqual(
		lanes.rows.map(({device, stage}) => `${stage} ${device}`),
		['0 dev-0', '1 dev-1', '2 dev-2'],
	);
	t.is(lanes.rows[0]!.passes[0]!.from, 0);
	t.is(lanes.rows[0]!.passes.length, 8);
	t.true(Math.abs(lanes.rows[2]!.busy - 40 / lanes.span) < 1e-9);
});

test('clocks are set so that nothing is used before it was made', t => {
	fc.assert(
		fc.property(
			fc.integer({min: 2, max: 5}),
			fc.integer({min: 1, max: 6}),
			fc.integer({min: -500, max: 500}),
			(stages, micros, lateness) => {
				const {rows} = lanesOf(aTimeline({stages, micros, lateness}))!;
				const passes = rows.flatMap(row => row.passes);
				const find = (stage: number, micro: number, ...kinds: string[]) =>
					passes.find(pass => pass.stage === stage && pass.micro === micro && kinds.includes(pass.kind))!;
				for (let micro = 0; micro < micros; micro++) {
					for (let stage = 1; stage < stages; stage++) {
						const [made, used] = [find(stage - 1, micro, 'forward'), find(stage, micro, 'forward', 'learn')];
						const [back, back2] = [find(stage, micro, 'backward', 'learn'), find(stage - 1, micro, 'backward')];
						t.true(made.to <= used.from + 1e-9 && back.to <= back2.from + 1e-9);
					}
				}
			},
		),
		{numRuns: 50},
	);
});

test('clocks that differ change nothing in the picture of a single micro-batch', t => {
	const spans = [0, 300, -300].map(lateness => lanesOf(aTimeline({micros: 1, lateness}))!.span);
	t.true(spans.every(span => Math.abs(span - spans[0]!) < 1e-9));
});

test('the lines show who computed when, and how much of the time', t => {
	// By hand: dev-0 forward 0–10 and 10–20, dev-1 12–22 and 22–32, dev-0 backward 24–34 and 34–44; cells of 5.5 ms.
	t.deepEqual(timelineLines(aTimeline({stages: 2, micros: 2}), {width: 30, ascii: true}), [
		'Step 42, 44 ms: F=forward,',
		'  B=backward, L=forward and',
		'  backward (last stage)',
		'dev-0 stage 0  FFFFBBBB 91 %',
		'dev-1 stage 1  ..LLLL.. 45 %',
	]);
});

test('nothing is shown where nothing was told', t => {
	t.is(lanesOf(undefined), undefined);
	t.is(lanesOf({step: 1, milliseconds: 5, passes: []}), undefined);
	const none = {device: 'a', stage: 0, replica: 0, kind: 'learn', micro: 0, from: 3, to: 3} as const;
	t.is(lanesOf({step: 1, milliseconds: 5, passes: [none]}), undefined);
	t.deepEqual(timelineLines(undefined, {width: 80}), []);
});

test('very many rows are cut, and said to be', t => {
	const passes = Array.from({length: 60}, (_, replica) => ({
		device: `d-${replica}`,
		stage: 0,
		replica,
		kind: 'learn' as const,
		micro: 0,
		from: 0,
		to: 5,
	}));
	const timeline = {step: 0, milliseconds: 5, passes};
	t.is(lanesOf(timeline)!.rows.length, 24);
	t.is(timelineLines(timeline, {width: 80}).at(-1), '(and 36 more rows)');
});

test('the report has the timeline as text and as a picture with a bar for each pass', t => {
	const ledger = aLedger({}, {timeline: aTimeline()});
	for (const width of [40, 80, 160]) {
		const text = reportText(ledger, {width});
		t.regex(text, /^Step 42, /mu);
		t.true(text.split('\n').every(line => textWidth(line) <= width));
	}
	const {document} = parseHTML(reportHtml(ledger));
	const figure = [...document.querySelectorAll('figure')].at(-1)!;
	t.is(figure.querySelector('h3')!.textContent, 'Timeline of step 42');
	t.is(figure.querySelectorAll('.wide rect').length, 20);
	t.regex(figure.textContent!, /0: dev-0/u);
	t.false(/NaN|undefined|Infinity/u.test(figure.outerHTML));
});

test('hostile names do not get out of the picture', t => {
	const timeline = aTimeline();
	const evil = `<script>alert("x")</script>\u001b[31m\u202e`;
	const passes = timeline.passes.map(pass => ({...pass, device: `${evil}${pass.device}`}));
	const ledger = aLedger({}, {timeline: {...timeline, passes}});
	const html = reportHtml(ledger);
	t.is(parseHTML(html).document.querySelectorAll('script').length, 0);
	t.false(/[\p{Cc}\p{Cf}]/u.test(html.replaceAll(/[\n\t]/gu, '')));
	t.false(/[\p{Cc}\p{Cf}]/u.test(reportText(ledger, {width: 100}).replaceAll('\n', '')));
});

const codecs = (changes: object) => {
	const {devices, ...rest} = aLedger();
	const counts = {saturated: 0, nonFinite: 0, bytesBefore: 8e6, bytesAfter: 2e6, ...changes};
	return {...rest, devices: devices.map((device, index) => (index === 0 ? {...device, codecs: counts} : device))};
};

test('what codecs saved stands beside the bytes, what they could not say in a warning', t => {
	const text = reportText(codecs({saturated: 1200, nonFinite: 3}), {width: 140});
	t.regex(text, /^cam-1 ~ .*8 MB to 2 MB, 4× less$/mu);
	t.regex(
		text,
		/^! Overflow in the codec of cam-1: 1 200 values were beyond its range and were clamped, 3 were no numbers\.$/mu,
	);
	const {document} = parseHTML(reportHtml(codecs({saturated: 1})));
	t.regex(document.querySelector('.marks')!.textContent!, /Overflow in the codec of cam-1: 1 values/u);
	t.regex(document.body.textContent!, /8 MB to 2 MB, 4× less/u);
});

test('codecs that change nothing take no room, and no warning comes without reason', t => {
	const text = reportText(codecs({bytesAfter: 8e6}), {width: 140});
	t.false(text.includes('encoded'));
	t.false(text.includes('Overflow'));
});

test('devices that share one clock are not set against each other', t => {
	const timeline = aTimeline({lateness: 100});
	const [first] = lanesOf({...timeline, oneClock: true})!.rows;
	t.is(lanesOf({...timeline, oneClock: true})!.span - lanesOf(timeline)!.span > 50, true);
	t.is(first!.device, 'dev-0');
});
