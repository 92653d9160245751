/** Flags of the benches, read strictly: a typing error ends a bench before it begins. */
import {FplError} from '../../core/errors.js';

/** @throws FplError `USAGE` naming the flag. */
export function numberOf(flag: string, text: string, least: number, most: number): number {
	const value = text.trim() === '' ? Number.NaN : Number(text);
	if (!(value >= least && value <= most)) {
		throw new FplError('USAGE', {
			where: `--${flag}`,
			expected: `a number from ${least} to ${most}`,
			got: `«${text}»`,
		});
	}
	return value;
}

/** @throws FplError `USAGE` naming the flag. */
export function wholeOf(flag: string, text: string, least: number, most: number): number {
	const value = numberOf(flag, text, least, most);
	if (!Number.isInteger(value)) {
		throw new FplError('USAGE', {where: `--${flag}`, expected: 'a whole number', got: `«${text}»`});
	}
	return value;
}

/** Numbers separated by commas. @throws FplError `USAGE` naming the flag. */
export const wholesOf = (flag: string, text: string, least: number, most: number): readonly number[] =>
	text.split(',').map(part => wholeOf(flag, part, least, most));

/** Names separated by commas. @throws FplError `USAGE` naming the flag and what there is. */
export const namesOf = <N extends string>(flag: string, text: string, known: readonly N[]): readonly N[] =>
	text.split(',').map(part => {
		const found = known.find(name => name === part.trim());
		if (found === undefined) {
			throw new FplError('USAGE', {where: `--${flag}`, expected: `some of ${known.join(', ')}`, got: `«${part}»`});
		}
		return found;
	});
