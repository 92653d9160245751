import test from 'ava';
import {parseMeterSpec} from '../../../core/energy/spec.js';

test('meters are named by a word, or a word and what belongs to it', t => {
	t.deepEqual(parseMeterSpec('auto'), {kind: 'auto'});
	t.deepEqual(parseMeterSpec(' none '), {kind: 'none'});
	t.deepEqual(parseMeterSpec('hwmon'), {kind: 'hwmon'});
	t.deepEqual(parseMeterSpec('hwmon:ina226'), {kind: 'hwmon', chip: 'ina226'});
	t.deepEqual(parseMeterSpec('plug:tasmota:desk'), {kind: 'plug', make: 'tasmota', topic: 'desk'});
	t.deepEqual(parseMeterSpec('plug:shelly2:lab/desk/status/switch:0'), {
		kind: 'plug',
		make: 'shelly2',
		topic: 'lab/desk/status/switch:0',
	});
});

test('anything else is refused with what is expected', t => {
	for (const [text, message] of [
		['rapll', /Did you mean «rapl»/u],
		['rapl:0', /auto, none, rapl/u],
		['', /auto, none, rapl/u],
		['hwmon:', /hwmon:CHIP/u],
		['plug', /plug:MAKE:TOPIC/u],
		['plug:tapo:desk', /one of tasmota, shelly1, shelly2, zigbee2mqtt/u],
		['plug:tasmota:', /plug:tasmota:desk/u],
		['plug:tasmota:tele/+/SENSOR', /without «\+» and «#»/u],
	] as const) {
		t.throws(() => parseMeterSpec(text), {code: 'CONFIG_VALUE', message}, text);
	}
});
