/**
 * What the page of plans does in a browser. `showPlans` is copied into the page as text, together with the functions of `plot`:
 * it uses nothing from outside but these and its arguments.
 */
import {type Box, frontOf, placeOn, roomFor, scaleOf, ticksOf, wantsLog} from './plot.js';

/** The part of the document object model that is used here. */
export interface PageElement {
	textContent: string | null;
	value: string;
	checked: boolean;
	hidden: boolean;
	readonly clientWidth: number;
	readonly dataset: Record<string, string | undefined>;
	readonly classList: {toggle(name: string, on: boolean): unknown};
	setAttribute(name: string, value: string): void;
	append(...children: (PageElement | string)[]): void;
	replaceChildren(...children: PageElement[]): void;
	addEventListener(kind: string, listener: (event: PageEvent) => void): void;
	querySelectorAll(selector: string): Iterable<PageElement>;
	focus(): void;
}
export interface PageEvent {
	readonly key?: string;
	preventDefault(): void;
}
export interface PageDocument {
	getElementById(id: string): PageElement | null;
	querySelectorAll(selector: string): Iterable<PageElement>;
	createElement(name: string): PageElement;
	createElementNS(space: string, name: string): PageElement;
}
export interface PageWindow {
	readonly document: PageDocument;
	readonly navigator?: {readonly clipboard?: {writeText(text: string): Promise<void>}};
	readonly ResizeObserver?: new (listener: () => void) => {observe(element: PageElement): void};
}

export interface ClientPoint {
	readonly scheme: string;
	readonly chosen: boolean;
	readonly baseline: boolean;
	readonly against?: string;
	/** By axis: the value in base units (null: none), and how it is written. */
	readonly values: Readonly<Record<string, number | null>>;
	readonly texts: Readonly<Record<string, string>>;
	readonly stages: readonly {readonly units: string; readonly devices: readonly string[]; readonly remark?: string}[];
	readonly yaml?: string;
}

export interface ClientData {
	readonly points: readonly ClientPoint[];
	/** In the order in which they are offered. */
	readonly axes: readonly {
		readonly name: string;
		readonly title: string;
		readonly units: readonly {readonly factor: number; readonly from: number; readonly name: string}[];
	}[];
}

