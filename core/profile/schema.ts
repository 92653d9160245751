/** Device profiles in documents and messages: overrides as people write them, and the full profile as JSON. */
import {z} from 'zod';
import {type Frozen, parseValue} from '../config/config.js';
import {FplError} from '../errors.js';
import {quantity} from '../plan/quantity.js';
import {type Dimension, parseQuantity} from '../units.js';
import {libraryProfile} from './library.js';
import {type LinkField, linkFrom, linkNames, linkPresets, presetOfMedium} from './links.js';
import {type DeviceProfile, type Medium, type OpClass, opClasses} from './profile.js';
import {withCores} from './scaling.js';
import type {Sourced} from './sourced.js';

export const media = ['ethernet', 'wifi', 'lte', 'lora', 'loopback'] as const satisfies Medium[];

/**
 * The least and the most that may be said of a device, a link or a time: far beyond anything that there is, and far from where
 * sums of costs overflow.
 */
const bounds = {
	speed: ['1 FLOP/s', '1000000 TFLOP/s'],
	rate: ['1 bit/s', '1000000 Gbit/s'],
	time: ['0 s', '1 d'],
	size: ['1 B', '1000000 TB'],
	energy: ['1 mJ', '1000000 kWh'],
	energyPerByte: ['0 J/B', '1000 J/B'],
	power: ['0 W', '1000 kW'],
	price: ['0 USD/h', '1000000 USD/h'],
} as const satisfies Partial<Record<Dimension, readonly [least: string, most: string]>>;

type Bounded = keyof typeof bounds;

const limitsOf = (dimension: Bounded): readonly [least: number, most: number] => {
	const [least, most] = bounds[dimension];
	return [parseQuantity(dimension, least, dimension), parseQuantity(dimension, most, dimension)];
};

/** A written quantity within the bounds of its dimension; of those that something is divided by, zero is outside. */
export const bounded = (dimension: Bounded) => {
	const [least, most] = limitsOf(dimension);
	const [from, to] = bounds[dimension];
	return quantity(dimension).refine(
		value => typeof value !== 'number' || (value >= least && value <= most),
		`expected from ${from} to ${to}`,
	);
};

const linkOverrides = z.strictObject({
	/** Where unwritten values come from: this preset, else the medium's, else the profile's own link. */
	preset: z.enum(linkNames).optional(),
	medium: z.enum(media).optional(),
	up: bounded('rate').optional(),
	down: bounded('rate').optional(),
	latency: bounded('time').optional(),
	energyUp: bounded('energyPerByte').optional(),
	energyDown: bounded('energyPerByte').optional(),
	active: bounded('power').optional(),
});

const speed = bounded('speed').optional();

/** The keys that a device of a fleet file may have besides its `profile`, as a zod shape to be spread. */
export const overrideShape = {
	speeds: z
		.strictObject({
			convolution: speed,
			depthwise: speed,
			matmul: speed,
			elementwise: speed,
			memory: bounded('rate').optional(),
		} satisfies Record<OpClass, z.ZodType>)
		.optional(),
	dispatch: bounded('time').optional(),
	cores: z.number().int().min(1).max(4096).optional(),
	memory: bounded('size').optional(),
	idle: bounded('power').optional(),
	busy: bounded('power').optional(),
	link: z.union([z.enum(linkNames), linkOverrides]).optional(),
	battery: bounded('energy').optional(),
	/** What the device costs, whether it works or not: «0.10 USD/h». */
	price: bounded('price').optional(),
} as const;

export const overridesSchema = z.strictObject(overrideShape);
/** Overrides after parsing: base units. */
export type ProfileOverrides = Frozen<z.output<typeof overridesSchema>>;

const linkKeys = {
	up: 'upBytesPerSecond',
	down: 'downBytesPerSecond',
	latency: 'latencySeconds',
	energyUp: 'joulesPerByteUp',
	energyDown: 'joulesPerByteDown',
	active: 'activeWatts',
} as const satisfies Record<string, LinkField>;

function overriddenLink(base: DeviceProfile, given: NonNullable<ProfileOverrides['link']>, source: string) {
	const overrides: Exclude<typeof given, string> = typeof given === 'string' ? {preset: given} : given;
	const medium = overrides.medium !== base.link.medium ? overrides.medium : undefined;
	const name = overrides.preset ?? (medium && presetOfMedium[medium]);
	const values = Object.entries(linkKeys).flatMap(([key, field]) => {
		const value = overrides[key as keyof typeof linkKeys];
		return value === undefined ? [] : [[field, [value, source] as Sourced] as const];
	});
	if (name === undefined) {
		return {
			link: {...base.link, ...Object.fromEntries(values.map(([field, [value]]) => [field, value]))},
			sources: Object.fromEntries(values.map(([field]) => [`link.${field}`, source])),
		};
	}
	const {link, sources} = linkFrom(linkPresets[name], Object.fromEntries(values));
	return {link: {...link, medium: overrides.medium ?? link.medium}, sources};
}

/** With some of its cores only: nobody knows how fast it would be with more. */
function withSomeCores(whole: DeviceProfile, cores: number, where: string): DeviceProfile {
	if (cores > whole.cores) {
		throw new FplError('CONFIG_VALUE', {
			where,
			problem: `these are more cores than «${whole.name}» has`,
			expected: `1 to ${whole.cores}, the cores that it has`,
			got: `${cores}`,
			fix: 'How fast it would be with more is not known: say so with «speeds».',
		});
	}
	return withCores(whole, cores);
}

/**
 * A profile with declared values in place of its own. With fewer «cores», and no «speeds», it is as fast as so many of them.
 * @param source is recorded with each replaced value («fleet.yaml»).
 * @param placeOf where a field of the device was written, for errors.
 * @throws FplError `CONFIG_VALUE` when the busy power is below the idle power, or there are more cores than the speeds are known of.
 */
