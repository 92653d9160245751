/** What keys a zod schema knows, and where its leaves are: for suggestions, and for names of environment variables. */
import type {z} from 'zod';

type Schema = z.core.$ZodType;
/** The part of zod's definitions that matters here, whatever the kind of schema. */
interface Definition {
	readonly type: string;
	readonly shape?: Readonly<Record<string, Schema>>;
	readonly innerType?: Schema;
	readonly in?: Schema;
	readonly out?: Schema;
	readonly options?: readonly Schema[];
	readonly left?: Schema;
	readonly right?: Schema;
	readonly element?: Schema;
	readonly valueType?: Schema;
	readonly items?: readonly Schema[];
	readonly getter?: () => Schema;
	readonly values?: readonly unknown[];
}

/** Wrappers (optional, default, readonly, lazy, pipes …) taken off; unions and intersections taken apart. */
function alternatives(schema: Schema): Schema[] {
	const definition = schema._zod.def as unknown as Definition;
	if (definition.innerType) {
		return alternatives(definition.innerType);
	}
	switch (definition.type) {
		case 'pipe': {
			const input = alternatives(definition.in!);
			// `z.preprocess` has a bare transform at its entrance; what it accepts is told by its exit.
			const opaque = input.every(({_zod}) => ['transform', 'unknown', 'any'].includes(_zod.def.type));
			return opaque && definition.out?._zod.def.type !== 'transform' ? alternatives(definition.out!) : input;
		}
		case 'union':
			return definition.options!.flatMap(alternatives);
		case 'intersection':
			return [definition.left!, definition.right!].flatMap(alternatives);
		case 'lazy':
			return alternatives(definition.getter!());
		default:
			return [schema];
	}
}

const shapeOf = (schema: Schema) => (schema._zod.def as unknown as Definition).shape;

function step(schema: Schema, key: PropertyKey): Schema[] {
	const {shape, element, valueType, items} = schema._zod.def as unknown as Definition;
	if (shape) {
		return typeof key === 'string' && Object.hasOwn(shape, key) ? alternatives(shape[key]!) : [];
	}
	const inner = element ?? valueType ?? (typeof key === 'number' ? items?.[key] : undefined);
	return inner ? alternatives(inner) : [];
}

const within = (value: unknown, key: PropertyKey): unknown =>
	typeof value === 'object' && value !== null && Object.hasOwn(value, key)
		? (value as Record<PropertyKey, unknown>)[key]
		: undefined;

/** Whether a value has none of another alternative's marks: `kind: adam` is not meant as an `sgd`. */
const mayBe = (schema: Schema, value: unknown): boolean =>
	Object.entries(shapeOf(schema) ?? {}).every(([key, inner]) => {
		const {type, values} = inner._zod.def as unknown as Definition;
		const given = within(value, key);
		return type !== 'literal' || given === undefined || values!.includes(given);
	});

/** The keys known at a path, of all alternatives there that the value may be meant as. */
export function keysAt(schema: Schema, path: readonly PropertyKey[], value?: unknown): string[] {
	let here = alternatives(schema);
	let there = value;
	for (const key of path) {
		here = here.flatMap(one => step(one, key));
		there = within(there, key);
	}
	const meant = here.filter(one => mayBe(one, there));
	return [...new Set((meant.length > 0 ? meant : here).flatMap(one => Object.keys(shapeOf(one) ?? {})))];
}

export interface Leaf {
	readonly path: readonly string[];
	/** Every alternative that this path may have. */
	readonly schemas: readonly Schema[];
}

/** Every path that ends in something else than an object with known keys. */
export function leavesOf(schema: Schema): Leaf[] {
	const found = new Map<string, {path: readonly string[]; schemas: Schema[]}>();
	const visit = (outer: Schema, path: readonly string[]) => {
		for (const one of alternatives(outer)) {
			const shape = shapeOf(one);
			if (shape) {
				for (const [key, inner] of Object.entries(shape)) {
					visit(inner, [...path, key]);
				}
			} else {
				// The unwrapped pipe would lose its transform, so the leaf keeps the schema as it was declared.
				const name = JSON.stringify(path);
				const leaf = found.get(name) ?? {path, schemas: []};
				leaf.schemas.push(outer);
				found.set(name, leaf);
			}
		}
	};
	visit(schema, []);
	return [...found.values()];
}