/** Draws the plans, and redraws them when axes are chosen; shows the plan that is pointed at, focused or clicked. */
export function showPlans({document, navigator, ResizeObserver}: PageWindow, {points, axes}: ClientData): void {
	const byId = (id: string): PageElement => document.getElementById(id)!;
	const [plot, across, upwards, logarithmic] = [byId('plot'), byId('across'), byId('upwards'), byId('logarithmic')];
	const make = (name: string, attributes: Record<string, string | number>, ...children: (PageElement | string)[]) => {
		const element = document.createElementNS('http://www.w3.org/2000/svg', name);
		for (const key of Object.keys(attributes)) {
			element.setAttribute(key, String(attributes[key]));
		}
		element.append(...children);
		return element;
	};
	const node = (name: string, className: string, ...children: (PageElement | string)[]) => {
		const element = document.createElement(name);
		if (className !== '') {
			element.setAttribute('class', className);
		}
		element.append(...children);
		return element;
	};
	const chosen = points.findIndex(point => point.chosen);
	let selected = Math.max(0, chosen);
	let marks: PageElement[] = [];
	/** Indices of points from left to right. */
	let order: number[] = [];

	const ratioTo = (point: ClientPoint, axis: string): string => {
		const [own, base] = [point.values[axis], points[chosen]?.values[axis]];
		if (point === points[chosen] || !own || !base) {
			return '';
		}
		return ` (${Number((own / base).toPrecision(3))}×)`;
	};
	/** Fills the panel beside the picture. */
	const show = (index: number) => {
		const point = points[index]!;
		const what = point.chosen ? 'The chosen plan' : point.baseline ? 'A classic scheme' : 'Another plan';
		const kind = point.against === undefined ? what : `${what}: ${point.against}`;
		const figures = node('dl', 'figures');
		for (const {name, title} of axes) {
			figures.append(
				node('div', '', node('dt', '', title), node('dd', '', `${point.texts[name]}${ratioTo(point, name)}`)),
			);
		}
		const stages = point.stages.map((stage, at) =>
			node(
				'li',
				'',
				node('strong', '', `Stage ${at}: units ${stage.units}`),
				node('span', '', stage.devices.join(', ')),
				...(stage.remark === undefined ? [] : [node('small', '', stage.remark)]),
			),
		);
		byId('plan-kind').textContent = kind;
		byId('plan-scheme').textContent = point.scheme;
		byId('plan-figures').replaceChildren(figures);
		byId('plan-stages').replaceChildren(...stages);
		byId('plan-yaml').textContent = point.yaml ?? '';
		byId('plan-copy').hidden = point.yaml === undefined;
		byId('plan-said').textContent = '';
	};
	const select = (index: number) => {
		selected = index;
		for (const [at, mark] of marks.entries()) {
			mark.classList.toggle('selected', at === index);
			mark.setAttribute('tabindex', at === index ? '0' : '-1');
			mark.setAttribute('aria-pressed', String(at === index));
		}
		for (const button of document.querySelectorAll('button[data-point]')) {
			button.classList.toggle('selected', button.dataset['point'] === String(index));
		}
		show(index);
	};
	const step = (event: PageEvent) => {
		const at = order.indexOf(selected);
		const to = {
			ArrowRight: at + 1,
			ArrowUp: at + 1,
			ArrowLeft: at - 1,
			ArrowDown: at - 1,
			Home: 0,
			End: order.length - 1,
		}[event.key ?? ''];
		const next = to === undefined ? undefined : order[Math.min(Math.max(to, 0), order.length - 1)];
		if (next !== undefined) {
			event.preventDefault();
			select(next);
			marks[next]!.focus();
		}
	};
	const shapeOf = (point: ClientPoint, x: number, y: number): PageElement => {
		if (point.chosen) {
			const corners = Array.from({length: 10}, (_, corner) => {
				const [angle, radius] = [(corner * Math.PI) / 5 - Math.PI / 2, corner % 2 === 0 ? 11 : 4.8];
				return `${(x + radius * Math.cos(angle)).toFixed(1)},${(y + radius * Math.sin(angle)).toFixed(1)}`;
			});
			return make('polygon', {points: corners.join(' '), class: 'shape'});
		}
		return point.baseline
			? make('rect', {x: x - 5, y: y - 5, width: 10, height: 10, class: 'shape'})
			: make('circle', {cx: x, cy: y, r: 5, class: 'shape'});
	};
	const draw = () => {
		const width = Math.max(280, plot.clientWidth || 560);
		const height = width > 480 ? 400 : 320;
		const frame = {left: 52, top: 26, width: width - 66, height: height - 68};
		const sides = [across, upwards].map(({value}, side) => {
			const axis = axes.find(({name}) => name === value) ?? axes[side]!;
			const values = points.map(point => point.values[axis.name] ?? Number.NaN);
			const finite = values.filter(one => Number.isFinite(one));
			const scale = scaleOf(finite, logarithmic.checked);
			const middle = scale.log ? Math.sqrt(scale.from * scale.to) : scale.to;
			const unit = axis.units.findLast(({from}) => middle >= from) ?? axis.units[0]!;
			const inUnit = {from: scale.from / unit.factor, to: scale.to / unit.factor, log: scale.log};
			const ticks = ticksOf(inUnit, side === 0 ? width / 90 : 6);
			return {axis, values, scale, inUnit, unit, ticks};
		});
		const [x, y] = [sides[0]!, sides[1]!];
		const left = (place: number) => frame.left + place * frame.width;
		const top = (place: number) => frame.top + (1 - place) * frame.height;
		const label = (tick: number) => String(Number(tick.toPrecision(3)));
		const grid = make('g', {class: 'grid', 'aria-hidden': 'true'});
		for (const tick of x.ticks) {
			const at = left(placeOn(x.inUnit, tick));
			grid.append(
				make('line', {x1: at, x2: at, y1: frame.top, y2: frame.top + frame.height}),
				make('text', {x: at, y: frame.top + frame.height + 18, 'text-anchor': 'middle'}, label(tick)),
			);
		}
		for (const tick of y.ticks) {
			const at = top(placeOn(y.inUnit, tick));
			grid.append(
				make('line', {x1: frame.left, x2: frame.left + frame.width, y1: at, y2: at}),
				make('text', {x: frame.left - 8, y: at + 4, 'text-anchor': 'end'}, label(tick)),
			);
		}
		const title = ({axis, unit, inUnit}: (typeof sides)[number]) =>
			`${axis.title}, ${unit.name}${inUnit.log ? ' (logarithmic)' : ''}`;
		grid.append(
			make('text', {x: frame.left + frame.width, y: height - 6, 'text-anchor': 'end'}, `${title(x)} →`),
			make('text', {x: 4, y: 14}, `↑ ${title(y)}`),
		);
		const spots = points.map((_, index) => ({x: x.values[index]!, y: y.values[index]!}));
		const places = spots.map(spot => ({x: left(placeOn(x.scale, spot.x)), y: top(placeOn(y.scale, spot.y))}));
		// What is no choice, whatever it costs, pushes no plan off the line.
		const nowhere = {x: Number.NaN, y: Number.NaN};
		const front = frontOf(spots.map((spot, index) => (points[index]!.against === undefined ? spot : nowhere)));
		const line = front.map((index, at) => {
			const {x: px, y: py} = places[index]!;
			return at === 0 ? `M${px},${py}` : `H${px}V${py}`;
		});
		order = spots
			.map((_, index) => index)
			.filter(index => Number.isFinite(spots[index]!.x) && Number.isFinite(spots[index]!.y))
			.sort((a, b) => spots[a]!.x - spots[b]!.x || spots[b]!.y - spots[a]!.y);
		const taken: Box[] = order.map(index => ({
			left: places[index]!.x - 7,
			top: places[index]!.y - 7,
			width: 14,
			height: 14,
		}));
		const labels = make('g', {class: 'labels', 'aria-hidden': 'true'});
		const named = order.filter(index => points[index]!.chosen || points[index]!.baseline);
		for (const index of named.sort((a, b) => Number(points[b]!.chosen) - Number(points[a]!.chosen))) {
			const {scheme} = points[index]!;
			const text = scheme.length > 24 ? `${scheme.slice(0, 23)}…` : scheme;
			const box = roomFor(places[index]!, text.length * 6.6, taken, frame);
			if (box) {
				taken.push(box);
				labels.append(make('text', {x: box.left, y: box.top + 11}, text));
			}
		}
		marks = points.map((point, index) => {
			const {x: px, y: py} = places[index]!;
			const kind = point.chosen ? 'chosen' : point.baseline ? 'baseline' : front.includes(index) ? 'front' : 'beaten';
			const told = axes.map(({name, title}) => `${title} ${point.texts[name]}`).join(', ');
			const mark = make(
				'g',
				{class: `point ${kind}`, role: 'button', 'aria-label': `${point.scheme}: ${told}`},
				make('circle', {cx: px, cy: py, r: 13, class: 'reach'}),
				shapeOf(point, px, py),
			);
			mark.addEventListener('pointerenter', () => show(index));
			mark.addEventListener('pointerleave', () => show(selected));
			mark.addEventListener('focus', () => select(index));
			mark.addEventListener('click', () => select(index));
			mark.addEventListener('keydown', step);
			return mark;
		});
		// The chosen plan lies above the others, and points that cannot be placed are left out.
		const above = [...order].sort((a, b) => Number(points[a]!.chosen) - Number(points[b]!.chosen));
		plot.replaceChildren(
			make(
				'svg',
				{viewBox: `0 0 ${width} ${height}`, width, height, role: 'group', 'aria-label': 'Plans by what they cost'},
				grid,
				make('path', {d: line.join(''), class: 'front-line'}),
				...above.map(index => marks[index]!),
				labels,
			),
		);
		select(selected);
	};

	const byAxis = (name: string) => points.map(point => point.values[name] ?? 0);
	logarithmic.checked = [across.value, upwards.value].some(name => wantsLog(byAxis(name)));
	for (const control of [across, upwards, logarithmic]) {
		control.addEventListener('change', draw);
	}
	for (const button of document.querySelectorAll('button[data-point]')) {
		button.addEventListener('click', () => select(Number(button.dataset['point'])));
	}
	byId('plan-copy').addEventListener('click', () => {
		const said = (words: string) => {
			byId('plan-said').textContent = words;
		};
		const refused = () => {
			byId('plan-document').setAttribute('open', '');
			said('The browser does not allow it: copy from below.');
		};
		const written = navigator?.clipboard?.writeText(points[selected]!.yaml ?? '');
		if (written) {
			written.then(() => said('Copied.'), refused);
		} else {
			refused();
		}
	});
	byId('explorer').hidden = false;
	draw();
	if (ResizeObserver) {
		let drawn = plot.clientWidth;
		new ResizeObserver(() => {
			if (plot.clientWidth !== drawn) {
				drawn = plot.clientWidth;
				draw();
			}
		}).observe(plot);
	}
}
