/** Quantities that remember their unit, and the written forms people use for them («40 Mbit/s», «4 ms», «36 kJ»). */
import {FplError} from './errors.js';

declare const unit: unique symbol;

/** A number that remembers its unit. Plain arithmetic forgets it, so crossing units goes through a named function. */
export type Quantity<U extends string> = number & {readonly [unit]: U};

export type Bytes = Quantity<'B'>;
export type Seconds = Quantity<'s'>;
export type Milliseconds = Quantity<'ms'>;
export type BytesPerSecond = Quantity<'B/s'>;
export type Joules = Quantity<'J'>;
export type Watts = Quantity<'W'>;
export type Flops = Quantity<'FLOP'>;
export type FlopsPerSecond = Quantity<'FLOP/s'>;

export const bytes = (n: number): Bytes => n as Bytes;
export const seconds = (n: number): Seconds => n as Seconds;
export const milliseconds = (n: number): Milliseconds => n as Milliseconds;
export const bytesPerSecond = (n: number): BytesPerSecond => n as BytesPerSecond;
export const joules = (n: number): Joules => n as Joules;
export const watts = (n: number): Watts => n as Watts;
export const flops = (n: number): Flops => n as Flops;
export const flopsPerSecond = (n: number): FlopsPerSecond => n as FlopsPerSecond;

/** Network rates are decimal: 1 Mbit/s is 10⁶ bit/s, not 2²⁰. */
export const megabitsPerSecond = (n: number): BytesPerSecond => ((n * 1e6) / 8) as BytesPerSecond;

export const toMilliseconds = (s: Seconds): Milliseconds => (s * 1000) as Milliseconds;
export const toSeconds = (ms: Milliseconds): Seconds => (ms / 1000) as Seconds;

/** Time on the wire, in seconds, without latency. */
export const transferTime = (size: Bytes, rate: BytesPerSecond): Seconds => (size / rate) as Seconds;
/** Energy of a constant power over a time. */
export const energyOf = (power: Watts, time: Seconds): Joules => (power * time) as Joules;

/** Every dimension people write values in: unit name → factor to the base unit. */
const dimensions = {
	rate: {
		'bit/s': 1 / 8,
		'kbit/s': 1e3 / 8,
		'Mbit/s': 1e6 / 8,
		'Gbit/s': 1e9 / 8,
		'B/s': 1,
		'kB/s': 1e3,
		'MB/s': 1e6,
		'GB/s': 1e9,
	},
	time: {us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86_400},
	energy: {nJ: 1e-9, µJ: 1e-6, mJ: 1e-3, J: 1, kJ: 1e3, MJ: 1e6, Wh: 3600, kWh: 3.6e6},
	energyPerByte: {
		'J/B': 1,
		'mJ/B': 1e-3,
		'µJ/B': 1e-6,
		'uJ/B': 1e-6,
		'nJ/B': 1e-9,
		'mJ/bit': 8e-3,
		'µJ/bit': 8e-6,
		'uJ/bit': 8e-6,
		'nJ/bit': 8e-9,
	},
	power: {mW: 1e-3, W: 1, kW: 1e3},
	size: {B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4},
	money: {USD: 1},
	/** Of having a device, used or not. */
	price: {'USD/h': 1, 'USD/d': 1 / 24},
	speed: {'FLOP/s': 1, 'MFLOP/s': 1e6, 'GFLOP/s': 1e9, 'TFLOP/s': 1e12, GFLOPS: 1e9, TFLOPS: 1e12},
} as const satisfies Record<string, Record<string, number>>;

export type Dimension = keyof typeof dimensions;

const examples: Readonly<Record<Dimension, string>> = {
	rate: '40 Mbit/s',
	time: '30 s',
	energy: '36 kJ',
	energyPerByte: '60 nJ/B',
	power: '2.5 W',
	size: '512 MiB',
	money: '2.50 USD',
	price: '0.10 USD/h',
	speed: '13.5 GFLOP/s',
};

/**
 * Reads a written value («40 Mbit/s») into its base unit: rate B/s, time s, energy J, energyPerByte J/B,
 * power W, size B, money USD, price USD/h, speed FLOP/s.
 * @param where names the place of the value, for the error text (for instance `devices[0].link.up`).
 * @throws FplError `CONFIG_VALUE` when the number or its unit is missing, negative, not finite or unknown.
 */
export function parseQuantity(dimension: Dimension, text: unknown, where: string): number {
	const units: Record<string, number> = dimensions[dimension];
	const expected = `a number with its unit (one of ${Object.keys(units).join(', ')})`;
	const match = typeof text === 'string' ? /^\s*(\d+(?:[._]\d+)*(?:e[+-]?\d+)?)\s*([^\d\s].*?)\s*$/iu.exec(text) : null;
	const factor = match && Object.hasOwn(units, match[2]!) ? units[match[2]!] : undefined;
	const value = match ? Number(match[1]!.replaceAll('_', '')) : Number.NaN;
	if (factor === undefined || !Number.isFinite(value)) {
		const written = typeof text === 'string' ? `«${text}»` : JSON.stringify(text);
		throw new FplError('CONFIG_VALUE', {
			where,
			expected,
			got: written,
			fix: `Write for instance «${examples[dimension]}».`,
		});
	}
	return value * factor;
}

const prefixes = [
	[1e12, 'T'],
	[1e9, 'G'],
	[1e6, 'M'],
	[1e3, 'k'],
	[1, ''],
	[1e-3, 'm'],
	[1e-6, 'µ'],
	[1e-9, 'n'],
] as const;

/** Formats with an SI prefix and three significant digits: `formatSi(61706, 'B')` → «61.7 kB». */
export function formatSi(value: number, unitName: string): string {
	if (value === 0 || !Number.isFinite(value)) {
		return `${value} ${unitName}`;
	}
	const [factor, prefix] = prefixes.find(([f]) => Math.abs(value) >= f * 0.9995) ?? prefixes.at(-1)!;
	return `${Number((value / factor).toPrecision(3))} ${prefix}${unitName}`;
}

/** Formats a duration in seconds for people: «12.3 ms», «4.56 s», «3 min 05 s», «2 h 07 min». */
export function formatDuration(value: number): string {
	if (value < 60) {
		return formatSi(value, 's');
	}
	const whole = Math.round(value);
	const two = (n: number) => String(n).padStart(2, '0');
	return whole < 3600
		? `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
		: `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}
