/** A configuration file's text as a plain value that remembers in which line each key stands. YAML 1.2; JSON is part of it. */
import {readFile} from 'node:fs/promises';
import {isNode, LineCounter, parseDocument} from 'yaml';
import {fileProblem} from '../atomic-file.js';
import {FplError} from '../errors.js';
import {formatPath} from './issues.js';

/** Far above any sensible configuration, far below what would hurt. */
const maxBytes = 4 * 1024 * 1024;

export interface ConfigDocument {
	/** File name, for error texts. */
	readonly name: string;
	readonly value: unknown;
	/** «fleet.yaml:3:7, devices[0].link.up»; without line and column where the path is not in the file. */
	placeOf(path: readonly PropertyKey[]): string;
}

function parse(text: string, name: string, lineCounter: LineCounter) {
	try {
		return parseDocument(text, {lineCounter, prettyErrors: false, logLevel: 'silent'});
	} catch (cause) {
		// A text nested a hundred thousand levels deep exhausts the parser's stack.
		throw new FplError('CONFIG_FILE', {where: name, problem: (cause as Error).message}, {cause});
	}
}

/**
 * @param name stands for the text in errors.
 * @throws FplError `CONFIG_FILE` with line and column when the text is no YAML or JSON.
 */
export function parseConfigText(text: string, name: string): ConfigDocument {
	if (text.length > maxBytes) {
		throw new FplError('CONFIG_FILE', {where: name, expected: `at most ${maxBytes} bytes`, got: `${text.length}`});
	}
	const lineCounter = new LineCounter();
	const document = parse(text, name, lineCounter);
	const [error] = document.errors;
	if (error) {
		const {line, col} = lineCounter.linePos(error.pos[0]);
		throw new FplError('CONFIG_FILE', {where: `${name}:${line}:${col}`, problem: error.message}, {cause: error});
	}
	const placeOf = (path: readonly PropertyKey[]) => {
		const node = path.length === 0 ? undefined : document.getIn(path, true);
		// A key without a value has no node of its own; its parent's line is near enough.
		const range = isNode(node) ? node.range : undefined;
		const {line, col} = range ? lineCounter.linePos(range[0]) : {line: 0, col: 0};
		const spot = line > 0 ? `${name}:${line}:${col}` : name;
		return path.length === 0 ? spot : `${spot}, ${formatPath(path)}`;
	};
	try {
		// Aliases may not multiply without bound («billion laughs»).
		return {name, value: document.toJS({maxAliasCount: 100}) as unknown, placeOf};
	} catch (cause) {
		throw new FplError('CONFIG_FILE', {where: name, problem: (cause as Error).message}, {cause});
	}
}

/** @throws FplError `CONFIG_FILE` when the file is missing, unreadable, too large or no YAML or JSON. */
export async function readConfigFile(file: string): Promise<ConfigDocument> {
	let text: string;
	try {
		text = await readFile(file, 'utf8');
	} catch (cause) {
		throw new FplError('CONFIG_FILE', {where: file, problem: fileProblem(cause)}, {cause});
	}
	return parseConfigText(text, file);
}
