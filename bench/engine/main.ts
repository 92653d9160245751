/**
 * Training throughput beside PyTorch's, as CSV on standard output:
 *
 *     node dist/bench/engine/main.js --python python3 [--models mlp,resnet18] [--batches 8,32] [--threads 1] [--tfjs]
 *
 * A round is a short block of steps on either side, right after each other. Rounds that other processes disturbed are
 * measured again (up to --most rounds or --patience seconds), and count only where no round was clean; the column clean
 * says how many of how many were. ratio = our items per second / PyTorch's, median over the clean rounds; best ratio: each
 * one's fastest block over the other's. round trip: nanoseconds of a cache line to the other processor and back, least
 * and most in those rounds. Without --python only our own figures are printed. Summaries go to standard error. Nothing
 * here asserts anything.
 */
import {parseArgs} from 'node:util';
import {batches, casesOf, models, threadCounts} from './cases.js';
import {compare, geometricMean, type Measured, type Row} from './compare.js';
import {Distance} from './distance.js';

const {values} = parseArgs({
	options: {
		models: {type: 'string', default: models.join()},
		batches: {type: 'string', default: batches.join()},
		threads: {type: 'string', default: threadCounts.join()},
		python: {type: 'string'},
		tfjs: {type: 'boolean', default: false},
		rounds: {type: 'string', default: '7'},
		most: {type: 'string', default: '20'},
		patience: {type: 'string', default: '60'},
		seconds: {type: 'string', default: '0.3'},
	},
});

const numbers = (text: string): number[] => text.split(',').map(Number);
const rate = (measured: Measured | undefined): string => measured?.itemsPerSecond.toFixed(1) ?? '';
const memory = (measured: Measured | undefined): string => measured?.peakMiB.toFixed(0) ?? '';

const ratioOf = ({ratio}: Row): number | undefined => ratio;

const bestRatioOf = ({ours, torch}: Row): number | undefined =>
	torch === undefined ? undefined : ours.best / torch.best;

function line(row: Row): string {
	const {model, batch, threads} = row.case;
	const tfjs = row.tfjs === undefined ? [] : [typeof row.tfjs === 'string' ? row.tfjs : rate(row.tfjs)];
	return [
		model,
		batch,
		threads,
		rate(row.ours),
		rate(row.torch),
		ratioOf(row)?.toFixed(2) ?? '',
		bestRatioOf(row)?.toFixed(2) ?? '',
		memory(row.ours),
		memory(row.torch),
		`${row.clean}/${row.rounds}`,
		threads > 1 ? row.roundTripNs.map(ns => ns.toFixed(0)).join('–') : '',
		...tfjs,
	].join();
}

const columns = [
	'model',
	'batch',
	'threads',
	'items/s',
	'torch items/s',
	'ratio',
	'best ratio',
	'peak MiB',
	'torch peak MiB',
	'clean',
	'round trip ns',
];
console.log([...columns, ...(values.tfjs ? ['tfjs items/s'] : [])].join());
const distance = new Distance();
const rows: Row[] = [];
for (const one of casesOf(values.models.split(','), numbers(values.batches), numbers(values.threads))) {
	const row = await compare(one, {
		rounds: Number(values.rounds),
		most: Number(values.most),
		patience: Number(values.patience),
		block: {seconds: Number(values.seconds), steps: 1},
		distance,
		python: values.python,
		tfjs: values.tfjs,
	});
	rows.push(row);
	console.log(line(row));
}

await distance.close();

function summary(what: string, chosen: readonly Row[]): string {
	const told = ([name, of]: readonly [string, (row: Row) => number | undefined]) => {
		const ratios = chosen.flatMap(row => of(row) ?? []);
		return `${name}: geometric mean ${geometricMean(ratios).toFixed(2)}, minimum ${Math.min(...ratios).toFixed(2)}`;
	};
	return `${what}: ${[['ratio', ratioOf] as const, ['best ratio', bestRatioOf] as const].map(told).join('; ')}`;
}

if (rows.every(row => row.torch === undefined)) {
	console.error('PyTorch was not measured: give --python a Python that has torch.');
} else {
	for (const model of new Set(rows.map(row => row.case.model))) {
		console.error(
			summary(
				model,
				rows.filter(row => row.case.model === model),
			),
		);
	}
	console.error(summary('all', rows));
}
