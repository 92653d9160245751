import test from 'ava';
import fc from 'fast-check';
import {z} from 'zod';
import {parseValue, readConfig, variableName} from '../../../core/config/config.js';
import {parseConfigText} from '../../../core/config/document.js';
import {FplError} from '../../../core/errors.js';
import {quantity} from '../../../core/plan/quantity.js';

const schema = z.strictObject({
	id: z.string().min(1).default('agent'),
	threads: z.number().int().min(1).max(64).default(2),
	verbose: z.boolean().default(false),
	link: z
		.strictObject({
			upRate: quantity('rate').default(1e6),
			latency: quantity('time').optional(),
			medium: z.enum(['ethernet', 'wifi', 'lte']).default('wifi'),
		})
		.prefault({}),
	optimizer: z
		.discriminatedUnion('kind', [
			z.strictObject({kind: z.literal('sgd'), lr: z.number().positive(), momentum: z.number().default(0)}),
			z.strictObject({kind: z.literal('adam'), lr: z.number().positive(), beta1: z.number().default(0.9)}),
		])
		.default({kind: 'sgd', lr: 0.1, momentum: 0}),
	peers: z.array(z.strictObject({id: z.string(), battery: quantity('energy').optional()})).default([]),
	shape: z.union([z.string(), z.strictObject({width: z.number()})]).optional(),
});

const fromYaml = (text: string, rest: Omit<Parameters<typeof readConfig>[1], 'document'> = {}) =>
	readConfig(schema, {document: parseConfigText(text, 'fleet.yaml'), ...rest});

const failure = (run: () => unknown): FplError => {
	try {
		run();
	} catch (error) {
		if (error instanceof FplError) {
			return error;
		}
		throw error;
	}
	throw new Error('nothing was thrown');
};

test('defaults < file < environment < flags', t => {
	t.is(readConfig(schema, {}).threads, 2);
	t.is(fromYaml('threads: 3').threads, 3);
	t.is(fromYaml('threads: 3', {env: {FPL_THREADS: '4'}}).threads, 4);
	t.is(fromYaml('threads: 3', {env: {FPL_THREADS: '4'}, flags: {threads: '5'}}).threads, 5);
	t.is(fromYaml('threads: 3', {env: {FPL_THREADS: ''}, flags: {threads: undefined}}).threads, 3);
});

test('keys are suggested of the alternative that is meant', t => {
	const {facts, code} = failure(() => fromYaml('optimizer: {kind: adam, lr: 0.1, momentum: 0.9}'));
	t.is(code, 'CONFIG_KEY');
	t.is(facts.fix, 'Known are «kind», «lr», «beta1».');
	t.is(failure(() => fromYaml('optimizer: adam')).facts.fix, 'Write «{ kind: adam }».');
	t.is(failure(() => fromYaml('optimizer: {kind: sgd, lr: 0.1, momentun: 0.9}')).facts.fix, 'Did you mean «momentum»?');
});

test('sources meet key by key in nested objects', t => {
	const config = fromYaml('link: {upRate: 40 Mbit/s, medium: lte}', {
		env: {FPL_LINK_MEDIUM: 'ethernet'},
		flags: {link: {latency: '4 ms'}},
	});
	t.deepEqual(config.link, {upRate: 5e6, latency: 0.004, medium: 'ethernet'});
});

test('another kind replaces the object, so that no key of the old kind is left over', t => {
	const yaml = 'optimizer: {kind: sgd, lr: 0.1, momentum: 0.9}';
	t.deepEqual(fromYaml(yaml, {flags: {optimizer: {kind: 'adam', lr: '0.01'}}}).optimizer, {
		kind: 'adam',
		lr: 0.01,
		beta1: 0.9,
	});
	t.like(fromYaml(yaml, {flags: {optimizer: {lr: '0.01'}}}).optimizer, {kind: 'sgd', lr: 0.01, momentum: 0.9});
});

