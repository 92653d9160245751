/** CIFAR-10's binary version (cs.toronto.edu/~kriz/cifar.html): records of one label byte and 3×32×32 pixel bytes. */
import {formatError, readDataFile} from './bytes.js';

const pixels = 3 * 32 * 32;
const record = 1 + pixels;
const classes = 10;

export interface Pictures {
	/** Items of 3×32×32 bytes, red plane first. */
	readonly pixels: Uint8Array;
	readonly labels: Int32Array;
}

/**
 * Reads the records of several files one after the other.
 * @throws FplError `DATA_FILE`; `DATA_FORMAT` when a file is no whole number of records or a label is over 9.
 */
export async function readCifar(files: readonly string[]): Promise<Pictures> {
	const contents: Uint8Array[] = [];
	for (const file of files) {
		const bytes = await readDataFile(file, {maximum: 2 ** 28});
		if (bytes.length === 0 || bytes.length % record !== 0) {
			throw formatError(file, {expected: `whole records of ${record} bytes`, got: `${bytes.length} bytes`});
		}
		for (let start = 0; start < bytes.length; start += record) {
			if (bytes[start]! >= classes) {
				throw formatError(file, {
					problem: `record ${start / record} has no valid label`,
					expected: `0 to ${classes - 1}`,
					got: `${bytes[start]}`,
				});
			}
		}
		contents.push(bytes);
	}
	const items = contents.reduce((sum, bytes) => sum + bytes.length / record, 0);
	const result = {pixels: new Uint8Array(items * pixels), labels: new Int32Array(items)};
	let item = 0;
	for (const bytes of contents) {
		for (let start = 0; start < bytes.length; start += record) {
			result.labels[item] = bytes[start]!;
			result.pixels.set(bytes.subarray(start + 1, start + record), item * pixels);
			item += 1;
		}
	}
	return result;
}
