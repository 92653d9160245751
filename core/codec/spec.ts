/** How the tensors of a link are compressed, as plan documents say it: a name, or an object with the codec's settings. */
import {z} from 'zod';
import type {Frozen} from '../config/config.js';

/** Rounding to the nearest has the smaller error; stochastic rounding is right on average. */
const rounding = z.enum(['nearest', 'stochastic']).default('nearest');

const codecs = z.discriminatedUnion('kind', [
	/** As they are: 4 bytes per element, no error. */
	z.strictObject({kind: z.literal('fp32')}),
	/** IEEE 754 binary16: 2 bytes, 11 significant bits, up to 65504. */
	z.strictObject({kind: z.literal('fp16')}),
	/** The upper half of a float32: 2 bytes, 8 significant bits, the range of float32. */
	z.strictObject({kind: z.literal('bf16')}),
	/** 255 even steps between ± the largest magnitude, of the tensor or of each channel (axis 1): 1 byte. */
	z.strictObject({kind: z.literal('int8'), per: z.enum(['tensor', 'channel']).default('tensor'), rounding}),
	/** Only the largest magnitudes (Stich et al. 2018); what is left out is added to the stream's next tensor. */
	z.strictObject({
		kind: z.literal('top-k'),
		/** Part of the elements that is sent; at least one element is. */
		ratio: z.number().min(1e-6).max(1).default(0.01),
		/** Without it, what is left out is lost: for activations, whose items change from step to step. */
		errorFeedback: z.boolean().default(true),
	}),
	/** Stochastic quantisation to `levels` steps of the norm (Alistarh et al. 2017), in buckets of 512 elements. */
	z.strictObject({kind: z.literal('qsgd'), levels: z.number().int().min(1).max(32_767).default(127)}),
]);

/** The codecs that this version reads and writes: what an agent announces. */
export const codecNames = ['fp32', 'fp16', 'bf16', 'int8', 'top-k', 'qsgd'] as const satisfies readonly CodecName[];

/** A codec in a plan document: `fp16` is short for `{kind: fp16}`; settings that are not written have defaults. */
export const codecSpec = z.preprocess((value, context) => {
	if (typeof value !== 'string') {
		return value;
	}
	if (!codecNames.some(name => name === value)) {
		// Told here, where the text still is in its place.
		context.issues.push({code: 'invalid_value', values: [...codecNames], input: value});
		return z.NEVER;
	}
	return {kind: value};
}, codecs);

export type CodecSpec = Frozen<z.output<typeof codecs>>;
export type CodecName = CodecSpec['kind'];

/** The codecs among `specs` that a peer which announced `known` does not understand; each once, in order. */
export const unknownCodecs = (specs: readonly {readonly kind: string}[], known: readonly string[]): string[] => [
	...new Set(specs.map(({kind}) => kind).filter(kind => !known.includes(kind))),
];

/** As a person says it: «int8 per channel, stochastic», «top-k 1 %». */
export function describeCodec(spec: CodecSpec): string {
	switch (spec.kind) {
		case 'fp32':
		case 'fp16':
		case 'bf16':
			return spec.kind;
		case 'int8':
			return `int8 per ${spec.per}${spec.rounding === 'stochastic' ? ', stochastic' : ''}`;
		case 'top-k':
			return `top-k ${+(100 * spec.ratio).toPrecision(3)} %${spec.errorFeedback ? '' : ' without error feedback'}`;
		case 'qsgd':
			return `qsgd with ${spec.levels} ${spec.levels === 1 ? 'level' : 'levels'}`;
		default:
			return spec satisfies never;
	}
}