test('texts become what their key wants', t => {
	const config = readConfig(schema, {
		env: {FPL_ID: '123', FPL_VERBOSE: 'true', FPL_PEERS: '[{id: cam-1, battery: 36 kJ}]'},
		flags: {optimizer: {kind: 'sgd', lr: '1e-3'}},
	});
	t.like(config, {id: '123', verbose: true, optimizer: {kind: 'sgd', lr: 0.001, momentum: 0}});
	t.deepEqual(config.peers, [{id: 'cam-1', battery: 36_000}]);
});

test('variables are named after keys', t => {
	t.is(variableName(['link', 'upRate']), 'LINK_UP_RATE');
	t.is(variableName(['a', 'b-c']), 'A_B_C');
});

test('the result is frozen all the way down', t => {
	const config = fromYaml('peers: [{id: a}]');
	t.true(Object.isFrozen(config));
	t.true(Object.isFrozen(config.link));
	t.true(Object.isFrozen(config.peers[0]));
});

test('an empty file says nothing', t => {
	t.is(fromYaml('').threads, 2);
	t.is(fromYaml('# only a remark\n').threads, 2);
});

test('JSON is read too', t => {
	t.is(fromYaml('{\n\t"threads": 7,\n\t"link": {"medium": "lte"}\n}').link.medium, 'lte');
});

const message = test.macro({
	exec(t, yaml: string, code: string, parts: readonly string[]) {
		const error = failure(() => fromYaml(yaml));
		t.is(error.code, code as FplError['code']);
		for (const part of parts) {
			t.true(error.message.includes(part), `«${part}» is not in: ${error.message}`);
		}
	},
	title: (_, yaml) => `the error names place and remedy: ${String(yaml).slice(0, 60).replaceAll('\n', '⏎')}`,
});

test(message, 'thraeds: 3', 'CONFIG_KEY', ['fleet.yaml:1:10, thraeds', 'Did you mean «threads»?']);
test(message, 'id: x\npeers:\n  - id: a\n    batery: 3 kJ', 'CONFIG_KEY', [
	'fleet.yaml:4:13, peers[0].batery',
	'Did you mean «battery»?',
]);
test(message, 'optimizer: {kind: adam, lr: 1, beta: 1}', 'CONFIG_KEY', ['optimizer.beta', 'Did you mean «beta1»?']);
test(message, 'link: {qqqq: 1}', 'CONFIG_KEY', ['Known are «upRate», «latency», «medium».']);
test(message, 'shape: {widht: 1}', 'CONFIG_KEY', ['shape.widht', 'Did you mean «width»?']);
test(message, 'threads: many', 'CONFIG_VALUE', ['fleet.yaml:1:10, threads', 'expected a number, got «many»']);
test(message, 'threads: 0', 'CONFIG_VALUE', ['at least 1', 'got 0']);
test(message, 'threads: 1000', 'CONFIG_VALUE', ['at most 64']);
test(message, 'threads: 1.5', 'CONFIG_VALUE', ['an integer', 'got 1.5']);
test(message, 'threads: .nan', 'CONFIG_VALUE', ['got NaN']);
test(message, 'id: ""', 'CONFIG_VALUE', ['at least 1 characters']);
test(message, 'link: {medium: wify}', 'CONFIG_VALUE', [
	'link.medium',
	'one of «ethernet», «wifi»',
	'Did you mean «wifi»?',
]);
test(message, 'link: {upRate: 40}', 'CONFIG_VALUE', ['link.upRate', 'a number with its unit', 'got 40']);
test(message, 'optimizer: {kind: sdg, lr: 1}', 'CONFIG_VALUE', [
	'optimizer.kind',
	'«sgd», «adam»',
	'Did you mean «sgd»?',
]);
test(message, 'optimizer: {kind: sgd}', 'CONFIG_VALUE', ['optimizer.lr', 'a number', 'got nothing']);
test(message, 'shape: 3', 'CONFIG_VALUE', ['shape', 'text or a mapping', 'got 3']);
test(message, 'peers: 3', 'CONFIG_VALUE', ['peers', 'a list', 'got 3']);
test(message, 'threads: many\nid: 3\nverbose: 1', 'CONFIG_VALUE', ['Also wrong: «']);
test(message, '- a list', 'CONFIG_VALUE', ['fleet.yaml', 'a mapping of keys to values', 'a list of 1']);
test(message, 'threads: 3\n  bad: indentation', 'CONFIG_FILE', ['fleet.yaml:1:10', 'Nested mappings']);
test(message, 'a: [1, 2', 'CONFIG_FILE', ['fleet.yaml:1:']);
test(message, 'threads: 1\nthreads: 2', 'CONFIG_FILE', ['fleet.yaml:2:1', 'unique']);
test(message, '__proto__: {polluted: 1}', 'CONFIG_KEY', ['__proto__']);
test(message, `"a\\u0007${'b'.repeat(200)}": 1`, 'CONFIG_KEY', ['�bb', '…']);

