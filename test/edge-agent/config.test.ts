import test from 'ava';
import {readConfig} from '../../core/config/config.js';
import {agentSchema} from '../../edge-agent/config.js';

test('a meter that nobody knows is refused with what came and what may have been meant', t => {
	const read = (meter: string) => readConfig(agentSchema, {flags: {id: 'cam-1', meter}});
	t.is(read('plug:tasmota:desk').meter, 'plug:tasmota:desk');
	t.throws(() => read('rpal'), {
		message: /flag «meter»: expected auto, none, rapl, .* got «rpal»\. Did you mean «rapl»\?/u,
	});
	t.throws(() => read('plug:tasmata:desk'), {
		message: /flag «meter»: expected plug:MAKE:TOPIC .* got «plug:tasmata:desk»/u,
	});
});
