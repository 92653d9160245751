/** What runs learned of links, as CSV, and how much of it was right. Pure. */
import {megabitsPerSecond} from '../../../core/units.js';

/** How a link is, or is found to be: «cam-1/up», bytes/s. */
export interface LinkRate {
	readonly link: string;
	readonly bytesPerSecond: number;
}

export interface Row {
	readonly model: string;
	readonly plan: string;
	/** Links that are otherwise than devices say; none: all are as they say. */
	readonly otherwise: readonly LinkRate[];
	/** Links that were found to be otherwise, be it for a while. */
	readonly found: readonly LinkRate[];
	/** Whether the devices whose links are otherwise take part in the plan. */
	readonly concerned: boolean;
}

/** Found rates that are further away from what is are wrong. */
const mostOff = 1.3;

export const verdicts = [
	'nothing blamed',
	'found',
	'found at another rate',
	'found with others',
	'others blamed',
	'not found',
	'takes no part',
] as const;
export type Verdict = (typeof verdicts)[number];

export function verdictOf({otherwise, found, concerned}: Row): Verdict {
	const right = otherwise.flatMap(({link, bytesPerSecond}) =>
		found.filter(one => one.link === link).map(one => one.bytesPerSecond / bytesPerSecond),
	);
	const hasOthers = found.length > right.length;
	if (right.length > 0) {
		const isNear = right.every(ratio => ratio < mostOff && ratio > 1 / mostOff);
		return hasOthers ? 'found with others' : isNear ? 'found' : 'found at another rate';
	}
	if (hasOthers) {
		return 'others blamed';
	}
	return otherwise.length === 0 ? 'nothing blamed' : concerned ? 'not found' : 'takes no part';
}

const asDeclared = 'as declared';

const rates = (all: readonly LinkRate[]): string =>
	all
		.map(({link, bytesPerSecond}) => `${link} ${Number((bytesPerSecond / megabitsPerSecond(1)).toPrecision(3))} Mbit/s`)
		.join('; ');

export const csvHead = 'model,plan,links,found,verdict';

export const csvLine = (row: Row): string =>
	[
		row.model,
		row.plan,
		row.otherwise.length === 0 ? asDeclared : rates(row.otherwise),
		rates(row.found),
		verdictOf(row),
	].join();

const readRates = (text: string): readonly LinkRate[] =>
	[...text.matchAll(/(\S+) (\S+) Mbit\/s/gu)].map(([, link = '', rate]) => ({
		link,
		bytesPerSecond: megabitsPerSecond(Number(rate)),
	}));

/** Rows of a table that was printed before; other lines are passed over. */
export const readRows = (text: string): readonly Row[] =>
	text.split('\n').flatMap((line): Row[] => {
		const [model = '', plan = '', links = '', found = '', verdict] = line.trim().split(',');
		return verdicts.some(one => one === verdict)
			? [{model, plan, otherwise: readRates(links), found: readRates(found), concerned: verdict !== 'takes no part'}]
			: [];
	});

/** A sentence for links as declared, and one for each way in which they were otherwise. */
export function summaries(rows: readonly Row[]): readonly string[] {
	const kinds = [...new Set(rows.map(({otherwise}) => rates(otherwise)))];
	return kinds.map(kind => {
		const own = rows.filter(({otherwise}) => rates(otherwise) === kind);
		const counts = verdicts.flatMap(verdict => {
			const names = own.filter(row => verdictOf(row) === verdict).map(({plan}) => plan);
			const isUsual = verdict === 'nothing blamed' || verdict === 'found';
			return names.length === 0 ? [] : [`${verdict}: ${names.length}${isUsual ? '' : ` (${names.join(', ')})`}`];
		});
		return `${kind === '' ? asDeclared : kind}: ${own.length} plans; ${counts.join('; ')}`;
	});
}
