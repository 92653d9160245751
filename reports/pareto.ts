/**
 * Plans by what they cost, as a page to explore: choose two of time, bytes, energy and money, point at a plan to see it, copy
 * it. One file that fetches nothing. Without scripts it is a picture and a table.
 */
import type {PlanPoint} from '../core/ledger/prediction.js';
import {integer} from './format.js';
import {type Content, Markup, markup} from './html/markup.js';
import {htmlTable, markList, page} from './html/page.js';
import {type CostAxisName, costAxes, usedAxes} from './pareto/axes.js';
import {type ClientData, showPlans} from './pareto/client.js';
import {paretoFigure} from './pareto/figure.js';
import {frontOf, placeOn, roomFor, scaleOf, ticksOf, wantsLog} from './pareto/plot.js';
import {paretoStyle} from './pareto/style.js';

export type {PlanPoint} from '../core/ledger/prediction.js';

export interface ParetoMeta {
	readonly model: string;
	readonly dataset?: string;
	/** In words: «energy, done within 10 min». */
	readonly objective: string;
	/** How many devices the plans could choose from. */
	readonly devices?: number;
	/** The two axes that the picture begins with; time and energy by default. */
	readonly across?: CostAxisName;
	readonly upwards?: CostAxisName;
	/** What a reader must know to judge the numbers. */
	readonly remarks?: readonly string[];
}

/** Points beyond this are left to the table's end: a picture of more is a cloud. */
const mostPoints = 2000;

function clientData(points: readonly PlanPoint[], axes: readonly CostAxisName[]): ClientData {
	const each = <T>(of: (axis: CostAxisName) => T) => Object.fromEntries(axes.map(axis => [axis, of(axis)]));
	return {
		axes: axes.map(name => ({name, title: costAxes[name].title, units: costAxes[name].units})),
		points: points.map(point => {
			const {scheme, chosen, baseline, against, stages, yaml} = point;
			return {
				scheme,
				chosen,
				baseline,
				stages,
				values: each(axis => (Number.isFinite(costAxes[axis].of(point)) ? costAxes[axis].of(point) : null)),
				texts: each(axis => costAxes[axis].write(costAxes[axis].of(point))),
				...(against === undefined ? {} : {against}),
				...(yaml === undefined ? {} : {yaml}),
			};
		}),
	};
}

/** JSON inside a script: nothing in it can end the element. */
const embedded = (value: unknown): string =>
	JSON.stringify(value).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');

/** The functions as text: a browser has the same language. */
const scriptFor = (data: ClientData): string =>
	`'use strict';\n${[frontOf, wantsLog, scaleOf, placeOn, ticksOf, roomFor, showPlans]
		.map(one => `${one}`)
		.join('\n')}\nshowPlans(window, ${embedded(data)});`;

const icon = (shape: string, kind: string) =>
	markup`<svg viewBox="0 0 16 16" aria-hidden="true" class="${kind}">${new Markup(shape)}</svg>`;

const legend = (points: readonly PlanPoint[]): Markup =>
	markup`<ul class="legend">${[
		points.some(({chosen}) => chosen) &&
			markup`<li>${icon('<path class="shape" d="M8 0l2.2 5.3 5.8.4-4.400 3.700 1.400 5.600L8 12l-5 3 1.400-5.600L0 5.700l5.800-.4z"/>', 'chosen')}chosen</li>`,
		markup`<li>${icon('<circle class="shape" cx="8" cy="8" r="6"/>', 'front')}none is better in both</li>`,
		markup`<li>${icon('<circle class="shape" cx="8" cy="8" r="6"/>', 'beaten')}another is better in both</li>`,
		points.some(({baseline}) => baseline) &&
			markup`<li>${icon('<rect class="shape" x="2" y="2" width="12" height="12"/>', 'baseline')}classic scheme</li>`,
	]}</ul>`;

