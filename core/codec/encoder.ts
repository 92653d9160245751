/** Compresses the tensors that go one way over one link, and counts what that did to them. */
import type {Random} from '../random.js';
import {bytesOf, type Tensor} from '../tensor/tensor.js';
import type {EncodedTensor, Format} from './encoded.js';
import {countSaturated, encodeBf16, encodeFp16, largestBf16, largestFp16} from './formats/half.js';
import {channelsOf, encodeInt8, oneChannel} from './formats/int8.js';
import {encodeInt64} from './formats/integers.js';
import {encodeQsgd} from './formats/qsgd.js';
import {encodeTopK, keptOf, largestPositions} from './formats/top-k.js';
import {defaultResidualLimits, type ResidualLimits, Residuals} from './residuals.js';
import type {CodecSpec} from './spec.js';
import {countBeyond, infinityBits, largestPattern} from './values.js';

/** Since the encoder was made. */
export interface CodecStatistics {
	readonly tensors: number;
	readonly elements: number;
	/** Finite float32 elements that were clamped, since they lie beyond what the codec can say. */
	readonly saturated: number;
	/** Infinities and NaNs among the float32 elements. */
	readonly nonFinite: number;
	/** Tensors that int8, top-k or qsgd sent as fp32, since they have values that are not finite (or a norm that is not). */
	readonly uncompressed: number;
	/** Residuals of error feedback that were lost: too many of them, a changed size, a tensor that is not finite. */
	readonly residualsDropped: number;
	/** Bytes of tensor data before and after, without the heads of bundles. */
	readonly bytesBefore: number;
	readonly bytesAfter: number;
}

/** Made per link and direction. */
export interface TensorEncoder {
	readonly spec: CodecSpec;
	readonly statistics: CodecStatistics;
	/**
	 * `stream` names what tensors follow each other, as «gradients of stage 1»; error feedback goes from one tensor of a
	 * stream to its next. Each call counts as sending: to send again, keep the encoded tensor. Other types than float32
	 * lose nothing.
	 */
	encode(stream: string, tensor: Tensor): EncodedTensor;
	/** Forgets the residuals of error feedback, as when a run begins anew. Statistics go on. */
	reset(): void;
}

interface Compressed {
	readonly format: Format;
	readonly data: Uint8Array;
}

/** `random` decides in stochastic codecs only. */
export function createEncoder(
	spec: CodecSpec,
	random: Random,
	limits: ResidualLimits = defaultResidualLimits,
): TensorEncoder {
	const residuals = new Residuals(limits);
	const counts = {
		tensors: 0,
		elements: 0,
		saturated: 0,
		nonFinite: 0,
		uncompressed: 0,
		bytesBefore: 0,
		bytesAfter: 0,
	};

	function topK(
		stream: string,
		values: Float32Array,
		{ratio, errorFeedback}: Extract<CodecSpec, {kind: 'top-k'}>,
	): Compressed | undefined {
		const kept = keptOf(values.length, ratio);
		if (!errorFeedback) {
			return {format: 'top-k', data: encodeTopK(values, largestPositions(values, kept))};
		}
		const owed = residuals.take(stream, values.length);
		for (let index = 0; index < owed.length; index++) {
			owed[index] = owed[index]! + values[index]!;
		}
		if (largestPattern(owed) >= infinityBits) {
			residuals.dropped++;
			return undefined;
		}
		const positions = largestPositions(owed, kept);
		const data = encodeTopK(owed, positions);
		if (data.length >= values.byteLength) {
			// All that is owed goes out at once, and nothing remains.
			return {format: 'raw', data: bytesOf({data: owed})};
		}
		for (let index = 0; index < kept; index++) {
			owed[positions[index]!] = 0;
		}
		residuals.keep(stream, owed);
		return {format: 'top-k', data};
	}

	/** Undefined: to be sent as it is. */
	function compress(stream: string, tensor: Tensor<'float32'>): Compressed | undefined {
		const values = tensor.data;
		const largest = largestPattern(values);
		const nonFinite = largest < infinityBits ? 0 : countBeyond(values, infinityBits - 1);
		counts.nonFinite += nonFinite;
		if (spec.kind === 'fp32' || values.length === 0) {
			return undefined;
		}
		if (spec.kind === 'fp16') {
			counts.saturated += countSaturated(values, largest, largestFp16, nonFinite);
			return {format: 'fp16', data: encodeFp16(values, largest)};
		}
		if (spec.kind === 'bf16') {
			counts.saturated += countSaturated(values, largest, largestBf16, nonFinite);
			return {format: 'bf16', data: encodeBf16(values, largest)};
		}
		if (nonFinite > 0) {
			counts.uncompressed++;
			residuals.drop(stream);
			return undefined;
		}
		const compressed = scaled(stream, tensor);
		counts.uncompressed += compressed ? 0 : 1;
		return compressed;
	}

	/** By the codecs that need finite values. */
	function scaled(stream: string, {data: values, shape}: Tensor<'float32'>): Compressed | undefined {
		switch (spec.kind) {
			case 'int8': {
				const rounding = {rounding: spec.rounding, random};
				return spec.per === 'channel'
					? {format: 'int8-channel', data: encodeInt8(values, channelsOf(shape, values.length), rounding)}
					: {format: 'int8', data: encodeInt8(values, oneChannel(values.length), rounding)};
			}
			case 'top-k':
				return topK(stream, values, spec);
			case 'qsgd': {
				const data = encodeQsgd(values, spec.levels, random);
				return data && {format: 'qsgd', data};
			}
			case 'fp32':
			case 'fp16':
			case 'bf16':
				return undefined;
			default:
				return spec satisfies never;
		}
	}

	return {
		spec,
		get statistics() {
			return {...counts, residualsDropped: residuals.dropped};
		},
		encode(stream, tensor) {
			const {dtype, shape} = tensor;
			const before = bytesOf(tensor);
			const compressed =
				tensor.dtype === 'float32'
					? compress(stream, tensor)
					: tensor.dtype === 'int64'
						? encodeInt64(tensor.data)
						: undefined;
			// Of few elements a codec may make more bytes than there were.
			const smaller = compressed && (compressed.format === 'raw' || compressed.data.length < before.length);
			const {format, data}: Compressed = smaller ? compressed : {format: 'raw', data: before};
			counts.tensors++;
			counts.elements += tensor.data.length;
			counts.bytesBefore += before.length;
			counts.bytesAfter += data.length;
			return {dtype, shape, format, data};
		},
		reset: () => residuals.clear(),
	};
}
