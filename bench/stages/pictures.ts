/** Noise in the form of coloured pictures, as NumPy files: what is measured with it does not depend on what is seen. */
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {seededRandom} from '../../core/random.js';

/** NumPy's format 1.0. */
function npy(type: '<f4' | '<i8', shape: readonly number[], data: Float32Array | BigInt64Array): Buffer {
	const dimensions = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
	const header = `{'descr': '${type}', 'fortran_order': False, 'shape': ${dimensions}, }`;
	const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
	const head = Buffer.alloc(10);
	head.write('\u0093NUMPY\u0001\u0000', 'latin1');
	head.writeUInt16LE(padded.length, 8);
	return Buffer.concat([head, Buffer.from(padded, 'latin1'), Buffer.from(data.buffer)]);
}

export const pictureShape = [3, 32, 32] as const;
export const pictureClasses = 10;

/** Answers the folder, for jobs with dataset `npy`. */
export const pictures = (folder: string, train: number): string =>
	noise(path.join(folder, 'pictures'), pictureShape, train);

/** Items of another shape; `place`: a folder that is made. */
export function noise(place: string, shape: readonly number[], train: number): string {
	mkdirSync(place);
	const random = seededRandom(1);
	for (const [part, items] of Object.entries({train, test: 16})) {
		const labels = BigInt64Array.from({length: items}, (_, item) => BigInt(item % pictureClasses));
		const size = shape.reduce((product, dim) => product * dim, items);
		const values = Float32Array.from({length: size}, () => random.next() - 0.5);
		writeFileSync(path.join(place, `x_${part}.npy`), npy('<f4', [items, ...shape], values));
		writeFileSync(path.join(place, `y_${part}.npy`), npy('<i8', [items], labels));
	}
	return place;
}

export const median = (values: readonly number[]): number => {
	const sorted = values.toSorted((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
