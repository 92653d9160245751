/** Which meter a device is to use, as people write it: «auto», «rapl», «hwmon:ina226», «plug:tasmota:desk». */
import {FplError} from '../errors.js';
import {nearest} from '../nearest.js';
import {type PlugKind, plugKinds} from './plug-payloads.js';

export type MeterSpec =
	/** The best that is here, or none. */
	| {readonly kind: 'auto'}
	/** Energy is modelled. */
	| {readonly kind: 'none'}
	| {readonly kind: 'rapl' | 'ina3221' | 'pmic' | 'battery'}
	| {readonly kind: 'hwmon'; readonly chip?: string}
	| {readonly kind: 'plug'; readonly make: PlugKind; readonly topic: string};

const simple = ['auto', 'none', 'rapl', 'ina3221', 'pmic', 'battery'] as const;

export const meterSpecForms = `${simple.join(', ')}, hwmon, hwmon:CHIP or plug:MAKE:TOPIC with MAKE one of ${plugKinds.join(', ')}`;

const includes = <T extends string>(list: readonly T[], text: string | undefined): text is T =>
	(list as readonly (string | undefined)[]).includes(text);

/** @throws FplError `CONFIG_VALUE` naming `where`. */
export function parseMeterSpec(text: string, where = 'meter'): MeterSpec {
	const [kind, make, ...rest] = text.trim().split(':');
	const refuse = (expected: string, fix?: string): never => {
		throw new FplError('CONFIG_VALUE', {where, expected, got: `«${text}»`, ...(fix === undefined ? {} : {fix})});
	};
	if (kind === 'plug') {
		if (!includes(plugKinds, make)) {
			return refuse(`plug:MAKE:TOPIC with MAKE one of ${plugKinds.join(', ')}`);
		}
		// Topics of second-generation Shellies have colons of their own.
		const topic = rest.join(':');
		if (topic === '' || topic.length > 256 || /[+#\0]/u.test(topic)) {
			return refuse("the plug's name or a topic without «+» and «#»", `Write for instance «plug:${make}:desk».`);
		}
		return {kind, make, topic};
	}
	if (kind === 'hwmon' && rest.length === 0 && make !== '') {
		return make === undefined ? {kind} : {kind, chip: make};
	}
	if (includes(simple, kind) && make === undefined) {
		return {kind};
	}
	const near = nearest(text, [...simple, 'hwmon', 'plug']);
	return refuse(meterSpecForms, near === undefined ? undefined : `Did you mean «${near}»?`);
}
