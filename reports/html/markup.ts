/** HTML as values: whatever is no markup yet is text, and text is escaped when it is put in. */
import {oneLine} from '../format.js';

/** HTML that is safe to insert as it stands. */
export class Markup {
	readonly text: string;

	constructor(text: string) {
		this.text = text;
	}

	toString(): string {
		return this.text;
	}
}

const entities: Readonly<Record<string, string>> = {
	'&': '&amp;',
	'<': '&lt;',
	'>': '&gt;',
	'"': '&quot;',
	"'": '&#39;',
};

export const escapeHtml = (text: string): string =>
	oneLine(text).replaceAll(/[&<>"']/gu, character => entities[character]!);

export type Content = Markup | string | number | undefined | false | readonly Content[];

function render(content: Content): string {
	if (content === undefined || content === false) {
		return '';
	}
	if (content instanceof Markup) {
		return content.text;
	}
	return typeof content === 'object' ? content.map(render).join('') : escapeHtml(String(content));
}

/** `markup\`<p>${text}</p>\`` escapes `text`; lists are joined, undefined and false vanish. */
export const markup = (parts: TemplateStringsArray, ...contents: readonly Content[]): Markup =>
	new Markup(parts.map((part, index) => part + (index < contents.length ? render(contents[index]) : '')).join(''));
