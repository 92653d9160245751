/**
 * What smart plugs say over MQTT, by make. Each reader takes one message and answers what it says of power and energy:
 * nothing when the message is about something else.
 *
 * - Tasmota (documentation, «MQTT», «JSON Status Responses»): `tele/<topic>/SENSOR` every TelePeriod, and
 *   `stat/<topic>/STATUS8` or `STATUS10` when asked: `ENERGY.Power` in W; `ENERGY.Total` in kWh with three decimals, 3.6 kJ a
 *   step, which is too coarse to use.
 * - Shelly, first generation («Shelly API reference», Plug): `shellies/<id>/relay/0/power` in W as a bare number, every 30 s
 *   by default; `…/energy` in whole watt-minutes, 60 J a step, which is too coarse.
 * - Shelly, second generation and later (Gen 2 API, «Switch», «Notifications»): `<id>/status/switch:0` and
 *   `<id>/events/rpc` (NotifyStatus, which carries what has changed): `apower` in W, `aenergy.total` in Wh with three
 *   decimals, 3.6 J a step: this counter is used, once a minute, and power in between.
 * - Zigbee2MQTT (documentation, «MQTT topics and messages», and the pages of plugs): `zigbee2mqtt/<friendly name>`: `power` in
 *   W; `energy` in kWh with two decimals, 36 kJ a step, which is too coarse.
 */
import {z} from 'zod';
import {at} from '../config/issues.js';

export const plugKinds = ['tasmota', 'shelly1', 'shelly2', 'zigbee2mqtt'] as const;
export type PlugKind = (typeof plugKinds)[number];

/** What one message says. */
export interface PlugSays {
	readonly watts?: number;
	/** A counter, from any origin. */
	readonly joules?: number;
}

export interface PlugLayout {
	/** Topics to read, from a name without «/» (the make's usual topics) or a topic. */
	topics(name: string): readonly string[];
	/** @throws Error saying what is wrong with the payload. */
	read(text: string): PlugSays;
	/**
	 * How long its last power is taken to last, which is the longest silence that is bridged: three usual periods for those
	 * that report steadily; longer for those that report changes.
	 */
	readonly holdMs: number;
	readonly method: 'counter' | 'power';
}

const isTopic = (name: string): boolean => name.includes('/');

function parsed<T>(schema: z.ZodType<T>, text: string): T {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		throw new Error(`it says «${text.slice(0, 60)}», which is no JSON`);
	}
	if (typeof value !== 'object' || value === null || Array.isArray(value)) {
		throw new Error(`it says «${text.slice(0, 60)}», which is no JSON object`);
	}
	const result = schema.safeParse(value);
	if (!result.success) {
		const {path, message} = result.error.issues[0]!;
		const given = at(value, path);
		const got = given === undefined ? 'nothing' : JSON.stringify(given).slice(0, 60);
		throw new Error(`its message has no usable ${path.join('.') || 'content'}: ${message}, got ${got}`);
	}
	return result.data;
}

/** JSON has no NaN, but firmware prints it, or texts; and numbers may be larger than any number is. */
const watts = z.number({error: 'expected watts'});
/** Devices with several channels list their powers. */
const power = z.union([watts, z.array(watts).min(1).max(16)], {error: 'expected watts'});
/** No plug counts so much in its life. */
const wattHours = z.number({error: 'expected watt-hours'}).max(1e12, {error: 'expected at most 1e12 watt-hours'});
const total = (given: number | readonly number[]): number =>
	typeof given === 'number' ? given : given.reduce((sum, one) => sum + one, 0);

const tasmotaSensor = z.object({ENERGY: z.object({Power: power})});
const tasmotaMessage = z.union([tasmotaSensor, z.object({StatusSNS: tasmotaSensor})], {
	error: 'expected ENERGY.Power in watts',
});

const component = {error: 'expected a component of the plug'};
const shellySwitch = z.object(
	{apower: watts.nullish(), aenergy: z.object({total: wattHours.nullish()}, component).nullish()},
	component,
);
const shellyNotification = z.object({method: z.string(), params: z.record(z.string(), z.unknown()).optional()});
/** A number as firmware writes it: «6.42». */
const decimal = /^\s*[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?\s*$/iu;

function shellySays(text: string): PlugSays {
	const value: unknown = parsed(z.record(z.string(), z.unknown()), text);
	const notification = shellyNotification.safeParse(value);
	const {params} = notification.success ? notification.data : {params: undefined};
	// Notifications are about every component; PM devices without a relay call theirs «pm1».
	const told: unknown = notification.success ? (params?.['switch:0'] ?? params?.['pm1:0']) : value;
	if (told === undefined) {
		return {};
	}
	const {apower, aenergy} = parsed(shellySwitch, JSON.stringify(told));
	if (!notification.success && typeof apower !== 'number') {
		throw new Error('its message has no apower: this relay has no meter');
	}
	return {
		...(typeof apower === 'number' ? {watts: apower} : {}),
		...(typeof aenergy?.total === 'number' ? {joules: aenergy.total * 3600} : {}),
	};
}

export const plugLayouts = {
	tasmota: {
		topics(name) {
			const sensor = isTopic(name) ? name : `tele/${name}/SENSOR`;
			const base = /^(.*?)\btele\b(.*)\/SENSOR$/u.exec(sensor);
			const answers = base ? ['STATUS8', 'STATUS10'].map(kind => `${base[1]}stat${base[2]}/${kind}`) : [];
			return [sensor, ...answers];
		},
		read(text) {
			const message = parsed(tasmotaMessage, text);
			return {watts: total(('StatusSNS' in message ? message.StatusSNS : message).ENERGY.Power)};
		},
		holdMs: 90_000,
		method: 'power',
	},
	shelly1: {
		topics: name => [`${isTopic(name) ? name.replace(/\/power$/u, '') : `shellies/${name}/relay/0`}/power`],
		read(text) {
			const value = decimal.test(text) ? Number(text) : Number.NaN;
			if (!Number.isFinite(value)) {
				throw new Error(`it says «${text.slice(0, 60)}» instead of watts`);
			}
			return {watts: value};
		},
		holdMs: 90_000,
		method: 'power',
	},
	shelly2: {
		topics: name => (isTopic(name) ? [name] : [`${name}/status/switch:0`, `${name}/events/rpc`]),
		read: shellySays,
		holdMs: 150_000,
		method: 'counter',
	},
	zigbee2mqtt: {
		topics: name => [isTopic(name) ? name : `zigbee2mqtt/${name}`],
		read(text) {
			const {power: now} = parsed(z.object({power: watts.nullish()}), text);
			return typeof now === 'number' ? {watts: now} : {};
		},
		holdMs: 300_000,
		method: 'power',
	},
} as const satisfies Record<PlugKind, PlugLayout>;
