/** How numbers and foreign texts are written in reports; whatever cannot be said is a dash, never NaN. */
import {formatDuration, formatSi} from '../core/units.js';

export const dash = '–';

const unlessMissing = (write: (value: number) => string) => (value: number | undefined) =>
	value === undefined || !Number.isFinite(value) ? dash : write(value);

export const duration = unlessMissing(formatDuration);
export const byteCount = unlessMissing(value => formatSi(value, 'B'));
export const energy = unlessMissing(value => formatSi(value, 'J'));
/** «12.30 USD», «0.0042 USD». */
export const dollars = unlessMissing(value =>
	value === 0 ? '0 USD' : `${value >= 1 ? value.toFixed(2) : Number(value.toPrecision(2))} USD`,
);
export const percent = unlessMissing(value => `${(value * 100).toFixed(1)} %`);
/** Thousands apart by a space: «60 000». */
export const integer = unlessMissing(value => String(Math.round(value)).replaceAll(/\B(?=(?:\d{3})+$)/gu, ' '));
export const fraction = unlessMissing(value => String(Number(value.toFixed(2))));
/** A loss with four significant digits, fixed notation where it stays short. */
export const loss = unlessMissing(value => {
	const short = value.toPrecision(4);
	return short.includes('e') || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(2) : short;
});
export const ratio = unlessMissing(value => `${Number(value.toPrecision(3))}×`);

/** Foreign text on one line: control characters (terminal escapes, line ends, direction marks) become «�». */
export const oneLine = (text: string): string => text.replaceAll(/\p{C}/gu, '�');

const wide =
	/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff00-\uff60]/u;

/** Columns that a text takes on a terminal. */
export function textWidth(text: string): number {
	let width = 0;
	for (const character of text) {
		width += /\p{M}/u.test(character) ? 0 : wide.test(character) ? 2 : 1;
	}
	return width;
}

/** The text cut to a width, with «…» at its end when something is missing. */
export function cut(text: string, most: number): string {
	if (textWidth(text) <= most) {
		return text;
	}
	let result = '';
	let width = 1;
	for (const character of text) {
		width += textWidth(character);
		if (width > most) {
			break;
		}
		result += character;
	}
	return most < 1 ? '' : `${result}…`;
}

/** The text cut to a width, with «…» in its middle: names that begin alike are told apart by their ends. */
export function cutMiddle(text: string, most: number): string {
	if (textWidth(text) <= most) {
		return text;
	}
	const characters = [...text];
	const end: string[] = [];
	let width = 0;
	for (let character = characters.pop(); character !== undefined; character = characters.pop()) {
		width += textWidth(character);
		if (width > (most - 1) / 2) {
			break;
		}
		end.unshift(character);
	}
	return cut(text, most - textWidth(end.join(''))) + end.join('');
}

/** A date of a ledger as people read it, in UTC: «2026-01-31 12:00 UTC»; as it came when it is no date. */
export function when(iso: string): string {
	const date = new Date(iso);
	return Number.isNaN(date.getTime()) ? oneLine(iso) : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Words joined as in a sentence, at most `most` of them: «a, b and 5 more». */
export function enumerate(words: readonly string[], most = 6): string {
	if (words.length > most) {
		return `${words.slice(0, most - 1).join(', ')} and ${words.length - most + 1} more`;
	}
	return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
