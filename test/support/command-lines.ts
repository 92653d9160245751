/** Command lines of this program in documents and texts. */

export interface CommandLine {
	/** Where it stands, for messages. */
	readonly where: string;
	readonly text: string;
	/** What follows `fpl`, up to a redirection, a pipe or a comment. */
	readonly words: readonly string[];
	/** From a code block, to be typed as it stands; not one mentioned in a sentence, which may leave arguments out. */
	readonly whole: boolean;
}

function wordsOf(text: string): string[] {
	const [, rest = ''] = /^(?:npx )?fpl\b(.*)$/su.exec(text.trim()) ?? [];
	const words: string[] = [];
	for (const [word, quoted] of rest.matchAll(/"([^"]*)"|\S+/gu)) {
		if (/^[#|>…]/u.test(word)) {
			break;
		}
		words.push(quoted ?? word.replace(/…$/u, ''));
	}
	return words;
}

const line = (where: string, text: string, whole: boolean): CommandLine => ({where, text, words: wordsOf(text), whole});

/** Those in backquotes or «guillemets», wherever they stand. Parts that a program fills in make a word of their own. */
export function mentionedCommands(where: string, text: string): CommandLine[] {
	return [...text.matchAll(/[`«]((?:npx )?fpl [^`»\n]+)[`»]/gu)].map(([, found]) =>
		line(where, found!.replaceAll(/\$\{[^}]*\}/gu, 'X'), false),
	);
}

/** Those of a Markdown document: whole lines in code blocks, and those mentioned in its sentences. */
export function documentedCommands(where: string, markdown: string): CommandLine[] {
	const found: CommandLine[] = [];
	let fenced = false;
	for (const [index, text] of markdown.split('\n').entries()) {
		const here = `${where}:${index + 1}`;
		if (text.trimStart().startsWith('```')) {
			fenced = !fenced;
		} else if (!fenced) {
			found.push(...mentionedCommands(here, text));
		} else if (/^\s*(?:npx )?fpl /u.test(text)) {
			found.push(line(here, text, true));
		}
	}
	return found;
}

/** Code blocks of a language, with the number of their first line. */
export function codeBlocks(markdown: string, language: string): {readonly line: number; readonly text: string}[] {
	return [...markdown.matchAll(/^```(\w*)\n(.*?)^```/gmsu)]
		.filter(([, kind]) => kind === language)
		.map(match => ({line: markdown.slice(0, match.index).split('\n').length + 1, text: match[2]!}));
}
