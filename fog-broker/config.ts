/** The fog broker's configuration: a file, `FPL_*` variables and flags become this, validated once. */
import {z} from 'zod';
import type {Frozen} from '../core/config/config.js';
import {expectedDevice, isId} from '../core/ids.js';

const secret = z.string().min(1).max(1000);

export const brokerSchema = z.strictObject({
	/** Where the embedded broker listens; port 0 picks a free one. */
	listen: z.string().min(1).default('mqtt://127.0.0.1:1883'),
	/** URL of an MQTT 3.1.1 broker to use instead of the embedded one. */
	external: z.string().min(1).optional(),
	username: secret.optional(),
	password: secret.optional(),
	tls: z.strictObject({ca: z.string().optional(), key: z.string().optional(), cert: z.string().optional()}).optional(),
	/** Who may connect to the embedded broker; everybody when absent. */
	users: z
		.array(
			z.strictObject({
				username: secret,
				password: secret,
				device: z.string().refine(isId, expectedDevice).optional(),
			}),
		)
		.optional(),
	namespace: z.string().refine(isId, 'expected 1–64 letters, digits, «-», «_» or «.»').default('fpl'),
	/** Profile of the machine the broker runs on, for the energy of coordinating. */
	profile: z.string().min(1).default('server-core'),
	engine: z.enum(['auto', 'onnxruntime', 'tfjs']).default('auto'),
	threads: z.number().int().min(1).max(1024).optional(),
	/** Also runs an agent on this machine, under this name: stages can then be placed here. */
	agent: z.string().refine(isId, expectedDevice).optional(),
	/** Where runs are kept. */
	state: z.string().min(1).optional(),
	logLevel: z.enum(['silent', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
});

export type BrokerConfig = Frozen<z.output<typeof brokerSchema>>;
