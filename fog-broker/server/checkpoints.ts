/**
 * Checkpoints: everything a run needs to go on, in one file, written atomically and guarded by a digest.
 *
 * Layout: the magic «FPLCKPT1», the header's length (uint32, little-endian), the header (JSON, UTF-8), the sections in the
 * header's order (float32, little-endian), and the SHA-256 of all that.
 */
import {createHash} from 'node:crypto';
import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import {type FileWriter, makeFolder, systemFiles, writeAtomically} from '../../core/atomic-file.js';
import {asFplError, FplError} from '../../core/errors.js';
import type {TrainerState} from '../../models/engines/engine.js';

const magic = Buffer.from('FPLCKPT1', 'latin1');
const digestBytes = 32;
const suffix = '.ckpt';

const headerSchema = z.strictObject({
	run: z.string(),
	/** Rounds finished: the run goes on with this one. */
	round: z.number().int().min(0),
	updates: z.number().int().min(0),
	/** Lengths of the sections in elements: parameters, buffers, then the optimiser's slots. */
	sections: z.array(z.number().int().min(0)).min(2),
	/** What else the coordinator wants back: cursors, ledger so far. */
	progress: z.json(),
});

export interface Checkpoint {
	readonly run: string;
	readonly round: number;
	readonly state: TrainerState;
	/** Anything that JSON can say. */
	readonly progress: unknown;
}

export interface CheckpointStore {
	/** @throws FplError `CHECKPOINT_WRITE` (disk full, no permission); earlier checkpoints are untouched. */
	save(checkpoint: Checkpoint): Promise<void>;
	/** The newest readable one, and those that had to be passed over with the reason. */
	latest(): Promise<{readonly checkpoint: Checkpoint | undefined; readonly damaged: readonly string[]}>;
}

const floatBytes = (data: Float32Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

export function encodeCheckpoint({run, round, state, progress}: Checkpoint): Uint8Array[] {
	const vectors = [state.parameters, state.buffers, ...state.slots];
	const header = {
		run,
		round,
		updates: state.updates,
		sections: vectors.map(({length}) => length),
		progress,
	};
	const text = Buffer.from(JSON.stringify(header));
	const length = Buffer.alloc(4);
	length.writeUInt32LE(text.length);
	const parts: Uint8Array[] = [magic, length, text, ...vectors.map(floatBytes)];
	const hash = createHash('sha256');
	for (const part of parts) {
		hash.update(part);
	}
	return [...parts, hash.digest()];
}

/** @throws FplError `CHECKPOINT_CORRUPT` naming what is wrong. */
export function decodeCheckpoint(bytes: Buffer, where: string): Checkpoint {
	const corrupt = (problem: string, cause?: unknown) =>
		new FplError('CHECKPOINT_CORRUPT', {where, problem}, cause === undefined ? {} : {cause});
	const body = bytes.subarray(0, Math.max(0, bytes.length - digestBytes));
	if (body.length < magic.length + 4 || !body.subarray(0, magic.length).equals(magic)) {
		throw corrupt('it does not begin like a checkpoint');
	}
	if (!createHash('sha256').update(body).digest().equals(bytes.subarray(body.length))) {
		throw corrupt('its digest does not match its contents');
	}
	const start = magic.length + 4;
	const headerEnd = start + body.readUInt32LE(magic.length);
	let header: z.output<typeof headerSchema>;
	try {
		header = headerSchema.parse(JSON.parse(body.toString('utf8', start, headerEnd)));
	} catch (error) {
		throw corrupt('its header cannot be read', error);
	}
	if (headerEnd + 4 * header.sections.reduce((a, b) => a + b, 0) !== body.length) {
		throw corrupt('its sections do not fill the file');
	}
	let offset = headerEnd;
	const vectors = header.sections.map(length => {
		const copy = Uint8Array.prototype.slice.call(body, offset, offset + 4 * length);
		offset += 4 * length;
		return new Float32Array(copy.buffer, copy.byteOffset, length);
	});
	const [parameters, buffers, ...slots] = vectors as [Float32Array, Float32Array, ...Float32Array[]];
	return {
		run: header.run,
		round: header.round,
		progress: header.progress,
		state: {parameters, buffers, slots, updates: header.updates},
	};
}

/** Keeps the last `keep` checkpoints of one run in a directory. */
export function fileCheckpoints(
	directory: string,
	{keep = 3, files = systemFiles}: {readonly keep?: number; readonly files?: FileWriter} = {},
): CheckpointStore {
	const names = async (): Promise<string[]> => {
		try {
			return (await readdir(directory)).filter(name => name.endsWith(suffix)).sort();
		} catch {
			return [];
		}
	};
	return {
		async save(checkpoint) {
			const name = `round-${String(checkpoint.round).padStart(9, '0')}${suffix}`;
			try {
				await makeFolder(directory);
				await writeAtomically(path.join(directory, name), encodeCheckpoint(checkpoint), files);
				// Files of later rounds are damaged ones, which the run was resumed behind: they must not push out good ones.
				const all = await names();
				const place = all.indexOf(name);
				for (const old of [...all.slice(0, Math.max(0, place + 1 - keep)), ...all.slice(place + 1)]) {
					await files.remove(path.join(directory, old));
				}
			} catch (error) {
				throw new FplError(
					'CHECKPOINT_WRITE',
					{
						where: path.join(directory, name),
						problem: asFplError(error).facts.problem ?? String(error),
						fix: 'Free some space or check the permissions; the run goes on and tries again.',
					},
					{cause: error},
				);
			}
		},
		async latest() {
			const damaged: string[] = [];
			for (const name of (await names()).reverse()) {
				const file = path.join(directory, name);
				try {
					return {checkpoint: decodeCheckpoint(await readFile(file), file), damaged};
				} catch (error) {
					damaged.push(error instanceof Error ? error.message : String(error));
				}
			}
			return {checkpoint: undefined, damaged};
		},
	};
}