function explorer(points: readonly PlanPoint[], axes: readonly CostAxisName[], meta: ParetoMeta): Markup {
	const {across = 'time', upwards = across === 'energy' ? 'time' : 'energy'} = meta;
	const options = (selected: CostAxisName) =>
		axes.map(
			name => markup`<option value="${name}"${name === selected && markup` selected`}>${costAxes[name].title}</option>`,
		);
	return markup`<section class="explorer" id="explorer" hidden>
<div>
<div class="controls">
<label>across<select id="across">${options(across)}</select></label>
<label>upwards<select id="upwards">${options(upwards)}</select></label>
<label><input type="checkbox" id="logarithmic"> logarithmic</label>
</div>
${legend(points)}
<div id="plot"></div>
<p class="soft">Less is better: the best plans lie at the lower left. Point at one, or go through them with the arrow keys.</p>
</div>
<section id="plan" aria-live="polite" aria-label="Plan">
<p class="soft" id="plan-kind"></p>
<h2 id="plan-scheme"></h2>
<div id="plan-figures"></div>
<ol id="plan-stages"></ol>
<p><button type="button" id="plan-copy">Copy YAML</button> <span id="plan-said" class="soft" role="status"></span></p>
<details id="plan-document"><summary>As YAML</summary><pre id="plan-yaml" tabindex="0"></pre></details>
</section>
</section>
`;
}

const kindOf = ({chosen, baseline, against}: PlanPoint): string =>
	`${chosen ? 'chosen' : baseline ? 'classic scheme' : 'alternative'}${against === undefined ? '' : `: ${against}`}`;

const counted = (count: number, what: string): string => `${integer(count)} ${what}${count === 1 ? '' : 's'}`;

const planText = ({stages}: PlanPoint): Content =>
	stages.map(
		({units, devices, remark}, index) =>
			markup`${index > 0 && markup`<br>`}${units}: ${devices.length > 6 ? `${devices.slice(0, 5).join(', ')} and ${devices.length - 5} more` : devices.join(', ')}${remark !== undefined && ` (${remark})`}`,
	);

function table(points: readonly PlanPoint[], axes: readonly CostAxisName[]): Markup {
	return htmlTable(
		'All plans, the chosen one first, then by time',
		[
			{title: 'Plan'},
			...axes.map(name => ({title: costAxes[name].title})),
			{title: 'which is', text: true},
			{title: 'units: devices', text: true},
		],
		points
			.map((point, index) => ({point, index}))
			.sort((a, b) => Number(b.point.chosen) - Number(a.point.chosen) || a.point.seconds - b.point.seconds)
			.map(({point, index}) => [
				markup`<button type="button" class="link" data-point="${index}">${point.scheme}</button>`,
				...axes.map(name => costAxes[name].write(costAxes[name].of(point))),
				kindOf(point),
				planText(point),
			]),
	);
}

/**
 * The whole page.
 * @param points with different ids, at most 2000 are shown; at least one.
 */
export function paretoHtml(points: readonly PlanPoint[], meta: ParetoMeta): string {
	const shown = [...points.filter(({chosen}) => chosen), ...points.filter(({chosen}) => !chosen)].slice(0, mostPoints);
	const title = `Plans for ${meta.model}`;
	if (shown.length === 0) {
		return page(title, markup`<h1>${title}</h1>\n<p>There is no plan to show.</p>\n`);
	}
	const axes = usedAxes(shown);
	const about = [
		meta.dataset === undefined ? undefined : `trained on ${meta.dataset}`,
		meta.devices === undefined ? undefined : `${counted(meta.devices, 'device')} to choose from`,
		`${counted(shown.length, 'plan')}${shown.length < points.length ? ` of ${integer(points.length)}` : ''}`,
	].filter(text => text !== undefined);
	const drawn = paretoFigure(shown, {across: meta.across ?? 'time', upwards: meta.upwards ?? 'energy'});
	return page(
		title,
		[
			markup`<header><h1>${title}</h1>
<p>Least ${meta.objective}</p>
<p class="soft">Predicted, ${about.join(', ')}.</p></header>
`,
			explorer(shown, axes, meta),
			drawn && markup`<noscript><section class="pictures">${drawn}</section></noscript>\n`,
			meta.remarks && markList(meta.remarks),
			table(shown, axes),
			markup`<footer>Written by fpl. Everything here is predicted by the cost model; nothing was run.</footer>`,
		],
		{style: paretoStyle, script: scriptFor(clientData(shown, axes))},
	);
}
