/** The agent's configuration: a file, `FPL_*` variables and flags become this, validated once. */
import {hostname} from 'node:os';
import {z} from 'zod';
import type {Frozen} from '../core/config/config.js';
import {parseMeterSpec} from '../core/energy/spec.js';
import {asFplError} from '../core/errors.js';
import {isId} from '../core/ids.js';
import {overridesSchema} from '../core/profile/schema.js';

const secret = z.string().min(1).max(1000);

export const agentSchema = z.strictObject({
	/** The device's name in the fleet; the host's name by default. */
	id: z
		.string()
		.refine(isId, 'expected 1–64 letters, digits, «-», «_» or «.»')
		.default(() =>
			hostname()
				.replaceAll(/[^A-Za-z0-9_.-]/gu, '-')
				.slice(0, 64),
		),
	broker: z.string().min(1).default('mqtt://127.0.0.1:1883'),
	username: secret.optional(),
	password: secret.optional(),
	/** PEM files for mqtts://. */
	tls: z.strictObject({ca: z.string().optional(), key: z.string().optional(), cert: z.string().optional()}).optional(),
	/** Keeps fleets on one broker apart. */
	namespace: z.string().refine(isId, 'expected 1–64 letters, digits, «-», «_» or «.»').default('fpl'),
	/** Name of the profile whose speed and link this agent takes on. */
	emulate: z.string().min(1).optional(),
	/** What of the emulated profile is otherwise, as devices of fleet files say it: «link: { preset: wifi, up: 20 Mbit/s }». */
	overrides: overridesSchema.optional(),
	engine: z.enum(['auto', 'onnxruntime', 'tfjs']).default('auto'),
	/** Computing threads; all cores by default. */
	threads: z.number().int().min(1).max(1024).optional(),
	/** What measures energy: a meter's name, `auto` (the best that is here, none for emulated devices) or `none`. */
	meter: z
		.string()
		.superRefine((text, context) => {
			try {
				parseMeterSpec(text);
			} catch (error) {
				const {expected = 'a meter', got = text, fix} = asFplError(error).facts;
				context.addIssue(`expected ${expected}, got ${got}.${fix === undefined ? '' : ` ${fix}`}`);
			}
		})
		.default('auto'),
	/** Broker of the smart plug, where it is not the fleet's. */
	meterBroker: z.string().min(1).optional(),
	/** Where this device keeps datasets: name → file or folder. */
	data: z.record(z.string(), z.string()).default({}),
	/** Where keys and models are kept. */
	state: z.string().min(1).optional(),
	logLevel: z.enum(['silent', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
});

export type AgentConfig = Frozen<z.output<typeof agentSchema>>;
