/**
 * What stages cost beside computing. Prints CSV, and asserts nothing: times are those of this machine.
 *
 *     node dist/bench/stages/main.js pipeline [--models cnn-small,resnet18] [--batch 64] [--micros 4,8] [--steps 16] [--emulate PROFILE]
 *     node dist/bench/stages/main.js data-parallel [--models cnn-small] [--steps 24] [--pairs 3]
 *     node dist/bench/stages/main.js codecs [--models lenet5,sensor-cnn] [--epochs 20] [--seeds 1,2,3]
 *         [--codecs fp32,fp16,int8]
 */
import {mkdtempSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {parseArgs} from 'node:util';
import {codecBench} from './codecs.js';
import {dataParallelBench} from './data-parallel.js';
import {pipelineBench} from './pipeline.js';
import {type SideBySide, timeAlongside} from './side-by-side.js';

const {positionals, values} = parseArgs({
	allowPositionals: true,
	options: {
		models: {type: 'string'},
		steps: {type: 'string'},
		emulate: {type: 'string'},
		pairs: {type: 'string', default: '3'},
		epochs: {type: 'string', default: '20'},
		seeds: {type: 'string', default: '1,2,3'},
		batch: {type: 'string', default: '64'},
		micros: {type: 'string', default: '4,8'},
		alongside: {type: 'string', default: ''},
		codecs: {type: 'string', default: 'fp32,fp16,int8'},
	},
});
const folder = mkdtempSync(path.join(os.tmpdir(), 'fpl-stages-'));
const {models, steps, emulate, pairs, epochs, batch, micros} = values;
try {
	for (const what of positionals.length > 0 ? positionals : ['pipeline', 'data-parallel', 'codecs']) {
		const own = mkdtempSync(path.join(folder, `${what}-`));
		if (what === 'pipeline') {
			const names = (models ?? 'cnn-small,resnet18').split(',');
			await pipelineBench({
				folder: own,
				models: names,
				steps: Number(steps ?? 16),
				emulate,
				batch: Number(batch),
				microBatches: micros.split(',').map(Number),
			});
		} else if (what === 'data-parallel') {
			for (const model of (models ?? 'cnn-small').split(',')) {
				await dataParallelBench({folder: own, model, steps: Number(steps ?? 24), pairs: Number(pairs)});
			}
		} else if (what === 'codecs') {
			const names = (models ?? 'lenet5,sensor-cnn').split(',');
			const seeds = values.seeds.split(',').map(Number);
			const codecs = values.codecs.split(',');
			await codecBench({folder: own, models: names, epochs: Number(epochs), seeds, codecs});
		} else if (what === 'alongside') {
			// Started by the pipeline's bench, twice at a time.
			await timeAlongside(JSON.parse(values.alongside) as SideBySide);
		} else {
			throw new Error(`expected pipeline, data-parallel or codecs, got «${what}»`);
		}
	}
} finally {
	rmSync(folder, {recursive: true, force: true});
}
