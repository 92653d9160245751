/**
 * Configuration from every source into one frozen, validated value: defaults (of the schema) < file < environment < flags.
 * An unknown key is an error that names the place and the nearest known key.
 */
import {parse as parseYaml} from 'yaml';
import type {z} from 'zod';
import {type ErrorCode, FplError} from '../errors.js';
import {nearest} from '../nearest.js';
import type {ConfigDocument} from './document.js';
import {at, configError, formatPath} from './issues.js';
import {type Leaf, leavesOf} from './schema-keys.js';

type Plain = string | number | bigint | boolean | symbol | null | undefined | ((...rest: never[]) => unknown);

/** Read-only all the way down; branded numbers and typed arrays stay what they are. */
export type Frozen<T> = T extends Plain | ArrayBufferView ? T : {readonly [K in keyof T]: Frozen<T[K]>};

export interface ConfigSources {
	readonly document?: ConfigDocument | undefined;
	/** Environment variables, usually `process.env`. */
	readonly env?: Readonly<Record<string, string | undefined>> | undefined;
	/** Variables are named after the keys: `FPL_` + `link.upRate` → `FPL_LINK_UP_RATE`. Default «FPL_». */
	readonly prefix?: string;
	/** Nested like the value; undefined means not given. Texts are read as the key's type («64» for a number). */
	readonly flags?: Readonly<Record<string, unknown>> | undefined;
	/** Code of errors about values; `CONFIG_VALUE` unless told otherwise (`JOB_INVALID`, `PLAN_INVALID`). */
	readonly code?: ErrorCode;
}

type Table = Record<string, unknown>;

const isTable = (value: unknown): value is Table =>
	typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

/** Later layers win, key by key; lists are replaced whole, and so is an object whose `kind` changes. */
function merge(lower: unknown, upper: unknown): unknown {
	if (upper === undefined) {
		return lower;
	}
	if (!isTable(upper)) {
		return upper;
	}
	const replaces = !isTable(lower) || (upper['kind'] !== undefined && upper['kind'] !== lower['kind']);
	const below = replaces ? {} : lower;
	const keys = new Set([...Object.keys(below), ...Object.keys(upper)]);
	// `fromEntries` makes own properties of every name, `__proto__` included, and validation then refuses that one.
	return Object.fromEntries(
		[...keys].map(key => [key, merge(at(below, [key]), at(upper, [key]))]).filter(([, value]) => value !== undefined),
	);
}

/** `['link', 'upRate']` → «LINK_UP_RATE». */
export const variableName = (path: readonly string[]): string =>
	path
		.map(key => key.replaceAll(/([a-z0-9])([A-Z])/gu, '$1_$2').replaceAll(/[^A-Za-z0-9]/gu, '_'))
		.join('_')
		.toUpperCase();

/** A text from the environment or the command line in the type of its key: as it is where that is valid, else as YAML. */
function typed(text: string, {schemas}: Leaf): unknown {
	const valid = schemas.some(schema => (schema as z.ZodType).safeParse(text).success);
	if (valid) {
		return text;
	}
	try {
		return parseYaml(text) as unknown;
	} catch {
		return text;
	}
}

const nest = (path: readonly string[], value: unknown): unknown =>
	path.reduceRight<unknown>((inner, key) => Object.fromEntries([[key, inner]]), value);

function fromEnvironment(leaves: readonly Leaf[], {env = {}, prefix = 'FPL_'}: ConfigSources) {
	let value: unknown;
	const names = new Map<string, string>();
	for (const leaf of leaves) {
		const name = `${prefix}${variableName(leaf.path)}`;
		const text = env[name];
		if (text !== undefined && text !== '') {
			value = merge(value, nest(leaf.path, typed(text, leaf)));
			names.set(formatPath(leaf.path), name);
		}
	}
	// Variables of other programs parts share the prefix, so only a near miss counts as a slip of the pen.
	const known = leaves.map(leaf => variableName(leaf.path));
	for (const name of Object.keys(env)) {
		const rest = name.startsWith(prefix) ? name.slice(prefix.length) : '';
		if (rest === '' || known.includes(rest)) {
			continue;
		}
		const near = nearest(rest, known);
		if (near !== undefined && Math.abs(near.length - rest.length) <= 2 && rest[0] === near[0]) {
			throw new FplError('CONFIG_KEY', {
				where: `environment variable ${name}`,
				fix: `Did you mean «${prefix}${near}»?`,
			});
		}
	}
	return {value, names};
}

function fromFlags(leaves: readonly Leaf[], flags: ConfigSources['flags']): unknown {
	let value: unknown = merge({}, flags);
	for (const leaf of leaves) {
		const text = at(value, leaf.path);
		if (typeof text === 'string') {
			value = merge(value, nest(leaf.path, typed(text, leaf)));
		}
	}
	return value;
}

export function deepFreeze<T>(value: T): Frozen<T> {
	if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Object.isFrozen(value)) {
		Object.freeze(value);
		for (const inner of Object.values(value)) {
			deepFreeze(inner);
		}
	}
	return value as Frozen<T>;
}

/**
 * Merges the sources and validates the result.
 * @throws FplError `CONFIG_KEY` for an unknown key, `CONFIG_VALUE` (or `sources.code`) for a bad value, each with its place.
 */
export function readConfig<S extends z.ZodType>(schema: S, sources: ConfigSources): Frozen<z.output<S>> {
	const leaves = leavesOf(schema);
	const environment = fromEnvironment(leaves, sources);
	const flags = fromFlags(leaves, sources.flags);
	const {document} = sources;
	// An empty file says nothing, which is not the same as saying null.
	const base = document === undefined || document.value === null ? {} : document.value;
	const value = isTable(base) ? merge(merge(base, environment.value), flags) : base;
	const placeOf = (path: readonly PropertyKey[]): string => {
		if (path.length > 0 && at(flags, path) !== undefined) {
			return `flag «${formatPath(path)}»`;
		}
		const variable = environment.names.get(formatPath(path));
		if (variable !== undefined) {
			return `environment variable ${variable}`;
		}
		return document ? document.placeOf(path) : formatPath(path) || 'configuration';
	};
	const result = schema.safeParse(value);
	if (!result.success) {
		throw configError(
			result.error.issues,
			{schema, value, placeOf, ...(sources.code !== undefined && {code: sources.code})},
			result.error,
		);
	}
	return deepFreeze(result.data);
}

/** A value from JSON text. @throws FplError `CONFIG_VALUE` naming `where` it is not. */
export function parseJson(json: string, where: string): unknown {
	try {
		return JSON.parse(json);
	} catch (error) {
		throw new FplError('CONFIG_VALUE', {where, problem: 'it is no whole JSON'}, {cause: error});
	}
}

/** Validates one value from anywhere (a message, a stored JSON text); `name` stands for it in errors. */
export const parseValue = <S extends z.ZodType>(schema: S, value: unknown, name: string, code?: ErrorCode) =>
	readConfig(schema, {
		document: {name, value, placeOf: path => (path.length === 0 ? name : `${name}, ${formatPath(path)}`)},
		...(code !== undefined && {code}),
	});
