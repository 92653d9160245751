import test from 'ava';
import fc from 'fast-check';
import {publishHeader} from '../../../core/wire/transports/pieces.js';
import {FrameDivider} from '../../../fog-broker/express/divider.js';

const publish = (topic: string, payload: Buffer, retain = false) =>
	Buffer.concat([publishHeader(topic, payload.length, retain), payload]);

const frame = fc.oneof(
	fc.constant({taken: false, bytes: Buffer.from('c000', 'hex')}),
	fc.uint8Array({maxLength: 300}).map(data => ({taken: false, bytes: publish('stays', Buffer.from(data))})),
	fc.uint8Array({maxLength: 300}).map(data => ({taken: false, bytes: publish('goes', Buffer.from(data), true)})),
	fc.uint8Array({maxLength: 300}).map(data => ({taken: true, bytes: publish('goes', Buffer.from(data))})),
);

test('frames to chosen topics are taken out whole, all else stays in order, however the stream is cut', t => {
	fc.assert(
		fc.property(fc.array(frame, {maxLength: 12}), fc.array(fc.integer({min: 1, max: 200})), (frames, cuts) => {
			const taken: Buffer[] = [];
			const divider = new FrameDivider<true>({
				route: topic => (topic === 'goes' ? true : undefined),
				take: (_, pieces) => taken.push(Buffer.concat(pieces)),
			});
			const stream = Buffer.concat(frames.map(({bytes}) => bytes));
			const stayed: Buffer[] = [];
			let at = 0;
			for (const size of [...cuts, stream.length]) {
				stayed.push(...divider.push(Buffer.from(stream.subarray(at, at + size))));
				at = Math.min(stream.length, at + size);
			}
			t.deepEqual(
				taken,
				frames.filter(one => one.taken).map(({bytes}) => bytes),
			);
			t.deepEqual(Buffer.concat(stayed), Buffer.concat(frames.filter(one => !one.taken).map(({bytes}) => bytes)));
		}),
		{numRuns: 300},
	);
});
