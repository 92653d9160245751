/** Reads which files import which, by their text, for the test of the architecture. */
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';

/** `type`: erased by the compiler. `load`: evaluated with the importing file. `lazy`: `import()`, a worker's entry. */
export type ImportKind = 'type' | 'load' | 'lazy';

export interface Import {
	readonly kind: ImportKind;
	readonly specifier: string;
}

/** The repository's root, from a compiled test in `dist/test/support`. */
export const root = path.resolve(import.meta.dirname, '../../..');
export const areas = [
	'core',
	'models',
	'planners',
	'reports',
	'edge-agent',
	'fog-broker',
	'cli',
	'test',
	'bench',
] as const;
export type Area = (typeof areas)[number];

/** Blanks comments, so that an example inside one is no import; strings and templates stay as they are. */
const withoutComments = (text: string): string =>
	text.replace(
		/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/gu,
		(match, offset: number) => {
			// «'http://…» is a string; a slash pair after a backslash belongs to a regular expression.
			const comment = match.startsWith('/') && text[offset - 1] !== '\\';
			return comment ? ' ' : match;
		},
	);

const statement = /(?:^|[;}\n])\s*(import|export)\s+(type\s+)?(?:[\w$*{][^;'"`()=]*?\bfrom\s*)?['"]([^'"\n]+)['"]/gu;
const call = /(typeof\s+)?\bimport\(\s*['"]([^'"\n]+)['"]/gu;
const url = /\bnew URL\(\s*['"](\.[^'"\n]+\.js)['"]\s*,\s*import\.meta\.url/gu;

/** Every import of a source text, in no particular order. */
export function importsOf(source: string): Import[] {
	const text = withoutComments(source);
	return [
		...[...text.matchAll(statement)].map(
			([, , type, specifier]): Import => ({kind: type ? 'type' : 'load', specifier: specifier!}),
		),
		...[...text.matchAll(call)].map(
			([, type, specifier]): Import => ({kind: type ? 'type' : 'lazy', specifier: specifier!}),
		),
		...[...text.matchAll(url)].map(([, specifier]): Import => ({kind: 'lazy', specifier: specifier!})),
	];
}

export interface SourceFile {
	/** Relative to the root, with `/`: «core/errors.ts». */
	readonly file: string;
	readonly area: Area;
	readonly lines: number;
	readonly imports: readonly Import[];
}

/** Every TypeScript file of ours. */
export const sourceFiles = (): SourceFile[] =>
	areas.flatMap(area => {
		const folder = path.join(root, area);
		let entries: string[];
		try {
			entries = readdirSync(folder, {recursive: true, encoding: 'utf8'});
		} catch {
			return [];
		}
		return entries
			.filter(entry => entry.endsWith('.ts'))
			.map(entry => {
				const text = readFileSync(path.join(folder, entry), 'utf8');
				return {
					file: path.posix.join(area, entry.split(path.sep).join('/')),
					area,
					lines: text.split('\n').length - 1,
					imports: importsOf(text),
				};
			});
	});

/** The file that a relative import of ours names: «../core/errors.js» in `models/layout.ts` → «core/errors.ts». */
export const resolveImport = (from: string, specifier: string): string =>
	path.posix.join(path.posix.dirname(from), specifier).replace(/\.js$/u, '.ts');

export const isRelative = (specifier: string): boolean => specifier.startsWith('.');

/** The first cycle among the edges, as the list of its members with the first one repeated at its end, or undefined. */
export function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] | undefined {
	const done = new Set<string>();
	const path: string[] = [];
	const visit = (node: string): string[] | undefined => {
		const at = path.indexOf(node);
		if (at !== -1) {
			return [...path.slice(at), node];
		}
		if (done.has(node)) {
			return undefined;
		}
		path.push(node);
		for (const next of edges.get(node) ?? []) {
			const cycle = visit(next);
			if (cycle) {
				return cycle;
			}
		}
		path.pop();
		done.add(node);
		return undefined;
	};
	for (const node of edges.keys()) {
		const cycle = visit(node);
		if (cycle) {
			return cycle;
		}
	}
	return undefined;
}