export function overrideProfile(
	whole: DeviceProfile,
	overrides: ProfileOverrides,
	source = 'declared',
	placeOf: (field: keyof ProfileOverrides) => string = () => source,
): DeviceProfile {
	const {speeds, dispatch, cores, memory, idle, busy, link, battery, price} = overrides;
	const base = cores === undefined || speeds !== undefined ? whole : withSomeCores(whole, cores, placeOf('cores'));
	const sources: Record<string, string> = {...base.sources};
	const take = (field: string, value: number | undefined, former: number): number => {
		if (value !== undefined) {
			sources[field] = source;
		}
		return value ?? former;
	};
	const newLink = link === undefined ? {link: base.link, sources: {}} : overriddenLink(base, link, source);
	Object.assign(sources, newLink.sources);
	if (battery !== undefined) {
		sources['batteryJoules'] = source;
	}
	if (price !== undefined) {
		sources['pricePerHour'] = source;
	}
	const stored = battery ?? base.batteryJoules;
	const hourly = price ?? base.pricePerHour;
	// What was measured with fewer threads says nothing of a device that somebody else describes.
	const {scaling, pairs} = speeds === undefined ? base : {...base, scaling: undefined};
	const changed = Object.values(overrides).some(value => value !== undefined);
	const profile: DeviceProfile = {
		name: base.name,
		speeds: Object.fromEntries(
			opClasses.map(op => [op, take(`speeds.${op}`, speeds?.[op], base.speeds[op])]),
		) as DeviceProfile['speeds'],
		dispatchSeconds: take('dispatchSeconds', dispatch, base.dispatchSeconds),
		cores: take('cores', cores, base.cores),
		memoryBytes: take('memoryBytes', memory, base.memoryBytes),
		idleWatts: take('idleWatts', idle, base.idleWatts),
		busyWatts: take('busyWatts', busy, base.busyWatts),
		link: newLink.link,
		...(stored !== undefined && {batteryJoules: stored}),
		...(hourly !== undefined && {pricePerHour: hourly}),
		...(scaling !== undefined && {scaling}),
		...(pairs !== undefined && {pairs}),
		sources,
		origin: changed ? 'declared' : base.origin,
	};
	return checkPower(profile, placeOf(idle === undefined ? 'busy' : 'idle'));
}

function checkPower(profile: DeviceProfile, where: string): DeviceProfile {
	if (profile.busyWatts < profile.idleWatts) {
		throw new FplError('CONFIG_VALUE', {
			where,
			problem: `the power of «${profile.name}» is less when it is busy than when it is idle`,
			expected: `a busy power of at least the idle power (${profile.idleWatts} W)`,
			got: `${profile.busyWatts} W`,
			fix: 'Write down both «idle» and «busy»: what is not written is as in the built-in profile.',
		});
	}
	return profile;
}

/**
 * A built-in profile with overrides as written («4 ms»).
 * @throws FplError `DEVICE_UNKNOWN` for an unknown profile; `CONFIG_KEY`, `CONFIG_VALUE` for overrides that make no sense.
 */
export function declaredProfile(name: string, written: unknown = {}, where = 'device'): DeviceProfile {
	return overrideProfile(libraryProfile(name, where), parseValue(overridesSchema, written, where), where);
}

/** The same bounds for numbers in base units. */
const amount = (dimension: Bounded) => {
	const [least, most] = limitsOf(dimension);
	return z.number().min(least).max(most);
};

const speeds = z.strictObject({
	convolution: amount('speed'),
	depthwise: amount('speed'),
	matmul: amount('speed'),
	elementwise: amount('speed'),
	memory: amount('rate'),
} satisfies Record<OpClass, z.ZodType>);
const cores = z.number().int().min(1).max(4096);

export const profileSchema = z.strictObject({
	name: z.string().min(1).max(64),
	speeds,
	dispatchSeconds: amount('time'),
	cores,
	memoryBytes: amount('size'),
	idleWatts: amount('power'),
	busyWatts: amount('power'),
	link: z.strictObject({
		upBytesPerSecond: amount('rate'),
		downBytesPerSecond: amount('rate'),
		latencySeconds: amount('time'),
		medium: z.enum(media),
		joulesPerByteUp: amount('energyPerByte'),
		joulesPerByteDown: amount('energyPerByte'),
		activeWatts: amount('power'),
	}),
	batteryJoules: amount('energy').optional(),
	pricePerHour: amount('price').optional(),
	scaling: z
		.array(z.strictObject({threads: cores, speeds}))
		.max(64)
		.refine(
			list => list.every(({threads}, index) => index === 0 || threads > list[index - 1]!.threads),
			'expected numbers of threads in ascending order',
		)
		.optional(),
	pairs: z
		.array(
			z.strictObject({peer: z.string().min(1).max(64), latencySeconds: amount('time'), bytesPerSecond: amount('rate')}),
		)
		.max(1000)
		.optional(),
	sources: z
		.record(z.string().max(64), z.string().max(500))
		.refine(sources => Object.keys(sources).length <= 64, 'expected at most 64 sources'),
	origin: z.enum(['measured', 'library', 'declared']),
});

/**
 * A full profile from JSON (a birth message, a cached probe).
 * @throws FplError `CONFIG_KEY` or `CONFIG_VALUE` naming `where`.
 */
export function parseProfile(value: unknown, where = 'device profile'): DeviceProfile {
	// zod types an absent battery as `undefined`; ours is absent.
	return checkPower(parseValue(profileSchema, value, where) as DeviceProfile, where);
}
