/**
 * Training throughput beside PyTorch's, as CSV on standard output:
 *
 *     node dist/bench/engine/main.js --python python3 [--models mlp,resnet18] [--batches 8,32] [--threads 1] [--tfjs]
 *
 * ratio = our items per second / PyTorch's. Without --python only our own figures are printed. Summaries go to standard
 * error. Nothing here asserts anything.
 */
import {parseArgs} from 'node:util';
import {batches, casesOf, models, threadCounts} from './cases.js';
import {compare, geometricMean, type Measured, type Row} from './compare.js';

const {values} = parseArgs({
	options: {
		models: {type: 'string', default: models.join()},
		batches: {type: 'string', default: batches.join()},
		threads: {type: 'string', default: threadCounts.join()},
		python: {type: 'string'},
		tfjs: {type: 'boolean', default: false},
		blocks: {type: 'string', default: '5'},
		seconds: {type: 'string', default: '0.7'},
	},
});

const numbers = (text: string): number[] => text.split(',').map(Number);
const rate = (measured: Measured | undefined): string => measured?.itemsPerSecond.toFixed(1) ?? '';
const memory = (measured: Measured | undefined): string => measured?.peakMiB.toFixed(0) ?? '';

const ratioOf = ({ours, torch}: Row): number | undefined =>
	torch === undefined ? undefined : ours.itemsPerSecond / torch.itemsPerSecond;

function line(row: Row): string {
	const {model, batch, threads} = row.case;
	const tfjs = row.tfjs === undefined ? [] : [typeof row.tfjs === 'string' ? 'cannot train it' : rate(row.tfjs)];
	return [
		model,
		batch,
		threads,
		rate(row.ours),
		rate(row.torch),
		ratioOf(row)?.toFixed(2) ?? '',
		memory(row.ours),
		memory(row.torch),
		...tfjs,
	].join();
}

const columns = ['model', 'batch', 'threads', 'items/s', 'torch items/s', 'ratio', 'peak MiB', 'torch peak MiB'];
console.log([...columns, ...(values.tfjs ? ['tfjs items/s'] : [])].join());
const rows: Row[] = [];
for (const one of casesOf(values.models.split(','), numbers(values.batches), numbers(values.threads))) {
	const row = await compare(one, {
		blocks: Number(values.blocks),
		block: {seconds: Number(values.seconds), steps: 2},
		python: values.python,
		tfjs: values.tfjs,
	});
	rows.push(row);
	console.log(line(row));
}

const ratios = rows.flatMap(row => ratioOf(row) ?? []);
if (ratios.length === 0) {
	console.error('PyTorch was not measured: give --python a Python that has torch.');
} else {
	for (const model of new Set(rows.map(row => row.case.model))) {
		const own = rows.filter(row => row.case.model === model).flatMap(row => ratioOf(row) ?? []);
		console.error(`${model}: geometric mean ${geometricMean(own).toFixed(2)}, minimum ${Math.min(...own).toFixed(2)}`);
	}
	console.error(`all: geometric mean ${geometricMean(ratios).toFixed(2)}, minimum ${Math.min(...ratios).toFixed(2)}`);
}
