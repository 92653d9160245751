/** Our contender: `node ours.js ENGINE MODEL BATCH THREADS`. The clock runs around `Trainer.step`, worker thread included. */

import {performance} from 'node:perf_hooks';
import {createInterface} from 'node:readline';
import {asFplError} from '../../core/errors.js';
import {seededRandom} from '../../core/random.js';
import {int64, sizeOf, type Tensor, tensor} from '../../core/tensor/tensor.js';
import type {Batch, EngineName} from '../../models/engines/engine.js';
import {startEngine} from '../../models/engines/index.js';
import type {Model} from '../../models/graph.js';
import {buildModel} from '../../models/zoo/zoo.js';
import type {BlockRequest} from './contender.js';

const classes = 10;

/** Random numbers for pictures, random ids for tokens. */
function batchFor({graph}: Model, items: number): Batch {
	const random = seededRandom(1);
	const inputs = Object.fromEntries(
		graph.inputs.map(({name, dtype, shape}): [string, Tensor] => {
			const full = [items, ...(shape ?? []).slice(1).map(Number)];
			const length = sizeOf(full);
			return [
				name,
				dtype === 'int64'
					? int64(
							full,
							Array.from({length}, () => Math.floor(random.next() * 256)),
						)
					: tensor(
							'float32',
							full,
							Float32Array.from({length}, () => 2 * random.next() - 1),
						),
			];
		}),
	);
	return {
		inputs,
		targets: int64(
			[items],
			Array.from({length: items}, () => Math.floor(random.next() * classes)),
		),
	};
}

const print = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

async function main([engineName, modelName, batchSize, threads]: readonly string[]): Promise<void> {
	const engine = await startEngine(engineName as EngineName, {threads: Number(threads)});
	const model = buildModel(modelName!, {classes});
	const batch = batchFor(model, Number(batchSize));
	const trainer = await engine.trainer(model, {
		loss: 'softmax-cross-entropy',
		optimizer: {kind: 'sgd', lr: 0.01, momentum: 0.9, nesterov: false, weightDecay: 0},
		seed: 0,
	});
	await trainer.step(batch);
	print({parameters: trainer.parameters.length});
	for await (const line of createInterface({input: process.stdin})) {
		const request = JSON.parse(line) as BlockRequest;
		const started = performance.now();
		let steps = 0;
		let seconds = 0;
		while (steps < request.steps || seconds < request.seconds) {
			await trainer.step(batch);
			steps++;
			seconds = (performance.now() - started) / 1000;
		}
		print({steps, seconds, peakBytes: process.resourceUsage().maxRSS * 1024});
	}
	await engine.close();
}

main(process.argv.slice(2)).catch((error: unknown) => {
	print({error: asFplError(error).message});
	process.exitCode = 1;
});
