/**
 * A walk over the bytes of a protobuf message that counts what decoding would create. Two bytes of a file can become an
 * object of a hundred bytes in memory; the count is bounded before any of them is made.
 */
import protobuf from 'protobufjs';

/** 64-bit integers are decoded to objects; other packed numbers take about their own size. */
const wide = new Set(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64']);

interface Tally {
	left: number;
}

/**
 * @param limit how many messages, strings and 64-bit integers the bytes may contain.
 * @returns whether they stay below the limit. Malformed bytes are answered with true: decoding will say what is wrong.
 */
export function withinLimit(bytes: Uint8Array, type: protobuf.Type, limit: number): boolean {
	const tally = {left: limit};
	try {
		walk(protobuf.Reader.create(bytes), type, tally);
	} catch {
		return tally.left >= 0;
	}
	return tally.left >= 0;
}

function walk(reader: protobuf.Reader, type: protobuf.Type, tally: Tally): void {
	while (reader.pos < reader.len && tally.left >= 0) {
		const tag = reader.uint32();
		const wireType = tag & 7;
		const field = type.fieldsById[tag >>> 3];
		tally.left--;
		if (field === undefined || wireType !== 2) {
			reader.skipType(wireType);
			continue;
		}
		const end = reader.uint32() + reader.pos;
		if (end > reader.len) {
			return;
		}
		const {resolvedType} = field.resolve();
		if (resolvedType instanceof protobuf.Type) {
			const inner = protobuf.Reader.create(reader.buf.subarray(reader.pos, end));
			walk(inner, resolvedType, tally);
		} else if (field.repeated && wide.has(field.type)) {
			tally.left -= varintsIn(reader.buf, reader.pos, end);
		}
		reader.pos = end;
	}
}

/** Each varint ends with its one byte below 128. */
function varintsIn(bytes: Uint8Array, start: number, end: number): number {
	let count = 0;
	for (let at = start; at < end; at++) {
		count += bytes[at]! < 128 ? 1 : 0;
	}
	return count;
}
