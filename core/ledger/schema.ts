/** Reads a ledger from JSON: what a run stored, or what another program made. */
import {z} from 'zod';
import {parseJson, parseValue} from '../config/config.js';
import {type Ledger, type Phase, phases} from './ledger.js';

const amount = z.number().min(0);
const count = z.number().int().min(0);
/** JSON has no NaN; a loss that stopped being a number was written as null. */
const loss = z
	.number()
	.nullable()
	.transform(value => value ?? Number.NaN);
const text = z.string().max(10_000);
const share = z.number().min(0).max(1);

const cost = z.object({seconds: amount, joules: amount});

const device = z.object({
	device: text,
	profile: text,
	emulated: z.boolean(),
	role: text,
	phases: z.object(Object.fromEntries(phases.map(phase => [phase, cost])) as Record<Phase, typeof cost>),
	radioJoules: amount,
	joules: amount,
	energySource: text,
	metering: z.object({meteredSeconds: amount, modelledSeconds: amount, modelledJoules: amount}).optional(),
	batteryJoules: amount.optional(),
	bytesSent: amount,
	bytesReceived: amount,
	items: count,
	peakMemoryBytes: amount.optional(),
	roundsAsked: count,
	roundsDone: count,
	codecs: z.object({saturated: count, nonFinite: count, bytesBefore: amount, bytesAfter: amount}).optional(),
});

const timeline = z.object({
	step: count,
	milliseconds: amount,
	oneClock: z.boolean().optional(),
	passes: z
		.array(
			z.object({
				device: text,
				stage: count,
				replica: count,
				kind: z.enum(['forward', 'backward', 'learn']),
				micro: count,
				from: z.number(),
				to: z.number(),
			}),
		)
		.max(100_000),
});

const round = z.object({
	round: count,
	step: count,
	epoch: amount,
	at: amount,
	seconds: amount,
	loss,
	accuracy: share.optional(),
	testLoss: loss.optional(),
	bytes: amount,
	joules: amount,
	devices: z.array(text).max(100_000),
});

const inference = z.object({
	items: count,
	seconds: amount,
	itemsPerSecond: amount,
	latencyMs: z.object({p50: amount, p95: amount, p99: amount, max: amount}),
	accuracy: share.optional(),
	batch: count,
	inFlight: count,
});

export const ledgerSchema = z.object({
	version: z.literal(1),
	kind: z.enum(['measured', 'predicted']),
	run: text,
	model: text,
	dataset: text,
	scheme: text,
	startedAt: text,
	seconds: amount,
	rounds: z.array(round).max(1_000_000),
	devices: z.array(device).max(100_000),
	notes: z.array(z.object({at: amount, device: text.optional(), text})).max(1_000_000),
	timeline: timeline.optional(),
	inference: inference.optional(),
	final: z.object({
		loss,
		accuracy: share.optional(),
		state: z.enum(['done', 'failed', 'interrupted', 'running']),
		because: text.optional(),
	}),
});

/**
 * Keys that this version does not know are dropped, so that ledgers of later versions with more in them can be read.
 * @throws FplError `CONFIG_VALUE` naming `where` and the path inside the ledger.
 */
export const parseLedger = (value: unknown, where = 'ledger'): Ledger =>
	// zod types absent keys as `undefined`; ours are absent.
	parseValue(ledgerSchema, value, where) as Ledger;

/** The same from a text. @throws FplError `CONFIG_VALUE`. */
export const readLedger = (json: string, where = 'ledger'): Ledger => parseLedger(parseJson(json, where), where);
