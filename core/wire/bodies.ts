/**
 * What messages may contain, as one schema per kind; `messages.proto` says what the fields mean. Decoders check every
 * message against these once; afterwards the types are trusted. Numbers are plain (64-bit fields up to 2⁵³ − 1).
 */
import {z} from 'zod';
import {type DeviceId, isId, type RunId} from '../ids.js';
import type {TransferPurpose} from './tensor-link.js';

/** Largest encoded message in bytes, a chunk of the largest size included. */
export const maxMessageBytes = 1024 * 1024 + 16 * 1024;
/** Largest data of one chunk in bytes. */
export const maxChunkBytes = 1024 * 1024;
/** Largest JSON text in a message, in UTF-16 code units. */
export const maxJsonLength = 1_000_000;
/** As long as `predictionJson` makes them at most. */
const maxPredictionLength = 300_000;
const maxProfileLength = 64 * 1024;
const maxTransferBytes = 2 ** 40;

const device = z.custom<DeviceId>(isId, 'not a device id');
const run = z.custom<RunId>(isId, 'not a run id');
const optionalRun = z.custom<RunId | ''>(value => value === '' || isId(value), 'neither a run id nor empty');
const name = z.string().min(1).max(64);
const optionalName = z.string().max(64);
const text = z.string().max(2000);
const json = z.string().max(maxJsonLength);
const transfer = z.string().min(1).max(128);
const optionalTransfer = z.string().max(128);
const whole = z.int().min(0);
const uint32 = z.int().min(0).max(0xffff_ffff);
const amount = z.number().min(0);
/** NaN and infinities allowed: a diverged loss must reach the coordinator. */
const anyNumber = z.custom<number>(value => typeof value === 'number', 'not a number');

const byteField = z.custom<Uint8Array>(value => value instanceof Uint8Array, 'not bytes');
/** Typed as `object`, since zod's own type of an empty object forbids the key `kind`. */
const nothing: z.ZodType<object> = z.object({});

/** An absent cost is nothing (proto3 leaves out what is zero). */
const cost = z
	.object({seconds: amount, joules: amount})
	.nullish()
	.transform(given => given ?? {seconds: 0, joules: 0});
const sending = z.object({to: device, wireBytes: whole, linkBytes: whole, seconds: amount, transfers: uint32});
const purpose: z.ZodType<TransferPurpose> = z.discriminatedUnion('kind', [
	z.object({kind: z.literal('model'), run: optionalRun, digest: z.string().max(128)}),
	z.object({kind: z.literal('weights'), run, round: uint32}),
	z.object({
		kind: z.literal('contribution'),
		run,
		round: uint32,
		attempt: uint32,
		weight: amount,
		parameters: whole,
		buffers: whole,
		key: optionalTransfer,
	}),
	z.object({kind: z.literal('file'), run: optionalRun, name: z.string().max(256), digest: z.string().max(128)}),
	z.object({
		kind: z.literal('boundary'),
		run,
		attempt: uint32,
		step: uint32,
		key: transfer,
		digest: z.string().max(128),
	}),
	z.object({kind: z.literal('state'), run, attempt: uint32, key: transfer}),
]);

const fetchable = z.enum(['ledger', 'model', 'events', 'predictions', 'prediction']);

