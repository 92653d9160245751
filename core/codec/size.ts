/** How many bytes tensors will take, for predicted ledgers. */
import {type Shape, sizeOf} from '../tensor/tensor.js';
import {channelsOf, int8Bytes, oneChannel} from './formats/int8.js';
import {bucketSize, gammaBits, packedWidth} from './formats/qsgd.js';
import {keptOf, remainderBits} from './formats/top-k.js';
import type {CodecSpec} from './spec.js';

/**
 * Bytes of a float32 tensor on a link, without the heads of bundles (12 bytes, the name and 4 bytes per dimension). Exact for
 * fp32, fp16, bf16 and int8; the mean for top-k (places at random) and qsgd (normally distributed values).
 */
export function expectedBytes(spec: CodecSpec, shape: Shape): number {
	const size = sizeOf(shape);
	return Math.min(4 * size, compressedBytes(spec, shape, size));
}

function compressedBytes(spec: CodecSpec, shape: Shape, size: number): number {
	switch (spec.kind) {
		case 'fp32':
			return 4 * size;
		case 'fp16':
		case 'bf16':
			return 2 * size;
		case 'int8':
			return int8Bytes(spec.per === 'channel' ? channelsOf(shape, size) : oneChannel(size), size);
		case 'top-k':
			return size === 0 ? 0 : topKBytes(size, keptOf(size, spec.ratio));
		case 'qsgd':
			return size === 0 ? 0 : qsgdBytes(size, spec.levels);
		default:
			return spec satisfies never;
	}
}

function topKBytes(size: number, kept: number): number {
	const width = remainderBits(size, kept);
	// A gap is geometric: its quotient by 2^width is at least q with probability (1 − kept/size)^(q · 2^width).
	const longer = (1 - kept / size) ** (2 ** width);
	const meanQuotient = longer / (1 - longer);
	return 8 + 4 * kept + Math.ceil((kept * (width + 1 + meanQuotient)) / 8);
}

function qsgdBytes(size: number, levels: number): number {
	const bucket = Math.min(size, bucketSize);
	const gamma = meanGammaBits(levels / Math.sqrt(bucket));
	const bits = size * Math.min(packedWidth(levels), gamma);
	return 8 + 4 * Math.ceil(size / bucketSize) + Math.ceil(bits / 8);
}

/** Of stochastically rounded `|z| · scale`, z standard normal, by the midpoint rule over |z| < 5. */
function meanGammaBits(scale: number): number {
	const steps = 2000;
	const width = 5 / steps;
	let mean = 0;
	for (let step = 0; step < steps; step++) {
		const z = (step + 0.5) * width;
		const level = Math.floor(z * scale);
		const above = z * scale - level;
		const bits = (1 - above) * gammaBits(level) + above * gammaBits(level + 1);
		mean += bits * Math.sqrt(2 / Math.PI) * Math.exp((-z * z) / 2) * width;
	}
	return mean;
}
