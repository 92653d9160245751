/** What zod finds wrong, told as an `FplError` with the place, what was expected, what came and what to do. */
import type {z} from 'zod';
import {type ErrorCode, type ErrorFacts, FplError} from '../errors.js';
import {nearest, suggestion} from '../nearest.js';
import {keysAt} from './schema-keys.js';

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

export interface IssueContext {
	readonly schema: z.core.$ZodType;
	readonly value: unknown;
	/** Names the source and place of a path: «fleet.yaml:3:7, devices[0].link.up». */
	placeOf(path: Path): string;
	/** For everything but unknown keys; `CONFIG_VALUE` unless told otherwise. */
	readonly code?: ErrorCode;
}

/** «devices[0].link.up»; the root is «». */
export const formatPath = (path: Path): string =>
	path
		.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index > 0 ? '.' : ''}${shown(String(key))}`))
		.join('');

/** Text from a file, made fit for a line of an error: no control characters, no more than 60 characters. */
const shown = (text: string): string => {
	const clean = text.replaceAll(/\p{C}/gu, '�');
	return clean.length > 60 ? `${clean.slice(0, 60)}…` : clean;
};

export const at = (value: unknown, path: Path): unknown =>
	path.reduce<unknown>(
		(inner, key) =>
			typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
				? (inner as Record<PropertyKey, unknown>)[key]
				: undefined,
		value,
	);

export function describe(value: unknown): string {
	if (value === undefined) {
		return 'nothing';
	}
	if (typeof value === 'string') {
		return `«${shown(value)}»`;
	}
	if (Array.isArray(value)) {
		return `a list of ${value.length}`;
	}
	return typeof value === 'object' && value !== null ? 'a mapping' : String(value);
}

const typeNames: Readonly<Record<string, string>> = {
	int: 'an integer',
	number: 'a number',
	string: 'text',
	boolean: 'true or false',
	array: 'a list',
	tuple: 'a list',
	object: 'a mapping of keys to values',
	record: 'a mapping of keys to values',
	undefined: 'nothing',
	null: 'null',
};

const typeName = (expected: string): string => typeNames[expected] ?? expected;

function limit(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
	const [word, bound] =
		issue.code === 'too_small'
			? [issue.inclusive === false ? 'more than' : 'at least', issue.minimum]
			: [issue.inclusive === false ? 'less than' : 'at most', issue.maximum];
	const kind =
		issue.origin === 'string' ? ' characters' : ['array', 'set', 'map'].includes(issue.origin) ? ' entries' : '';
	const what = kind === '' ? 'a number, ' : '';
	return `${what}${word} ${bound}${kind}`;
}

/** A union's own issue says nothing; the branch that got furthest says what its writer most likely meant. */
function branchOf(issue: z.core.$ZodIssueInvalidUnion): Issue | undefined {
	const branches = issue.errors.filter(errors => errors.length > 0);
	const shallow = (errors: Issue[]) => errors.every(({code, path}) => code === 'invalid_type' && path.length === 0);
	const depth = (errors: Issue[]) =>
		Math.max(...errors.map(({code, path}) => path.length + (code === 'unrecognized_keys' ? 1 : 0)));
	const meant = branches
		.filter(errors => !shallow(errors))
		.sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0];
	const first = meant?.find(({code}) => code === 'unrecognized_keys') ?? meant?.[0];
	if (first) {
		return {...first, path: [...issue.path, ...first.path]};
	}
	return undefined;
}

function factsOf(issue: Issue, value: unknown): Omit<ErrorFacts, 'where'> {
	switch (issue.code) {
		case 'invalid_type':
			return {expected: typeName(issue.expected), got: describe(value)};
		case 'too_small':
		case 'too_big':
			return {expected: limit(issue), got: describe(value)};
		case 'invalid_value': {
			const names = issue.values.map(String);
			const fix = typeof value === 'string' ? nearest(value, names) : undefined;
			return {
				expected:
					names.length === 1 ? describe(issue.values[0]) : `one of ${names.map(name => `«${name}»`).join(', ')}`,
				got: describe(value),
				...(fix !== undefined && {fix: `Did you mean «${fix}»?`}),
			};
		}
		case 'invalid_union': {
			const names = (issue as {options?: readonly unknown[]}).options?.map(String);
			const types = issue.errors
				.flat()
				.flatMap(inner => (inner.code === 'invalid_type' ? [typeName(inner.expected)] : []));
			const fix = names && typeof value === 'string' ? nearest(value, names) : undefined;
			return {
				expected: names ? `one of ${names.map(name => `«${name}»`).join(', ')}` : [...new Set(types)].join(' or '),
				got: describe(value),
				...(fix !== undefined && {fix: `Did you mean «${fix}»?`}),
			};
		}
		case 'custom': {
			// Schemas' own checks say what they expect; some say what came as well.
			const [, expected] = /^expected (?!.*, got )(.+)$/u.exec(issue.message) ?? [];
			return expected === undefined ? {problem: issue.message} : {expected, got: describe(value)};
		}
		default:
			return {problem: issue.message, got: describe(value)};
	}
}

/** Who writes a kind alone is told how it is written: «{ kind: iid }». */
function mappingOf(issue: Issue, value: unknown, {schema}: IssueContext): string | undefined {
	return issue.code === 'invalid_type' && typeof value === 'string' && keysAt(schema, issue.path).includes('kind')
		? `Write «{ kind: ${shown(value)} }».`
		: undefined;
}

/** One error for all issues: an unknown key first, since it often explains the others; the rest is counted with paths. */
export function configError(issues: readonly Issue[], context: IssueContext, cause?: unknown): FplError {
	const flat = issues.map(issue => (issue.code === 'invalid_union' ? (branchOf(issue) ?? issue) : issue));
	const issue = flat.find(({code}) => code === 'unrecognized_keys') ?? flat[0]!;
	const others = flat.map(({path}) => formatPath(path)).filter(path => path !== '' && path !== formatPath(issue.path));
	const more =
		others.length > 0
			? `Also wrong: ${[...new Set(others)]
					.slice(0, 5)
					.map(path => `«${path}»`)
					.join(', ')}.`
			: undefined;
	const advice = (fix: string | undefined) => {
		const told = [fix, more].filter(part => part !== undefined).join(' ');
		return told === '' ? {} : {fix: told};
	};
	if (issue.code === 'unrecognized_keys') {
		const key = issue.keys[0]!;
		return new FplError(
			'CONFIG_KEY',
			{
				where: context.placeOf([...issue.path, key]),
				problem: `«${shown(key)}» is no key here`,
				...advice(suggestion(key, keysAt(context.schema, issue.path, context.value))),
			},
			{cause},
		);
	}
	const hidden = issue.path.some(key => /password|secret|token/iu.test(String(key)));
	const value = hidden ? undefined : at(context.value, issue.path);
	const {fix = mappingOf(issue, value, context), ...facts} = factsOf(issue, value);
	return new FplError(
		context.code ?? 'CONFIG_VALUE',
		{
			where: context.placeOf(issue.path),
			...facts,
			// Error texts end up in logs, where secrets do not belong.
			...(hidden && {got: 'something else (not shown)'}),
			...advice(fix),
		},
		{cause},
	);
}