export const bodySchemas = {
	birth: z.object({
		device,
		installation: name,
		incarnation: whole,
		session: name,
		softwareVersion: optionalName,
		protocol: uint32,
		profile: z.string().max(maxProfileLength),
		emulated: optionalName,
		engines: z.array(name).max(16),
		datasets: z.array(name).max(64),
		state: z.enum(['idle', 'busy']),
		run: optionalRun,
		codecs: z.array(name).max(64),
		holdings: z
			.array(z.object({dataset: name, items: whole}))
			.max(64)
			.readonly()
			.optional(),
	}),
	death: z.object({device, session: name, because: text}),
	probe: nothing,
	probeReply: z.object({device, installation: name, incarnation: whole, session: name}),
	telemetry: z.object({
		load: amount,
		memoryBytes: whole,
		memoryTotalBytes: whole,
		uptimeSeconds: amount,
		bytesSent: whole,
		bytesReceived: whole,
		watts: amount.optional(),
		temperatureCelsius: z.number().optional(),
		joules: amount.optional(),
		energySource: optionalName,
		run: optionalRun,
	}),

	assign: z.object({
		run,
		attempt: uint32,
		job: json,
		plan: json,
		partition: json,
		stage: uint32,
		replica: uint32,
		share: z.number().min(0).max(1),
		modelDigest: z.string().max(128),
		modelTransfer: optionalTransfer,
		deadlineMs: uint32,
	}),
	startRound: z.object({
		run,
		attempt: uint32,
		round: uint32,
		firstStep: uint32,
		steps: uint32,
		localEpochs: uint32,
		weightsVersion: uint32,
		weightsTransfer: optionalTransfer,
		lrScales: z.array(z.number()).max(100_000),
		batches: json,
		deadlineMs: uint32,
	}),
	release: z.object({run, because: text}),
	ping: nothing,
	proceed: z.object({run, attempt: uint32, orders: json, deadlineMs: uint32}),
	hold: z.object({run, attempt: uint32}),

	ack: nothing,
	ready: z.object({run, attempt: uint32, items: whole}),
	failed: z.object({run, attempt: uint32, code: name, facts: json}),
	roundReport: z.object({
		run,
		attempt: uint32,
		round: uint32,
		loss: anyNumber,
		items: whole,
		steps: uint32,
		correct: whole,
		phases: z.object({compute: cost, send: cost, receive: cost, wait: cost, idle: cost}),
		radioJoules: amount,
		energySource: optionalName,
		bytesSent: whole,
		bytesReceived: whole,
		peakMemoryBytes: whole,
		transfer: optionalTransfer,
		parts: json,
		meteredSeconds: amount.optional(),
		modelledJoules: amount.optional(),
		meterNote: text,
		batteryJoules: amount.optional(),
		sendings: z.array(sending).max(1000).readonly().optional(),
	}),
	held: z.object({run, attempt: uint32, steps: uint32}),

	submit: z.object({
		job: json,
		plan: json,
		resume: optionalRun,
		modelDigest: z.string().max(128),
		prediction: z.string().max(maxPredictionLength).optional(),
	}),
	accepted: z.object({run}),
	refused: z.object({code: name, facts: json}),
	listDevices: nothing,
	deviceList: z.object({devices: json}),
	listRuns: nothing,
	runList: z.object({runs: json}),
	watch: z.object({run, fromSequence: uint32}),
	runEvent: z.object({run, sequence: uint32, event: json}),
	fetch: z.object({run, what: fetchable}),
	fetchReply: z.object({run, what: fetchable, content: json, transfer: optionalTransfer}),
	stop: z.object({run}),
	infer: z.object({run: optionalRun, job: json, plan: json, modelDigest: z.string().max(128), options: json}),

	begin: z.object({
		transfer,
		bytes: whole.max(maxTransferBytes),
		chunkBytes: z.int().min(1).max(maxChunkBytes),
		purpose,
		crc: uint32,
		data: byteField,
	}),
	chunk: z.object({transfer, sequence: uint32, crc: uint32, ask: z.boolean(), data: byteField}),
	chunkAck: z.object({
		transfer,
		cumulative: uint32,
		bitmap: byteField,
		chunkBytes: z.int().min(0).max(maxChunkBytes),
		window: uint32,
		complete: z.boolean(),
		refused: text,
		unknown: z.boolean(),
	}),
	cancel: z.object({transfer, because: text}),
} as const satisfies Record<string, z.ZodType>;

export type Kind = keyof typeof bodySchemas;
export const kinds = Object.keys(bodySchemas) as readonly Kind[];

/** One body by its kind: `BodyOf<'startRound'>`. */
export type BodyOf<K extends Kind> = K extends Kind
	? {readonly kind: K} & Readonly<z.output<(typeof bodySchemas)[K]>>
	: never;
export type Body = BodyOf<Kind>;
