/** The beginning of an MQTT frame, as far as it says whether the frame is a plain PUBLISH, where to, and how long it is. */

/** PUBLISH without any flag: QoS 0, not retained, not repeated (MQTT 3.1.1, 3.3.1). */
const plainPublish = 0x30;
/** Fixed header of five bytes, topic length of two, and a topic longer than any of ours. */
export const maxHeadBytes = 7 + 512;

/** `bytes`: of the whole frame. */
export type FrameHead =
	/** Not enough of it is here. */
	| {readonly kind: 'short'}
	| {readonly kind: 'other'; readonly bytes: number}
	| {readonly kind: 'publish'; readonly bytes: number; readonly topic: string; readonly headBytes: number};

/** @param head the first bytes of a frame; `maxHeadBytes` are always enough. */
export function readHead(head: Buffer): FrameHead {
	let length = 0;
	let at = 1;
	for (let scale = 1; ; scale *= 128) {
		const byte = head[at++];
		if (byte === undefined) {
			return {kind: 'short'};
		}
		length += (byte & 0x7f) * scale;
		if (byte < 0x80 || at === 5) {
			break;
		}
	}
	const bytes = at + length;
	if (head[0] !== plainPublish || length < 2) {
		return {kind: 'other', bytes};
	}
	if (head.length < at + 2) {
		return {kind: 'short'};
	}
	const headBytes = at + 2 + head.readUInt16BE(at);
	if (headBytes > maxHeadBytes || headBytes > bytes) {
		return {kind: 'other', bytes};
	}
	return head.length < headBytes
		? {kind: 'short'}
		: {kind: 'publish', bytes, headBytes, topic: head.toString('utf8', at + 2, headBytes)};
}
