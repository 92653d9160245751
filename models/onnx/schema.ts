/** The ONNX schema, loaded into protobufjs, and what both reading and writing need of it. */
import protobuf from 'protobufjs';
import {descriptor, type Int64} from './onnx_pb.js';

const root = protobuf.Root.fromJSON(descriptor);

export const ModelMessage = root.lookupType('onnx.ModelProto');

/** A 64-bit integer as a plain number; above 2^53 the nearest one. */
export const toNumber = (value: Int64): number =>
	typeof value === 'number' ? value : (value.unsigned ? value.high >>> 0 : value.high) * 2 ** 32 + (value.low >>> 0);

/** A 64-bit integer, exactly. */
export const toBigInt = (value: Int64): bigint =>
	typeof value === 'number'
		? BigInt(value)
		: (BigInt(value.unsigned ? value.high >>> 0 : value.high) << 32n) | BigInt(value.low >>> 0);

/** The other way round, for any whole number that a double holds; saturates at the ends of the int64 range. */
export function toInt64(value: number): Int64 {
	const whole = BigInt(value);
	const clamped = whole >= 2n ** 63n ? 2n ** 63n - 1n : whole < -(2n ** 63n) ? -(2n ** 63n) : whole;
	return {low: Number(BigInt.asIntN(32, clamped)), high: Number(clamped >> 32n), unsigned: false};
}

/** Operator sets of the ONNX domain that we read, write and know the semantics of. */
export const supportedOpsets = {lowest: 13, highest: 21} as const;