test('an error names the variable or flag that is to blame, not the file', t => {
	t.true(failure(() => fromYaml('threads: 3', {env: {FPL_THREADS: 'x'}})).message.includes('variable FPL_THREADS'));
	t.true(failure(() => fromYaml('threads: 3', {flags: {threads: 'x'}})).message.includes('flag «threads»'));
	t.true(failure(() => fromYaml('threads: 3', {flags: {thread: '1'}})).message.includes('Did you mean «threads»?'));
});

test('a slip in a variable is an error; variables of others are left alone', t => {
	const error = failure(() => readConfig(schema, {env: {FPL_THRAEDS: '3'}}));
	t.is(error.code, 'CONFIG_KEY');
	t.true(error.message.includes('«FPL_THREADS»'));
	t.notThrows(() => readConfig(schema, {env: {FPL_DATA_DIR: '/data', HOME: '/root', FPL_LOG: 'debug', FPL_: ''}}));
});

test('the caller chooses the code of bad values', t => {
	const error = failure(() => parseValue(schema, {threads: 0}, 'stored profile', 'JOB_INVALID'));
	t.is(error.code, 'JOB_INVALID');
	t.true(error.message.includes('stored profile, threads'));
});

test('a secret is not repeated in an error', t => {
	const withSecret = z.strictObject({broker: z.strictObject({password: z.string().min(8)})});
	for (const password of ['hunter2', 31_415_926, ['hunter2']]) {
		const {message: text} = failure(() => parseValue(withSecret, {broker: {password}}, 'agent.yaml'));
		t.true(text.includes('agent.yaml, broker.password: expected'), text);
		t.true(text.includes('not shown'), text);
		t.false(/hunter2|31415926/u.test(text), text);
	}
});

test('aliases cannot multiply without bound, and depth cannot exhaust the stack', t => {
	const lines = ['a: &a [x, x, x, x, x, x, x, x, x]'];
	for (const [name, last] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf', 'hg'].map(pair => [...pair])) {
		lines.push(`${name}: &${name} [${Array.from({length: 9}, () => `*${last}`).join(', ')}]`);
	}
	t.is(failure(() => parseConfigText(lines.join('\n'), 'laughs.yaml')).code, 'CONFIG_FILE');
	t.is(failure(() => parseConfigText('['.repeat(200_000), 'deep.yaml')).code, 'CONFIG_FILE');
	t.is(failure(() => parseConfigText(' '.repeat(5_000_000), 'big.yaml')).code, 'CONFIG_FILE');
});

test('whatever the text, the answer is a valid value or an FplError', t => {
	const key = fc.constantFrom('threads', 'link', 'peers', 'optimizer', 'id', 'x', '__proto__', 'constructor');
	const text = fc.oneof(
		fc.string({maxLength: 200}),
		fc.dictionary(key, fc.jsonValue({maxDepth: 3})).map(value => JSON.stringify(value)),
	);
	t.notThrows(() =>
		fc.assert(
			fc.property(text, written => {
				try {
					fromYaml(written);
				} catch (error) {
					return error instanceof FplError && error.code.startsWith('CONFIG_');
				}
				return true;
			}),
			{numRuns: 500},
		),
	);
});
